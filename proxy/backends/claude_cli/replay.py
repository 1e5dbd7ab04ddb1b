"""A ChatRequest as the lines that tell it to a process. Pure.

The whole history travels as structured turns. What is defined here, because the CLI or the API leaves no other way:

- System messages, wherever they stand, form the system prompt together, in their order, a blank line between them.
- Texts of blanks only, which the API refuses, and messages without content say nothing and are left out; the last
  message has to say something.
- Neighbouring messages of one role reach the model as one, which is the API's own rule.
- A conversation that the assistant begins has an empty user message before it, for which the CLI writes
  "(no content)": the API wants the user to begin.
- With the assistant's words last (`Target.prefill`), the API gets the conversation as a whole, by the one way around
  the CLI's own turns that there is, and blanks at the end of those words are cut off, since the API refuses them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from uuid import uuid4

from proxy.backends.claude_cli.codec import JsonObject, encode_assistant, encode_user
from proxy.core.contracts import Target
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Document, Image, Message, Part, Text


@dataclass(frozen=True, slots=True)
class Step:
    """Lines to write. `awaited`: the CLI acknowledges them with a `Result` before it takes the next ones."""

    data: bytes
    awaited: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """What to write to a process: the `steps`, then the `prompt`, which asks.

    `turns` are the uuids of the user messages in it, by which they can be taken back, the last one first.
    """

    steps: tuple[Step, ...]
    prompt: bytes
    turns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A request as a process has to hear it.

    `system` is the system prompt, None for none. `history` goes up to the last answer, `asked` are the user messages
    after it, at least one; neither has a message that says nothing. `whole` is set for a prefilled answer: the
    messages of the API request in place of everything the process holds.
    """

    system: str | None
    history: tuple[Message, ...]
    asked: tuple[Message, ...]
    whole: tuple[JsonObject, ...] = ()

    def to_tell(self, *, held: bool) -> tuple[Message, ...]:
        """The messages that a process has yet to be told; it `held` the history already, or holds nothing."""
        return self.asked if held else (*self.history, *self.asked)

    def telling(self, model: str, *, held: bool, new_id: Callable[[], str] = lambda: str(uuid4())) -> Telling:
        """The lines of what a process has yet to be told."""
        told = list(self.to_tell(held=held))
        if told[0].role == "assistant":
            told.insert(0, Message("user"))
        *history, last = told
        steps: list[Step] = []
        turns: list[str] = []
        for message in history:
            # Assistant lines are taken at once, user lines are queued: an answer waits until its question was taken.
            if message.role == "user":
                turns.append(new_id())
                steps.append(Step(encode_user(turns[-1], _content(message), ask=False), awaited=True))
            else:
                data = encode_assistant(new_id(), f"msg_{new_id()}", model, _content(message))
                steps.append(Step(data, awaited=False))
        turns.append(new_id())
        return Telling(tuple(steps), encode_user(turns[-1], _content(last), ask=True), tuple(turns))


def make_script(request: ChatRequest, target: Target) -> Script:
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
        return Script(prompt, (), (asked,), whole=_whole(said))
    answers = [index for index, message in enumerate(said) if message.role == "assistant"]
    cut = answers[-1] + 1 if answers else 0
    return Script(prompt, tuple(said[:cut]), tuple(said[cut:]))


def _whole(said: Sequence[Message]) -> tuple[JsonObject, ...]:
    messages: list[JsonObject] = [
        {"role": role, "content": [block for message in group for block in _content(message)]}
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


def _content(message: Message) -> list[JsonObject]:
    return [_block(part) for part in message.parts if not is_blank(part)]


def size_of(messages: Iterable[Message]) -> int:
    """About how many characters messages have."""
    return sum(len(part.text if isinstance(part, Text) else part.data) for m in messages for part in m.parts)


def is_blank(part: Part) -> bool:
    """Whether a part says nothing: the API refuses texts of blanks."""
    return isinstance(part, Text) and (not part.text or part.text.isspace())


def _block(part: Part) -> JsonObject:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data):
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case Document(data, name):
            source = {"type": "base64", "media_type": "application/pdf", "data": data}
            return {"type": "document", "source": source, **({"title": name} if name else {})}
