"""The calls of one answer, from the pieces in which the API sends them. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from proxy.backends.claude_cli.codec import JsonObject
from proxy.core.errors import UpstreamFailed
from proxy.core.events import CallComplete, CallDelta, CallStarted, Event, ThinkingDelta
from proxy.core.numbers import plain
from proxy.core.request import ToolCall

_DEEPEST = 100
# Arrays and objects within arguments: every client reads these.


class Calls:
    """Collects calls of the `tools`, which are from the API's name to the client's.

    Those of `builtin` tools, which the CLI runs itself, are told as thoughts; `used` are their names. `complete` are
    the calls so far that have all their arguments, `broken` the names of those whose arguments are no JSON object.
    `known` and `unknown` count the complete calls of tools that were offered, and of others.
    """

    def __init__(self, tools: Mapping[str, str], builtin: frozenset[str] = frozenset()) -> None:
        self._tools = tools
        self._builtin = builtin
        self._uses = 0
        self._count = 0
        # The id and the name; no id for a builtin tool, whose call no client answers.
        self._current: tuple[str, str] | None = None
        self._pieces: list[str] = []
        self.complete: list[ToolCall] = []
        self.broken: list[str] = []
        self.known = 0
        self.unknown = 0
        self.used: list[str] = []

    @property
    def only_used(self) -> bool:
        """All calls of this message are of builtin tools, and there are some."""
        return bool(self._uses) and not (self.known or self.unknown)

    def next_message(self) -> None:
        """The results of the builtin tools are in, and the answer goes on with another message."""
        self._uses = 0

    def start(self, block: JsonObject) -> list[Event]:
        """A call begins with its `tool_use` block."""
        api_name = str(block["name"])
        if api_name in self._builtin:
            self.used.append(api_name)
            self._uses += 1
            self._current, self._pieces = ("", api_name), []
            return []
        if api_name in self._tools:
            self.known += 1
        else:
            self.unknown += 1
        call_id, name = str(block["id"]), self._tools.get(api_name, api_name)
        self._current, self._pieces = (call_id, name), []
        return [CallStarted(self._count, call_id, name)]

    def piece(self, text: Any) -> list[Event]:
        """The next piece of the arguments' JSON."""
        if self._current is None:
            return []
        if not isinstance(text, str):
            raise TypeError
        if not text:
            return []
        self._pieces.append(text)
        return [] if not self._current[0] else [CallDelta(self._count, text)]

    def stop(self) -> list[Event]:
        """A block ends: the call, if it is one. Arguments that are none show only when the answer ends."""
        if self._current is None:
            return []
        (call_id, name), self._current = self._current, None
        text = "".join(self._pieces)
        if not call_id:
            return [ThinkingDelta(f"[{name} {text}]\n")]
        index, self._count = self._count, self._count + 1
        try:
            arguments = read_arguments(text or "{}")
        except ValueError:
            self.broken.append(name)
            return []
        self.complete.append(ToolCall(call_id, name, arguments))
        missing: list[Event] = [] if text else [CallDelta(index, "{}")]
        return [*missing, CallComplete(index, call_id, name, arguments)]

    def error(self) -> UpstreamFailed:
        """What to say of an answer that has a broken call, and is not cut off."""
        return UpstreamFailed(f'the model called the tool "{self.broken[0]}" with arguments that are not a JSON object')


def read_arguments(text: str) -> dict[str, Any]:
    """The JSON object in `text`; integral numbers are int, as a client may write them. Raises ValueError."""
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the text is wrong, not its type
    _check_depth(value, _DEEPEST)
    return value


def _number(text: str) -> int | float:
    return plain(float(text))


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _check_depth(value: Any, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth == 0:
        raise ValueError("nested too deeply")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_depth(inner, depth - 1)
