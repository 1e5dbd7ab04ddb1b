"""Which live process holds exactly this history. Pure.

Two conversations are one when everything in them is equal: caller, model, system prompt, and every message with its
role, texts and pictures. Thinking does not count, since clients do not send it back. No id, no name and no guess comes
into it. Contents are kept as digests: a conversation may hold megabytes of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter

from proxy.backends.claude_cli.replay import Script, is_blank
from proxy.core.contracts import Target
from proxy.core.request import Caller, Document, Image, Message, Part, Text

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
    for role, group in groupby(messages, key=attrgetter("role")):
        fields = [role]
        for message in group:
            for part in message.parts:
                if not is_blank(part):
                    fields += _fields(part)
        # Each with its length, so that no two sequences of parts run together to the same text.
        whole = "".join([f"{len(field)}:{field}" for field in fields])
        digests.append(blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest())
    return tuple(digests)


def _fields(part: Part) -> tuple[str, ...]:
    match part:
        case Text(text):
            return ("text", text)
        case Image(media_type, data):
            return ("image", media_type, data)
        case Document(data, name):
            return ("document", name, data)
