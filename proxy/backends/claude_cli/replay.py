"""A ChatRequest as the lines that tell it to a process. Pure.

The whole history travels as structured turns. What is defined here, because the CLI or the API leaves no other way:

- System messages, wherever they stand, form the system prompt together, in their order, a blank line between them.
- Texts of blanks only, which the API refuses, and messages without content say nothing and are left out; the last
  message has to say something, and to be the user's.
- Neighbouring messages of one role reach the model as one, which is the API's own rule.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

from proxy.backends.claude_cli.codec import JsonObject, encode_assistant, encode_user
from proxy.core.errors import InvalidRequest
from proxy.core.request import ChatRequest, Image, Message, Part, Text


@dataclass(frozen=True, slots=True)
class Step:
    """Lines to write. `awaited`: the CLI acknowledges them with a `Result` before it takes the next ones."""

    data: bytes
    awaited: bool


@dataclass(frozen=True, slots=True)
class Script:
    """What to tell a process that holds nothing yet.

    `system` is its system prompt, None for none. `steps` tell the history; `prompt` asks. `turns` are the uuids of the
    user messages in their order, by which they can be taken back, the last one first.
    """

    system: str | None
    steps: tuple[Step, ...]
    prompt: bytes
    turns: tuple[str, ...]


def make_script(request: ChatRequest, model: str, new_id: Callable[[], str] = lambda: str(uuid4())) -> Script:
    """The script of `request`. Raises `InvalidRequest` when there is nothing to ask."""
    system = "\n\n".join(message.text for message in request.messages if message.role == "system" and message.text)
    spoken = [message for message in request.messages if message.role != "system"]
    *history, last = spoken or [Message("user")]
    if last.role == "assistant":
        raise InvalidRequest("the last message is the assistant's; end with a user message")
    if not _content(last):
        raise InvalidRequest("the last message is empty")
    said = [message for message in history if _content(message)]
    turns = [new_id() for message in said if message.role == "user"]
    steps = tuple(_steps(said, iter(turns), model, new_id))
    prompt = new_id()
    return Script(
        system=system or None,
        steps=steps,
        prompt=encode_user(prompt, _content(last), ask=True),
        turns=(*turns, prompt),
    )


def _steps(history: list[Message], turns: Iterator[str], model: str, new_id: Callable[[], str]) -> Iterator[Step]:
    # Assistant lines are taken at once, user lines are queued: so an answer waits until its question was taken.
    for message in history:
        if message.role == "user":
            yield Step(encode_user(next(turns), _content(message), ask=False), awaited=True)
        else:
            data = encode_assistant(new_id(), f"msg_{new_id()}", model, _content(message))
            yield Step(data, awaited=False)


def _content(message: Message) -> list[JsonObject]:
    return [_block(part) for part in message.parts if not (isinstance(part, Text) and _is_blank(part.text))]


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _block(part: Part) -> JsonObject:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data):
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
