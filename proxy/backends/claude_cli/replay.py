"""A ChatRequest as the lines that tell it to a process. Pure.

The whole history travels as structured turns. What is defined here, because the CLI or the API leaves no other way:

- System messages, wherever they stand, form the system prompt together, in their order, a blank line between them.
- Texts of blanks only, which the API refuses, and messages without content say nothing and are left out; the last
  message has to say something.
- Neighbouring messages of one role reach the model as one, which is the API's own rule.
- A conversation that the assistant begins has an empty user message before it, for which the CLI writes
  "(no content)": the API wants the user to begin.
- The results of calls stand in one message, before what else the user says (`proxy.shape.rounds`). Their blocks are
  those that the CLI itself makes of a result that it waited for, so that the API sees the same either way; pictures
  that come with an error follow after the results, since the API takes only words for one.
- With the assistant's words last (`Target.prefill`), the API gets the conversation as a whole, by the one way around
  the CLI's own turns that there is, and blanks at the end of those words are cut off, since the API refuses them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from uuid import uuid4

from proxy.backends.claude_cli.codec import JsonObject, encode_assistant, encode_user
from proxy.backends.claude_cli.tools import PLAIN, Naming
from proxy.core.contracts import Target
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Document, Image, Message, Part, Text, Thought, ToolCall, ToolResult

Blocks = tuple[JsonObject, ...]
"""The content of a message, as blocks of the Messages API."""

THINKING = ("thinking", "redacted_thinking")
"""The types of blocks that hold thinking."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """An answer as the API gave it: `model` is the id of the model that gave it, whose thoughts no other may see."""

    model: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Step:
    """Lines to write. `awaited`: the CLI acknowledges them with a `Result` before it takes the next ones."""

    data: bytes
    awaited: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """What to write to a process: the `steps`, then the `prompt`, which asks and has the `uuid`.

    `turns` are the uuids of the user messages in it, by which they can be taken back, the last one first; those that
    hold the results of calls go with the message before the calls.
    """

    steps: tuple[Step, ...]
    prompt: bytes
    uuid: str
    turns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A request as a process has to hear it.

    `system` is the system prompt, None for none. `history` goes up to the last answer, `asked` are the user messages
    after it, at least one; neither has a message that says nothing. `recalled` are the answers of the history, by
    index, that are remembered as the API gave them. `whole` is set for a prefilled answer: the
    messages of the API request in place of everything the process holds.
    """

    system: str | None
    history: tuple[Message, ...]
    asked: tuple[Message, ...]
    naming: Naming
    recalled: Mapping[int, Recalled] = field(default_factory=dict)
    whole: tuple[JsonObject, ...] = ()

    @property
    def results(self) -> tuple[ToolResult, ...] | None:
        """The results of the last answer's calls, when nothing else is asked; None when something is."""
        parts = [part for message in self.asked for part in message.parts if not is_blank(part)]
        results = tuple(part for part in parts if isinstance(part, ToolResult))
        return results if len(results) == len(parts) else None

    @property
    def brings_results(self) -> bool:
        """Whether the last answer's calls have their results in what is asked."""
        return not _asks(self.asked[0])

    @property
    def round_start(self) -> int:
        """The index in the history of the last question: what was asked before the calls, if there are any since."""
        # A conversation that the assistant begins has the empty question that is told before it.
        return max((index for index, message in enumerate(self.history) if _asks(message)), default=0)

    def content(self, message: Message) -> list[JsonObject]:
        """A message as the API's blocks."""
        return blocks_of(message, self.naming)

    def size(self, start: int) -> int:
        """About how many characters there are to tell from the message at `start` on."""
        return size_of(self.history[start:]) + size_of(self.asked)

    def telling(self, model: str, start: int, new_id: Callable[[], str] = lambda: str(uuid4())) -> Telling:
        """The lines for a process that holds the history up to the message at `start`."""
        told = [(message, self.recalled.get(index)) for index, message in enumerate(self.history) if index >= start]
        told += [(message, None) for message in self.asked]
        if told[0][0].role == "assistant" and start == 0:
            told.insert(0, (Message("user"), None))
        steps: list[Step] = []
        turns: list[str] = []
        for message, recalled in told:
            known = recalled or Recalled(model, tuple(self.content(message)))
            # Assistant lines are taken at once, user lines are queued: an answer waits until its question was taken.
            if message.role == "assistant":
                data = encode_assistant(new_id(), f"msg_{new_id()}", known.model, known.blocks)
                steps.append(Step(data, awaited=False))
                continue
            uuid = new_id()
            if _asks(message):
                turns.append(uuid)
            steps.append(Step(encode_user(uuid, known.blocks, ask=len(steps) == len(told) - 1), awaited=True))
        return Telling(tuple(steps[:-1]), steps[-1].data, uuid, tuple(turns))


