"""Spares, leases, limits: `plan` decides purely, the pool acts.

One writer: every change of a process's state happens here, between two awaits, and is followed by `_act`.
"""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
import structlog
from anyio.abc import TaskGroup

from proxy.backends.claude_cli.launcher import Launcher
from proxy.backends.claude_cli.lease import Child, Lease, Member, Settle
from proxy.backends.claude_cli.plan import Limits, Need, State, View, plan, surplus
from proxy.backends.claude_cli.session import Session
from proxy.core.errors import QUEUE_FULL, BackendFailed, Busy, ServerError, TimedOut
from proxy.core.request import Caller

log = structlog.get_logger()

_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
# Seconds before a spare is booted again after one, two… boots that failed in a row.

_CLEAN_UP_INTERVAL = 10.0
# Seconds between two looks for processes that have been idle for too long.

_IDLE = (State.SPARE, State.CLEAN, State.LIVE)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`queue` requests may wait, each for `queue_timeout` seconds. A process serves so many `requests`; a clean one
    that is idle for `idle_timeout` seconds is stopped; one that waits for the results of calls does so for
    `result_timeout`. `settle_timeout` bounds the clean-up after a turn, in seconds.
    """

    plan: Limits
    queue: int
    queue_timeout: float
    requests: int
    idle_timeout: float
    result_timeout: float
    settle_timeout: float


Warm = Callable[[Session], Awaitable[None]]


async def _as_it_is(_session: Session) -> None:
    """Leave a spare booted, and told nothing."""


@dataclass(eq=False, slots=True)
class _Waiter:
    need: Need
    served: anyio.Event = field(default_factory=anyio.Event)
    child: Child | None = None
    error: ServerError | None = None


class Pool:
    """Keeps processes booted and lends them. Open while `run` is entered."""

    def __init__(self, launcher: Launcher, limits: PoolLimits) -> None:
        self._launcher = launcher
        self._limits = limits
        self._children: list[Child] = []
        self._waiters: list[_Waiter] = []
        self._failed_boots = 0
        self._boot_after = 0.0
        self._tasks: TaskGroup | None = None
        self._exit = anyio.Event()
        self._held = 0
        self._again = math.inf
        self._looking = anyio.Event()
        self._warm: Warm = _as_it_is

    def __repr__(self) -> str:
        return f"<Pool {self.summary}, {len(self._waiters)} waiting>"

    @property
    def summary(self) -> str:
        """How many processes are in which state."""
        counts = {state.value: sum(child.state is state for child in self._children) for state in State}
        return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"

    @property
    def processes(self) -> Sequence[View]:
        """Every process as it is now."""
        return [child.view() for child in self._children]

    @property
    def members(self) -> Sequence[Member]:
        """Every process as people see it."""
        now = time.monotonic()
        return [child.member(now) for child in self._children]

    @property
    def failed_boots(self) -> int:
        """Boots in a row that came to nothing."""
        return self._failed_boots

    @property
    def available(self) -> bool:
        """A request that comes now gets a process, or one is booted for it."""
        if any(child.state in _IDLE for child in self._children):
            return True
        return not self._failed_boots and len(self._children) < self._limits.plan.processes

    @property
    def waiting(self) -> int:
        """Requests that wait for a process."""
        return len(self._waiters)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Boot spares and lend processes until left; leaving ends every process, within the stop ladder's bound."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._stop_idle)
            tasks.start_soon(self._bury)
            tasks.start_soon(self._look_again)
            self._act()
            try:
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()
        # Every task of the group has ended, and each process with a task of its own was ended by it.
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                for child in self._children:
                    if child.session is not None:
                        idle = child.state in _IDLE and not child.waits
                        child.state = State.STOPPING
                        tasks.start_soon(partial(self._launcher.retire, child.session.process, idle=idle))
            self._children.clear()

    @asynccontextmanager
    async def lease(self, need: Need) -> AsyncIterator[Lease]:
        """A process that holds the needed history, or none. Raises `Busy`, `TimedOut` and `BackendFailed`."""
        while not await (child := await self._acquire(need)).usable():
            self._stop(child, kill=True)
        lease = Lease(child, self._act)
        try:
            yield lease
        finally:
            self._release(child, lease)

    def warm_with(self, warm: Warm) -> None:
        """Have `warm` prepare each process that has booted for nobody; it raises `ServerError` for one to be ended."""
        self._warm = warm

    def warm_spares(self) -> None:
        """Have the spares that are there prepared: more may be possible now than when they booted."""
        for child in self._children:
            if child.state is State.SPARE and child.session and not child.session.warmed and self._tasks is not None:
                child.state = State.BOOTING
                self._tasks.start_soon(self._ready, child)

    def reuse(self, possible: bool, *, stateless: bool) -> None:
        """Say whether a process that holds a conversation can be emptied for another one, and whether turns are
        `stateless`: the processes of before are replaced where that changes."""
        changed = stateless != self._limits.plan.stateless
        self._limits = replace(self._limits, plan=replace(self._limits.plan, reuse=possible, stateless=stateless))
        if changed:
            settings = self._launcher.settings
            self._launcher.settings = replace(settings, stateless=stateless)
            self.renew()

    def limit(self, limits: PoolLimits) -> None:
        """Keep to `limits` from now on: what is idle and too many is stopped, what is leased ends first."""
        plan = self._limits.plan
        self._limits = replace(limits, plan=replace(limits.plan, reuse=plan.reuse, stateless=plan.stateless))
        for child in [self._children[index] for index in surplus(self.processes, self._limits.plan)]:
            self._stop(child)
        self._act()

    def renew(self) -> None:
        """Replace every process: at once those that are idle, the others when they are."""
        for child in self._children:
            child.retired = True
            if child.state in _IDLE:
                self._stop(child)

    def release(self, caller: Caller, model: str) -> None:
        """Let go of every conversation that is held for a caller's requests of `model`."""
        for child in self._children:
            held = child.conversation
            if held is not None and (held.caller, held.model) == (caller, model):
                child.kept = False
                if child.state is State.LIVE:
                    self._clear(child)

    async def _acquire(self, need: Need) -> Child:
        if self._tasks is None:
            raise Busy("the server is shutting down")
        waiter = _Waiter(need)
        self._waiters.append(waiter)
        self._act()
        # A request that a process boots for, or that is held for one, does not wait in the queue.
        coming = self._held + sum(child.state is State.BOOTING for child in self._children)
        if waiter in self._waiters and len(self._waiters) - coming > self._limits.queue:
            self._waiters.remove(waiter)
            raise Busy(QUEUE_FULL)
        try:
            with anyio.fail_after(self._limits.queue_timeout):
                await waiter.served.wait()
        except BaseException as error:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            if waiter.child is not None:
                # Served and cancelled at the same moment.
                self._free(waiter.child)
            if isinstance(error, TimeoutError):
                limit = f"the queue deadline of {self._limits.queue_timeout:g} s"
                raise TimedOut(f"no process became free within {limit}", fault="server") from None
            raise
        if waiter.error is not None:
            raise waiter.error
        assert waiter.child is not None
        return waiter.child

    def _release(self, child: Child, lease: Lease) -> None:
        child.requests += 1
        self._failed_boots = 0
        assert child.session is not None
        if lease.settle is None or child.requests >= self._limits.requests or not child.running:
            self._stop(child, kill=True)
        elif self._tasks is not None:
            child.conversation, child.turns, child.waits, child.kept = lease.becomes, lease.turns, lease.waits, True
            child.state, child.since = State.SETTLING, time.monotonic()
            self._tasks.start_soon(self._settle, child, lease.settle)

    def _clear(self, child: Child) -> None:
        """Take the conversation out of a live process, for the next one."""
        if not self._limits.plan.reuse:
            self._stop(child)
            return
        turns, waits, child.conversation, child.turns, child.waits = child.turns, child.waits, None, (), False
        child.state, child.since = State.SETTLING, time.monotonic()
        if self._tasks is not None:
            self._tasks.start_soon(self._settle, child, partial(_emptied, turns, waits))

    async def _settle(self, child: Child, settle: Settle) -> None:
        assert child.session is not None
        ready = False
        try:
            with anyio.move_on_after(self._limits.settle_timeout):
                ready = await settle(child.session)
        except ServerError as error:
            log.info("process_not_reusable", reason=error.message)
        except Exception:
            # A fault of ours: it must cost this process, and not the daemon.
            log.exception("settle_crashed")
        if not ready or not child.running:
            self._stop(child, kill=True)
        elif child.conversation is not None and not child.kept:
            self._clear(child)
        else:
            self._free(child)

    def _free(self, child: Child) -> None:
        if child.retired:
            self._stop(child)
            return
        used = State.CLEAN if child.conversation is None else State.LIVE
        child.state = State.SPARE if child.setup is None else used
        child.since = time.monotonic()
        self._act()

    def _act(self) -> None:
        """Do what `plan` says."""
        if self._tasks is None:
            return
        now = time.monotonic()
        pending = any(child.state is State.LEASED and not child.answering for child in self._children)
        quiet = not pending and now >= self._boot_after
        wanted = [waiter.need for waiter in self._waiters]
        step = plan(self.processes, wanted, self._limits.plan, quiet=quiet, now=now)
        self._held = step.held
        self._again = min(step.again, self._boot_after if self._boot_after > now else math.inf)
        self._looking.set()
        served = []
        for request, index in step.assign:
            waiter = self._waiters[request]
            waiter.child = self._children[index]
            waiter.child.state, waiter.child.answering = State.LEASED, False
            waiter.served.set()
            served.append(waiter)
        evicted = [self._children[index] for index in step.evict]
        cleared = [self._children[index] for index in step.clear]
        for builtin in step.boot:
            child = Child(builtin)
            self._children.append(child)
            self._tasks.start_soon(self._boot, child)
        self._waiters = [waiter for waiter in self._waiters if waiter not in served]
        for child in evicted:
            self._stop(child)
        for child in cleared:
            self._clear(child)

    async def _boot(self, child: Child) -> None:
        try:
            child.session = await self._launcher.launch(child.builtin)
        except Exception as error:
            self._children.remove(child)
            if not isinstance(error, BackendFailed):
                # A fault of ours: it must cost this boot, and not every request there is.
                log.exception("boot_crashed")
                error = BackendFailed("a Claude CLI process could not be started")
            self._boot_failed(error, child.builtin)
            return
        child.session.process.on_exit(lambda: self._exit.set())
        await self._ready(child)

    async def _ready(self, child: Child) -> None:
        assert child.session is not None
        warmed = False
        try:
            with anyio.move_on_after(self._limits.settle_timeout):
                # A request that waits for this process has no use for it later.
                if not child.builtin and len(self._waiters) <= self._held:
                    await self._warm(child.session)
                warmed = True
        except ServerError as error:
            log.warning("spare_not_warmed", reason=error.message)
        except Exception:
            # A fault of ours: it must cost this process, and not the daemon.
            log.exception("warming_crashed")
        if warmed and child.running:
            self._free(child)
        else:
            self._stop(child, kill=True)
            self._pause_boots()

    def _boot_failed(self, error: BackendFailed, builtin: tuple[str, ...]) -> None:
        pause = self._pause_boots()
        log.error("process_boot_failed", error=error.message, next_try_s=pause)
        waiting = [waiter for waiter in self._waiters if waiter.need.setup.builtin == builtin]
        if len(waiting) > self._held:
            # The boot was for a request that waits: it should hear now, not at its deadline.
            waiter = waiting[0]
            self._waiters.remove(waiter)
            waiter.error = error
            waiter.served.set()
        self._act()

    def _pause_boots(self) -> float:
        """Boot no spare for a while, the longer the more often; returns for how many seconds."""
        pause = _BACK_OFF[min(self._failed_boots, len(_BACK_OFF) - 1)]
        self._failed_boots += 1
        self._boot_after = time.monotonic() + pause
        return pause

    async def _look_again(self) -> None:
        """Act when the time comes for which nothing else would give cause."""
        while True:
            self._looking = anyio.Event()
            pause = self._again - time.monotonic()
            with anyio.move_on_after(None if math.isinf(pause) else max(0.0, pause)):
                await self._looking.wait()
                continue
            self._act()

    async def _bury(self) -> None:
        # The news of an exit comes in a callback of the event loop, where no task can be started.
        while True:
            await self._exit.wait()
            self._exit = anyio.Event()
            for child in self._children:
                if child.state in _IDLE and child.session and not child.running:
                    process = child.session.process
                    log.warning("process_exited_idle", pid=process.pid, stderr=process.stderr)
                    self._stop(child)
                    if child.requests == 0:
                        # It has booted and gone: to boot the next at once would go on for ever.
                        self._pause_boots()

    def _stop(self, child: Child, *, kill: bool = False) -> None:
        child.state = State.STOPPING
        if self._tasks is not None:
            self._tasks.start_soon(self._retire, child, kill)

    async def _retire(self, child: Child, kill: bool) -> None:
        assert child.session is not None
        process = child.session.process
        if kill or child.waits:
            await self._launcher.kill(process)
        else:
            await self._launcher.retire(process, idle=True)
        self._children.remove(child)
        self._act()

    async def _stop_idle(self) -> None:
        while True:
            limits = self._limits
            await anyio.sleep(max(0.1, min(_CLEAN_UP_INTERVAL, limits.idle_timeout, limits.result_timeout)))
            now, limits = time.monotonic(), self._limits  # which may have changed meanwhile
            for child in self._children:
                unused = child.state is State.CLEAN or (child.state is State.SPARE and child.builtin)
                if unused and child.since < now - limits.idle_timeout:
                    self._stop(child)
                elif child.state is State.LIVE and child.waits and child.since < now - limits.result_timeout:
                    log.info("results_never_came", pid=child.session.process.pid if child.session else None)
                    self._clear(child)


async def _emptied(turns: Sequence[str], waits: bool, session: Session) -> bool:
    if waits:
        await session.interrupt()
        await session.result()
    return await session.rewind(turns, empty=True)
