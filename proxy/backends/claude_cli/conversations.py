"""Which live process holds exactly this history. Pure.

Two conversations are one when everything in them is equal: caller, model, system prompt, and every message with its
role, texts and pictures. Thinking does not count, since clients do not send it back. No id, no name and no guess comes
into it. Contents are kept as digests: a conversation may hold megabytes of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from proxy.backends.claude_cli.replay import Script, merged
from proxy.core.contracts import Target
from proxy.core.request import Caller, Document, Image, Message, Text

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


def history_of(script: Script, caller: Caller, target: Target) -> Conversation | None:
    """What a process must hold to go on with `script`; None for a conversation that only begins."""
    if not script.history:
        return None
    return Conversation(caller, target.model, target.thinking.effort, script.system, _digests(script.history))


def after(script: Script, caller: Caller, target: Target, answer: str) -> Conversation:
    """What a process holds once it was told `script` and has answered."""
    history = history_of(script, caller, target)
    if history is None:
        history = Conversation(caller, target.model, target.thinking.effort, script.system, ())
    said = (*script.asked, Message("assistant", (Text(answer),)))
    return replace(history, messages=(*history.messages, *_digests(said)))


def _digests(messages: Sequence[Message]) -> tuple[bytes, ...]:
    return tuple(map(_digest, merged(messages)))


def _digest(message: Message) -> bytes:
    digest = blake2b(message.role.encode(), digest_size=_SIZE)
    for part in message.parts:
        fields: tuple[str, ...]
        match part:
            case Text(text):
                fields = ("text", text)
            case Image(media_type, data):
                fields = ("image", media_type, data)
            case Document(data, name):
                fields = ("document", name, data)
        for field in fields:
            # Each with its length, so that no two sequences of parts run together to the same bytes.
            content = field.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(content))
            digest.update(content)
    return digest.digest()
