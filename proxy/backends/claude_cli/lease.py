"""A process as the pool keeps it, and as it lends it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from proxy.backends.claude_cli.conversations import Conversation
from proxy.backends.claude_cli.plan import Setup, State, View
from proxy.backends.claude_cli.session import Session
from proxy.core.errors import ServerError

log = structlog.get_logger()

Settle = Callable[[Session], Awaitable[bool]]


@dataclass(eq=False, slots=True)
class Child:
    """A process of the pool, in a `state` since a monotonic time.

    It was booted with the `builtin` tools, and told `setup`, None for nothing yet, and has served so many `requests`.
    `turns` are the uuids of the user messages of the `conversation` that it holds, or is going to hold; not `kept`,
    that goes as soon as it is there. With `waits` it is in the middle of a turn, and waits for the results of calls.
    `answering`: the first token of its request has come. `retired`: it is ended as soon as it is free.
    """

    builtin: tuple[str, ...] = ()
    state: State = State.BOOTING
    session: Session | None = None
    setup: Setup | None = None
    requests: int = 0
    since: float = field(default_factory=time.monotonic)
    conversation: Conversation | None = None
    turns: tuple[str, ...] = ()
    waits: bool = False
    kept: bool = True
    answering: bool = False
    retired: bool = False

    @property
    def running(self) -> bool:
        return self.session is not None and self.session.process.running

    async def usable(self) -> bool:
        """Whether it runs, and has said nothing after its last turn, which would be taken for the next one's."""
        assert self.session is not None
        try:
            if self.running and (self.waits or await self.session.quiet()):
                return True
            reason = "it goes on with a turn that has ended" if self.running else "it has exited"
        except ServerError as error:
            reason = error.message
        log.warning("process_not_usable", pid=self.session.process.pid, reason=reason)
        return False

    def view(self) -> View:
        return View(self.state, self.setup, self.since, self.conversation, self.waits, self.builtin)

    def member(self, now: float) -> "Member":
        pid = self.session.process.pid if self.session is not None else None
        model = self.conversation.model if self.conversation is not None else ""
        return Member(self.state.value, now - self.since, pid, self.requests, model, self.waits)


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the pool, as people see it: in a `state` for so many seconds, with so many `requests` served. `pid`
    is None until there is one. `model` is that of the conversation that it holds, empty for none; it `waits` for the
    results of calls."""

    state: str
    seconds: float
    pid: int | None = None
    requests: int = 0
    model: str = ""
    waits: bool = False


class Lease:
    """A process for one request.

    `settle`, when set, brings it into order afterwards, and says whether it is: it then holds `becomes`, None for
    nothing. `holds` is the conversation that the request goes on with, None for none. `turns` are the uuids of the user
    messages in the process, at first of those that it holds. `waits`: it waits for the results of calls, at first those
    that the conversation it holds ends with.
    """

    def __init__(self, child: Child, act: Callable[[], None]) -> None:
        assert child.session is not None
        self._child = child
        self._act = act
        self.session = child.session
        self.settle: Settle | None = None
        self.becomes: Conversation | None = None
        self.turns = child.turns
        self.holds = child.conversation
        self.waits = child.waits

    @property
    def continues(self) -> bool:
        """The process holds the history that the request needs."""
        return self.holds is not None

    @property
    def told(self) -> bool:
        """The process was told its setup by an earlier request."""
        return self._child.setup is not None

    @property
    def system(self) -> str | None:
        """The system prompt that the process has, None for none."""
        return None if self._child.setup is None else self._child.setup.system

    def tell(self, setup: Setup) -> None:
        """Note that the process has been told `setup`."""
        self._child.setup = setup

    def answering(self) -> None:
        """Note that the first token has come, so that boots no longer delay it."""
        if not self._child.answering:
            self._child.answering = True
            self._act()
