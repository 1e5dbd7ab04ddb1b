"""Questions about the conversation that a process holds: replayed, taken back, interrupted."""

from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import CheckFailed, Sent, Subject, user
from proxy.core.request import Image, Message, Text

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# A PNG of one by one pixel.

HISTORY = (
    Message("user", (Text("Probe: the first question,\nwith a picture."), Image("image/png", PIXEL))),
    Message("assistant", (Text("Probe: the first answer."),)),
    Message("user", (Text("Probe: the second question. ä €"),)),
    Message("assistant", (Text("Probe: the second answer."),)),
    Message("user", (Text("Probe: the third question."),)),
)

_HANG = "Probe: wait. [simulate: hang after=2]"


async def _history(subject: Subject) -> Answer:
    sent = (await subject.ask(*HISTORY)).conversation
    expected = [(message.role, [_key(part) for part in message.parts]) for message in HISTORY]
    arrived = [(role, [_key(block) for block in blocks]) for role, blocks in sent]
    if arrived == expected:
        return Answer(f"{len(HISTORY)} messages with a picture arrive turn by turn, verbatim", "structured")
    if (roles := [role for role, _ in arrived]) != [message.role for message in HISTORY]:
        raise CheckFailed(f"the turns do not arrive as they were: {', '.join(roles)}")
    raise CheckFailed("the turns arrive, but not verbatim")


def _key(part: object) -> str:
    """The text of a text, the data of a picture, whether of ours or of the API's."""
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Image):
        return part.data
    assert isinstance(part, dict)
    return str(part.get("text") or part.get("source", {}).get("data"))


async def _rewind(subject: Subject) -> Answer:
    if not subject.turns:
        await subject.ask(user("Probe: a turn to be taken back."))
    await _emptied(subject, "a turn")
    await subject.ask(*HISTORY[:2], user("Probe: after a replayed turn."))
    await _emptied(subject, "a replayed conversation")
    return Answer("turns, live or replayed, are taken back without a trace")


async def _emptied(subject: Subject, what: str) -> None:
    if not await subject.take_back():
        raise CheckFailed(f"{what} cannot be taken back")
    _check_alone(await subject.ask(user(f"Probe: {what} was taken back.")), f"after {what} was taken back")
    if not await subject.take_back():
        raise CheckFailed(f"{what} can be taken back, but not the next")


def _check_alone(sent: Sent, when: str) -> None:
    if len(sent.texts) > 1:
        raise CheckFailed(f"{when} the next request still holds {sent.texts[0]!r:.80}")


async def _interrupt(subject: Subject) -> Answer:
    session, before = subject.session, subject.requests
    await subject.begin(user(_HANG))
    await subject.recorder.wait_for(before + 1)
    session.ask("interrupt", cancel_queued=True)
    await session.result()
    taken_back = await subject.take_back()
    sent = await subject.ask(user("Probe: after an interrupt."))
    if not taken_back:
        return Answer("a turn ends when it is interrupted; it cannot be taken back")
    _check_alone(sent, "when an interrupted turn was taken back,")
    return Answer("a turn ends when it is interrupted, and is taken back without a trace")


TURNS = (
    Question(
        "rewind",
        "Can a turn be taken back, so that the process is empty again?",
        "each process serves one conversation: a new one begins later, and its boot takes most of a core-second",
        _rewind,
    ),
    Question(
        "history",
        "Does a conversation arrive as turns, with roles, pictures and words as they were?",
        "the daemon tells the conversation so far in one message (docs/probe.md): answers may be worse, and the prompt "
        "cache helps less",
        _history,
        needs="empty",
    ),
    Question(
        "interrupt",
        "Does an interrupted turn end at once?",
        "the daemon ends a process whose client went away, and boots another one",
        _interrupt,
        needs="empty",
    ),
)
