"""How much a spare may be told ahead of its request."""

from proxy.backends.claude_cli.probing.opening import OLDER_MODEL
from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import Subject, blocks_of, user
from proxy.backends.claude_cli.warming import tell_system, warm
from proxy.core.contracts import Target
from proxy.core.errors import BackendFailed

_ASKED = user("Probe: a spare.")
_LATER = "You are being probed: this system prompt came later."


async def _depth(subject: Subject) -> Answer:
    before = subject.requests
    await subject.session.call("get_binary_version")  # what says nothing of use at all has failed
    try:
        await warm(subject.session)
        tell_system(subject.session, _LATER)
        subject.told = True
        await subject.set(Target(OLDER_MODEL))
    except BackendFailed:
        return _BOOTED
    sent = await subject.ask(_ASKED)
    texts = [block.get("text") for block in blocks_of({"content": sent.body.get("system")})]
    alone = sent.conversation == [("user", [{"type": "text", "text": _ASKED.text}])]
    if _LATER not in texts or not alone or sent.body["model"] != OLDER_MODEL or subject.requests - before != 1:
        return _BOOTED
    return Answer("a spare may be told its setup ahead, and its system prompt later, without a trace", "initialized")


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
