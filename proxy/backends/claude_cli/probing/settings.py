"""Questions about what can be changed on a live process: model, effort, options."""

from collections.abc import Mapping
from typing import Any

from proxy.backends.claude_cli.probing.opening import OLDER_MODEL
from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import CheckFailed, Sent, Subject, blocks_of, is_note, user
from proxy.core.contracts import Target
from proxy.core.request import Options

_OPTIONS = Options(temperature=0.25, top_k=7, stop=("PROBE STOP",), max_tokens=1234)
_FIELDS = {"temperature": 0.25, "top_k": 7, "stop_sequences": ["PROBE STOP"], "max_tokens": 1234}
# The same as the API names them.


async def _ask(subject: Subject, target: Target, text: str) -> Sent:
    await subject.set(target)
    return await subject.ask(user(f"Probe: {text}"))


async def _model(subject: Subject) -> Answer:
    older = (await _ask(subject, Target(OLDER_MODEL), "an older model.")).body["model"]
    sent = await _ask(subject, subject.current(), "a current model.")
    current = sent.body["model"]
    if older != OLDER_MODEL:
        raise CheckFailed(f"asked for {OLDER_MODEL}, a live process asks for {older}")
    if current == older:
        raise CheckFailed(f"asked for {subject.model}, a live process still asks for {older}")
    noted = any(is_note(block) for block in blocks_of(sent.body["messages"][-1]))
    note = ", and the CLI notes each change in the conversation" if noted else ""
    return Answer(f"a live process changes between {older} and {current}{note}")


async def _effort(subject: Subject) -> Answer:
    seen = []
    for level in ("low", "high"):
        body = (await _ask(subject, subject.current(level), level)).body
        seen.append((body.get("output_config") or {}).get("effort"))
    if seen != ["low", "high"]:
        raise CheckFailed(f"asked for low and then high effort, the CLI asks for {seen[0]} and {seen[1]}")
    return Answer(f"low and high arrive on {subject.model}")


async def _options(subject: Subject) -> Answer:
    body = (await _ask(subject, Target(OLDER_MODEL, options=_OPTIONS), "options.")).body
    if missing := sorted(_FIELDS.keys() - _same(body)):
        raise CheckFailed(f"not sent as asked: {', '.join(missing)}")
    return Answer(f"{', '.join(_FIELDS)} arrive")


async def _resets(subject: Subject) -> Answer:
    await _ask(subject, Target(OLDER_MODEL, options=_OPTIONS), "options for one turn.")
    body = (await _ask(subject, Target(OLDER_MODEL), "no options.")).body
    if stuck := sorted(_same(body)):
        raise CheckFailed(f"still sent on the next turn: {', '.join(stuck)}")
    return Answer("options of one turn are gone on the next")


def _same(body: Mapping[str, Any]) -> set[str]:
    """The options that `body` has as asked."""
    return {name for name, value in _FIELDS.items() if body.get(name) == value}


SETTINGS = (
    Question(
        "model",
        "Does a live process change its model?",
        "answers would come from a wrong model: update the Claude CLI",
        _model,
        needed=True,
    ),
    Question(
        "effort",
        "Does the effort arrive?",
        "the daemon leaves the effort to the model, and names it in the header of unsupported options",
        _effort,
    ),
    Question(
        "options",
        "Do sampling, stop strings and limits arrive?",
        "the daemon does not send them, and names them in the header of unsupported options",
        _options,
    ),
    Question(
        "resets",
        "Are the options of one turn gone on the next?",
        "the daemon does not use a process again that was given options",
        _resets,
    ),
)
