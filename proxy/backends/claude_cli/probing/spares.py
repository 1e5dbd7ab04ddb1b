"""How much a spare may be told ahead of its request."""

from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import Subject, blocks_of, user
from proxy.core.errors import BackendFailed

_LATER = "You are being probed: this system prompt came later."


async def _depth(subject: Subject) -> Answer:
    await subject.tell(None)
    await subject.set()
    before = subject.requests
    try:
        await subject.session.call("set_model", model=subject.model, system_prompt=_LATER)
    except BackendFailed:
        return _BOOTED
    sent = await subject.ask(user("Probe: a spare."))
    texts = [block.get("text") for block in blocks_of({"content": sent.body.get("system")})]
    if _LATER not in texts or subject.requests - before != 1:
        return _BOOTED
    return Answer("a spare may be told its setup ahead, and its system prompt later", "initialized")


_BOOTED = Answer("a spare may be booted ahead, and has to be told everything later", "booted")

SPARES = (
    Question(
        "depth",
        "How deep can a spare be booted?",
        "spares are booted and told nothing",
        _depth,
        needs="untold",
    ),
)