def make_script(request: ChatRequest, target: Target, naming: Naming = PLAIN) -> Script:
    """The script of `request`. Raises `InvalidRequest` when there is nothing to ask."""
    system = [message.text for message in request.messages if message.role == "system" and message.text.strip()]
    if target.structure is not None and target.structure.instruction:
        system.append(target.structure.instruction)
    spoken = [message for message in request.messages if message.role != "system"]
    if not spoken:
        raise InvalidRequest("there is no user message")
    if not _says(spoken[-1]):
        raise InvalidRequest("the last message is empty")
    said = [message for message in spoken if _says(message)]
    prompt = "\n\n".join(system) or None
    if said[-1].role == "assistant":
        if not target.prefill:
            raise InvalidRequest("the last message is the assistant's; end with a user message")
        asked = next((message for message in reversed(said) if message.role == "user"), None)
        if asked is None:
            raise InvalidRequest("there is no user message")
        script = Script(prompt, (), (asked,), naming)
        return replace(script, whole=_whole(said, script))
    answers = [index for index, message in enumerate(said) if message.role == "assistant"]
    cut = answers[-1] + 1 if answers else 0
    return Script(prompt, tuple(said[:cut]), tuple(said[cut:]), naming)


def _asks(message: Message) -> bool:
    """Whether a message is a user's own, and not what the calls before it came to."""
    return message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts)


def _whole(said: Sequence[Message], script: Script) -> tuple[JsonObject, ...]:
    messages: list[JsonObject] = [
        {"role": role, "content": [block for message in group for block in script.content(message)]}
        for role, group in groupby(said, key=attrgetter("role"))
    ]
    if messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": [{"type": "text", "text": "(no content)"}]})
    content = messages[-1]["content"]
    if content[-1]["type"] == "text":
        content[-1] = {"type": "text", "text": content[-1]["text"].rstrip()}
    return tuple(messages)


def _says(message: Message) -> bool:
    return not all(map(is_blank, message.parts))


_FRAME = 64
# Characters that a part or a value takes besides its own, in work if not in length.


def size_of(messages: Iterable[Message]) -> int:
    """About how much work messages are, in characters."""
    return sum(_size(part) for message in messages for part in message.parts)


def _size(part: Part) -> int:
    match part:
        case Text(text):
            return _FRAME + len(text)
        case ToolCall():
            return _FRAME + _value_size(part.arguments)
        case ToolResult():
            return _FRAME + sum(map(_size, part.parts))
        case Thought(text, _, data):
            return _FRAME + len(text) + len(data)
        case _:
            return _FRAME + len(part.data)


def _value_size(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_FRAME + _value_size(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(_FRAME + _value_size(inner) for inner in value)
    return _FRAME


def thinks(blocks: Iterable[JsonObject]) -> bool:
    """Whether there is thinking among `blocks`."""
    return any(block["type"] in THINKING for block in blocks)


def is_blank(part: Part) -> bool:
    """Whether a part says nothing: the API refuses texts of blanks."""
    return isinstance(part, Text) and (not part.text or part.text.isspace())


def blocks_of(message: Message, naming: Naming) -> list[JsonObject]:
    """The content of a message as blocks of the Messages API."""
    blocks = [block_of(part, naming) for part in message.parts if not is_blank(part)]
    failed = (part for part in message.parts if isinstance(part, ToolResult) and part.error)
    pictures = (inner for part in failed for inner in part.parts if not isinstance(inner, Text))
    return blocks + [block_of(picture, naming) for picture in pictures]


def block_of(part: Part, naming: Naming) -> JsonObject:
    """A part of a message as a block of the Messages API."""
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data):
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case Document(data, name):
            source = {"type": "base64", "media_type": "application/pdf", "data": data}
            return {"type": "document", "source": source, **({"title": name} if name else {})}
        case Thought(redacted=data) if data:
            return {"type": "redacted_thinking", "data": data}
        case Thought(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case ToolCall(call_id, name, arguments):
            return {"type": "tool_use", "id": call_id, "name": naming.api_name(name), "input": dict(arguments)}
        case ToolResult(call_id, error=True):
            words = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
            return {"type": "tool_result", "content": words, "is_error": True, "tool_use_id": call_id}
        case ToolResult(call_id, parts):
            content = [block_of(inner, naming) for inner in parts if not is_blank(inner)]
            return {"tool_use_id": call_id, "type": "tool_result", "content": content}
