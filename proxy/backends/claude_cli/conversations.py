"""Which live process holds exactly this history. Pure.

Two conversations are one when everything in them is equal: caller, model, system prompt, and every message with its
role, texts and pictures. Thinking does not count, since clients do not send it back. No id, no name and no guess comes
into it. Contents are kept as digests: a conversation may hold megabytes of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from proxy.backends.claude_cli.replay import Script, is_blank
from proxy.core.contracts import Target
from proxy.core.request import Caller, Image, Message, Part, Text

_SIZE = 16
# Bytes of a digest: nobody finds two contents with the same one.


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a process holds, or has to hold. `messages` are digests, merged as the API merges messages.

    `effort` is part of it because the CLI writes a change of it into the conversation.
    """

    caller: Caller
    model: str
    effort: str | None
    system: str | None
    messages: tuple[bytes, ...]

    @property
    def answers(self) -> int:
        """How often the assistant has answered."""
        return len(self.messages) // 2


def begun(script: Script, caller: Caller, target: Target) -> Conversation:
    """The conversation up to the last answer; without messages when there is none yet."""
    return Conversation(caller, target.model, target.thinking.effort, script.system, _digests(script.history))


def after(before: Conversation, script: Script, answer: str) -> Conversation:
    """What a process that held `before` holds once it was told what `script` asks, and has answered."""
    said = (*script.asked, Message("assistant", (Text(answer),)))
    return replace(before, messages=(*before.messages, *_digests(said)))


def _digests(messages: Sequence[Message]) -> tuple[bytes, ...]:
    # A conversation of hundreds of messages is digested for each of its turns.
    digests = []
    fields: list[str] = []
    role = None
    for message in messages:
        if message.role != role:
            if fields:
                digests.append(_digest(fields))
            role = message.role
            fields = [role]
        for part in message.parts:
            if not is_blank(part):
                fields += _fields(part)
    if fields:
        digests.append(_digest(fields))
    return tuple(digests)


def _digest(fields: Sequence[str]) -> bytes:
    # Each with its length, so that no two sequences of parts run together to the same text.
    whole = "".join([f"{len(field)}:{field}" for field in fields])
    return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()


def _fields(part: Part) -> tuple[str, ...]:
    if isinstance(part, Text):
        return ("text", part.text)
    if isinstance(part, Image):
        return ("image", part.media_type, part.data)
    return ("document", part.name, part.data)
