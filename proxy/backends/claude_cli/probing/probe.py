"""Asks a CLI everything, one question after another, on as few processes as it takes.

A question that fails, is not answered in time or kills the process costs only itself: the next one gets a new process.
While everything works two are enough; a CLI that cannot take turns back needs a few more.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio

from proxy.backends.claude_cli.command import CliSettings, Login
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.launcher import Launcher, LaunchLimits
from proxy.backends.claude_cli.probing.findings import Check, Findings, Verdict
from proxy.backends.claude_cli.probing.loopback import loopback_settings, probed_login
from proxy.backends.claude_cli.probing.opening import BOOTS, OPENING
from proxy.backends.claude_cli.probing.prompts import PROMPTS
from proxy.backends.claude_cli.probing.question import Question
from proxy.backends.claude_cli.probing.settings import SETTINGS
from proxy.backends.claude_cli.probing.spares import SPARES
from proxy.backends.claude_cli.probing.store import identity
from proxy.backends.claude_cli.probing.subject import CheckFailed, Recorder, Subject
from proxy.backends.claude_cli.probing.tools import TOOLS
from proxy.backends.claude_cli.probing.turns import TURNS
from proxy.backends.claude_cli.session import Session
from proxy.core.errors import ServerError

QUESTIONS = (BOOTS, *OPENING, *TURNS, *SETTINGS, *PROMPTS, *TOOLS, *SPARES)
"""In this order, which needs the fewest processes."""

PATIENCE = 10.0
"""Seconds that a question may take. A CLI that works needs a fraction of one, on a machine that does nothing else."""

_EMPTYING = 2.0
# Seconds for taking the turns of an answered question back; afterwards the next one gets a new process.

Launch = Callable[[], Awaitable[Session]]
End = Callable[[Session], Awaitable[None]]


async def examine(
    settings: CliSettings, folders: ProcessFolders, limits: LaunchLimits, recorder: Recorder, patience: float = PATIENCE
) -> Findings:
    """Probe the CLI of `settings` against `recorder`, without the user's login. Raises OSError when it is not there."""
    program = identity(settings.program)
    launcher = Launcher(loopback_settings(settings, recorder.url), folders, limits)

    async def end(session: Session) -> None:
        await launcher.kill(session.process)

    login = probed_login(settings.login)
    checks = await probe(launcher.launch, end, recorder, login=login, model=settings.model, patience=patience)
    version = next((check.value for check in checks if check.name == BOOTS.name), "")
    return Findings(version, program, settings.login.mode, login.mode, checks)


async def probe(
    launch: Launch, end: End, recorder: Recorder, *, login: Login, model: str, patience: float = PATIENCE
) -> tuple[Check, ...]:
    """Ask everything of processes that `launch` boots with `model` and `end` ends; they are logged in by `login`."""
    stage = _Stage(launch, end, recorder, login, model)
    try:
        return tuple([await _check(stage, question, patience) for question in QUESTIONS])
    finally:
        with anyio.CancelScope(shield=True):
            await stage.clear()


async def _check(stage: "_Stage", question: Question, patience: float) -> Check:
    if stage.dead and question is not BOOTS:
        return _told(question, "unknown", "no process could be had")
    try:
        subject = await stage.subject_for(question)
    except ServerError as error:
        stage.dead = question is BOOTS
        return _told(question, "failed" if question is BOOTS else "unknown", error.message)
    try:
        with anyio.fail_after(patience):
            answer = await question.ask(subject)
    except TimeoutError:
        await stage.clear()
        # On a busy machine this says little of the CLI.
        return replace(_told(question, "failed", f"no answer within {patience:g} s"), sure=False)
    except (CheckFailed, ServerError) as error:
        detail = str(error)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Whatever nonsense the CLI sends, it is the CLI that has failed and not the probe.
        detail = f"it sends what makes no sense: {error!r:.120}"
    else:
        stage.rewinds |= question.name == "rewind"
        return _told(question, "ok", answer.detail, answer.value)
    await stage.clear()
    return _told(question, "failed", detail)


def _told(question: Question, verdict: Verdict, detail: str, value: str = "") -> Check:
    return Check(question.name, question.question, verdict, detail, question.remedy, question.needed, value)


@dataclass(slots=True)
class _Stage:
    """The process that is examined now, and how to get another one. `rewinds`: turns can be taken back, as was shown.

    `dead`: no process boots.
    """

    launch: Launch
    end: End
    recorder: Recorder
    login: Login
    model: str
    subject: Subject | None = None
    rewinds: bool = False
    dead: bool = False

    async def subject_for(self, question: Question) -> Subject:
        """A process that has what `question` needs. Raises `ServerError` when none boots."""
        if self.subject is None or not await self._suits(self.subject, question):
            await self.clear()
            before = len(self.recorder.requests)
            self.subject = Subject(await self.launch(), self.recorder, self.login, self.model, before)
        return self.subject

    async def _suits(self, subject: Subject, question: Question) -> bool:
        match question.needs:
            case "untold":
                return not subject.told
            case "opened":
                return not subject.told or subject.opening_chat is not None
            case "empty":
                return not subject.turns or (self.rewinds and await self._emptied(subject))
            case "any":
                return True

    async def _emptied(self, subject: Subject) -> bool:
        try:
            with anyio.fail_after(_EMPTYING):
                return await subject.take_back()
        except (TimeoutError, ServerError):
            return False

    async def clear(self) -> None:
        """End the process."""
        subject, self.subject = self.subject, None
        if subject is not None:
            await self.end(subject.session)
