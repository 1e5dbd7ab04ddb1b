"""Spares are told ahead what does not depend on their request: everything but system prompt, tools and conversation.

What a process does for the first time takes it several times as long as later, whatever it is: so a spare is given its
setup, a message that is taken back, and the settings of a turn, before anyone waits. The API hears nothing of it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from proxy.backends.claude_cli.account import aliases
from proxy.backends.claude_cli.codec import encode_user
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.session import Session
from proxy.core.contracts import Target
from proxy.core.errors import BackendFailed


async def warm(session: Session) -> Mapping[str, Any]:
    """Tell a process that has been told nothing; returns what it reports of its login and models.

    Raises `BackendFailed`, after which it cannot be used.
    """
    reply = await session.call("initialize", systemPrompt=[])
    names = aliases(reply)
    if not names:
        raise BackendFailed("the Claude CLI reports no models")
    turn = str(uuid4())
    session.write(encode_user(turn, [{"type": "text", "text": "Hello."}], ask=False))
    await session.result()
    if not await session.rewind([turn], empty=True):
        raise BackendFailed("a spare does not take a message back")
    session.set(make_flags(Target(names[0])))
    await session.answered()
    session.warmed = names[0]
    return reply


def note_alias(session: Session, reply: Mapping[str, Any]) -> None:
    """Note a model of the CLI's own from its answer to `initialize`, by which `tell_system` can go on."""
    if names := aliases(reply):
        session.warmed = names[0]


def tell_system(session: Session, system: str) -> None:
    """Give a warmed process the system prompt that it goes without until then."""
    # Each turn sets its own model afterwards. This one is a name that the CLI made up itself: for a full id it may ask
    # the API, at the user's cost, whether there is such a model.
    session.ask("set_model", model=session.warmed, system_prompt=system)
    session.forget_settings()
