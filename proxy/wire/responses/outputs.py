"""The items of an answer of /v1/responses: as objects, and piece by piece.

An item that is being written has `pieces`, its text so far. The stream of its deltas is hot: what does not change of
a delta is made once, and stands before the sequence number (`head`), between it and the text (`middle`), and behind
(`tail`).
"""

from typing import Literal

from proxy.core.request import Thought
from proxy.wire.jsontext import escape
from proxy.wire.responses.seal import sealed

Status = Literal["in_progress", "completed", "incomplete"]
Frame = tuple[str, str]
"""An event without its number: its type, and the members of its object behind type and number."""


def message_object(id: str, text: str | None, status: Status) -> str:
    """A message; None for no text yet."""
    content = "" if text is None else _text_part(text)
    return f'{{"id":"{id}","type":"message","role":"assistant","status":"{status}","content":[{content}]}}'


def reasoning_object(id: str, thought: Thought, status: Status) -> str:
    """A thought: what it reads as is the summary, what the model needs of it the encrypted content."""
    summary = _summary_part(thought.text) if thought.text else ""
    seal = sealed(thought)
    return (
        f'{{"id":"{id}","type":"reasoning","status":"{status}","summary":[{summary}],'
        f'"encrypted_content":{escape(seal) if seal else "null"}}}'
    )


def call_object(id: str, call_id: str, name: str, space: str, arguments: str, status: Status) -> str:
    """A call of the function `name`, in full, which stands in the namespace `space` if that is not empty."""
    short = name.removeprefix(f"{space}.") if space else name
    namespace = f',"namespace":{escape(space)}' if space else ""
    return (
        f'{{"id":"{id}","type":"function_call","status":"{status}","call_id":{escape(call_id)},'
        f'"name":{escape(short)}{namespace},"arguments":{escape(arguments)}}}'
    )


class _Writing:
    """An item that is being written, the `index`th of its answer."""

    def __init__(self, id: str, index: int, kind: str, place: str, tail: str = "") -> None:
        self.id = id
        self.pieces: list[str] = []
        self._kind = kind
        self._place = f'"item_id":"{id}","output_index":{index}{place}'
        self.head = f'event: {kind}.delta\ndata: {{"type":"{kind}.delta","sequence_number":'
        self.middle = f',{self._place},"delta":'
        self.tail = f"{tail}}}\n\n"

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class MessageWriting(_Writing):
    """A message of one text."""

    def __init__(self, id: str, index: int) -> None:
        super().__init__(id, index, "response.output_text", ',"content_index":0', ',"logprobs":[]')

    def opened(self) -> list[Frame]:
        """Behind the item's own beginning."""
        return [("response.content_part.added", f'{self._place},"part":{_text_part("")}')]

    def closed(self) -> list[Frame]:
        """Before the item's own end."""
        text = self.text
        return [
            (f"{self._kind}.done", f'{self._place},"text":{escape(text)},"logprobs":[]'),
            ("response.content_part.done", f'{self._place},"part":{_text_part(text)}'),
        ]

    def object(self, status: Status) -> str:
        return message_object(self.id, None if status == "in_progress" else self.text, status)


class ReasoningWriting(_Writing):
    """A thought that shows; its `signature` comes last."""

    def __init__(self, id: str, index: int) -> None:
        super().__init__(id, index, "response.reasoning_summary_text", ',"summary_index":0')
        self.signature = ""

    def opened(self) -> list[Frame]:
        """Behind the item's own beginning."""
        return [("response.reasoning_summary_part.added", f'{self._place},"part":{_summary_part("")}')]

    def closed(self) -> list[Frame]:
        """Before the item's own end."""
        text = self.text
        return [
            (f"{self._kind}.done", f'{self._place},"text":{escape(text)}'),
            ("response.reasoning_summary_part.done", f'{self._place},"part":{_summary_part(text)}'),
        ]

    def object(self, status: Status) -> str:
        return reasoning_object(self.id, Thought(self.text, self.signature), status)


class CallWriting(_Writing):
    """A call of the function `name`, in full, of the namespace `space`; `complete` once its arguments are."""

    def __init__(self, id: str, index: int, call_id: str, name: str, space: str) -> None:
        super().__init__(id, index, "response.function_call_arguments", "")
        self.complete = False
        self._call_id = call_id
        self._name = name
        self._space = space

    def opened(self) -> list[Frame]:
        """Nothing stands behind the item's own beginning."""
        return []

    def closed(self) -> list[Frame]:
        """Before the item's own end; arguments that were cut off are never done."""
        return [(f"{self._kind}.done", f'{self._place},"arguments":{escape(self.text)}')] if self.complete else []

    def object(self, status: Status) -> str:
        return call_object(self.id, self._call_id, self._name, self._space, self.text, status)


Writing = MessageWriting | ReasoningWriting | CallWriting


def _text_part(text: str) -> str:
    return f'{{"type":"output_text","text":{escape(text)},"annotations":[],"logprobs":[]}}'


def _summary_part(text: str) -> str:
    return f'{{"type":"summary_text","text":{escape(text)}}}'
