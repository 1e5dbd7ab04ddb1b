"""What was said in recent requests, for the inspector: kept where the operator turned that on, and only so much."""

from collections import deque
from collections.abc import Mapping, Sequence

from proxy.observe.exchange import CURRENT, Contents, Exchange

_ONE = 64 << 10
_ALL = 16 << 20
# Bytes, about: what is kept of one request, and of all together.

_OVERHEAD = 100
# Bytes that a message or a call takes beside its text.


class ContentKeeper:
    """Keeps the prompts and answers of the newest requests, until there is no more room for them."""

    def __init__(self, room: int = _ALL) -> None:
        self._room = room
        self._size = 0
        self._kept: deque[Exchange] = deque()

    def prompt(self, _model: str, messages: Sequence[Mapping[str, object]]) -> None:
        """Keep a prompt: of a long one its end, where the question is."""
        exchange = CURRENT.get()
        if exchange is None:
            return
        shown, size = [], 0
        for message in reversed(messages):
            text = str(message.get("text", ""))
            room = _ONE - size - _OVERHEAD
            if room <= 0:
                break
            shown.append({**message, "text": text[:room]})
            size += min(room, len(text)) + _OVERHEAD
        cut = len(shown) < len(messages) or size >= _ONE
        self._keep(exchange, Contents(shown[::-1], size=size, cut=cut))

    def answer(self, _model: str, text: str, calls: Sequence[Mapping[str, object]]) -> None:
        """Keep an answer."""
        exchange = CURRENT.get()
        if exchange is None or exchange.contents is None:
            return
        contents = exchange.contents
        contents.text, contents.cut = text[:_ONE], contents.cut or len(text) > _ONE
        size = len(contents.text)
        shown = []
        for call in calls:
            arguments = str(call.get("arguments", ""))[:_ONE]
            size += len(arguments) + _OVERHEAD
            if size > 2 * _ONE:
                contents.cut = True
                break
            shown.append({"name": call.get("name", ""), "arguments": arguments})
        contents.calls = shown
        contents.size += size
        self._size += size
        self._make_room()

    def _keep(self, exchange: Exchange, contents: Contents) -> None:
        exchange.contents = contents
        self._kept.append(exchange)
        self._size += contents.size
        self._make_room()

    def _make_room(self) -> None:
        while self._size > self._room and self._kept:
            oldest = self._kept.popleft()
            if oldest.contents is not None:
                self._size -= oldest.contents.size
                oldest.contents = None
