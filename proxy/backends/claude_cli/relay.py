"""One answer from one process: asked, relayed, and the process settled afterwards."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from proxy.backends.claude_cli.bill import Bill
from proxy.backends.claude_cli.codec import ApiEvent, Result
from proxy.backends.claude_cli.conversations import Conversation, after
from proxy.backends.claude_cli.deadlines import Watch
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.lease import Lease
from proxy.backends.claude_cli.memory import Memory
from proxy.backends.claude_cli.offload import off_loop
from proxy.backends.claude_cli.plan import Setup
from proxy.backends.claude_cli.process import ProcessGone
from proxy.backends.claude_cli.replay import Script
from proxy.backends.claude_cli.session import OnReply, Session
from proxy.backends.claude_cli.shaping import Shaper
from proxy.backends.claude_cli.strategies import Strategies
from proxy.backends.claude_cli.tools import arrives_unchanged
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.backends.claude_cli.warming import tell_system
from proxy.core.contracts import Target
from proxy.core.deadlines import Deadlines
from proxy.core.errors import BackendFailed, ServerError, TimedOut
from proxy.core.events import Event
from proxy.core.request import ToolCall, ToolResult

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """What a turn has to do: the `script` to tell to a process of that `setup`, which then holds more than the
    `history` before it, and the `target` it runs on. `ids` are those that models have at the API, as far as a process
    has told."""

    setup: Setup
    script: Script
    history: Conversation
    target: Target
    ids: Mapping[str, str]

    @property
    def live(self) -> tuple[ToolResult, ...] | None:
        """The results to give to a process that waits for them, None if it could not pass them on as they are."""
        results = self.script.results
        return results if results is not None and all(map(arrives_unchanged, results)) else None


class Lost(Exception):
    """The process died, with an `error`, before the API had accepted anything: another one may be asked the same."""

    def __init__(self, error: ProcessGone) -> None:
        super().__init__(error.message)
        self.error = error


class CliTurn:
    """One answer from one process: begin it, then iterate it for batches of events. It was `opened` at a monotonic
    time."""

    def __init__(
        self,
        lease: Lease,
        job: Job,
        shaper: Shaper | None,
        ways: Strategies,
        deadlines: Deadlines,
        opened: float,
        memory: Memory,
        bill: Bill,
    ) -> None:
        self._lease = lease
        self._session = lease.session
        self._job = job
        self._script = job.script
        self._shaper = shaper
        self._ways = ways
        self._opened = opened
        self._memory = memory
        self._bill = bill
        self._watch = Watch(deadlines, opened, self._expire)
        self._held, self._before = lease.turns, lease.holds
        self._turns: tuple[str, ...] = ()
        self._prompt = ""
        self._kept = False
        self._went_on = False
        self._machine: TurnMachine | None = None
        self._error: ServerError | None = None
        self._result_seen = False
        self._cut = False
        self._wanted = ways.history == "structured"
        self._first: Sequence[Event] = ()

    @property
    def pid(self) -> int:
        """The process's."""
        return self._session.process.pid

    async def begin(self, on_told: OnReply) -> None:
        """Ask, and wait until the API has accepted. Raises `ServerError`, and `Lost` when nothing came of it."""
        try:
            await self._ask(on_told)
            self._first = await anext(self)
        except ProcessGone as error:
            if self._machine is not None and self._machine.started:
                raise
            raise Lost(error) from error

    async def _ask(self, on_told: OnReply) -> None:
        """Tell the process everything that it does not hold, and ask."""
        session, script, lease, tools = self._session, self._script, self._lease, self._job.setup.tools
        if not lease.told:
            if not session.warmed:
                session.ask("initialize", on_told, systemPrompt=[script.system] if script.system else [])
            elif script.system:
                tell_system(session, script.system)
            if tools is not None:
                session.offer(tools)
            lease.tell(self._job.setup)
        flags = make_flags(self._job.target, script.naming, script.whole, () if tools is None else tools.exact)
        session.set(flags)
        results = self._job.live
        if lease.waits and results is not None:
            self._go_on(results)
        else:
            await self._tell(await self._start_of_telling())
        load = round((time.monotonic() - self._opened) * 1e9)
        self._machine = TurnMachine(
            time,
            load_ns=load,
            show_thinking=self._job.target.thinking.shown,
            tools=dict(tools.names) if tools else None,
            builtin=self._job.setup.builtin,
        )

    def _go_on(self, results: Sequence[ToolResult]) -> None:
        """Give the process the results that it waits for: in its own turn, which goes on."""
        session = self._session
        assert session.tools is not None
        # Once it has them, there is no way back to where it waited.
        self._before = None
        self._went_on = True
        # Not every client sends the ids back, but every result has its place.
        known = [replace(result, call_id=id) for id, result in zip(session.calls, results, strict=True)]
        for line in session.tools.answer(known):
            session.write(line)

    async def _start_of_telling(self) -> int:
        """From which message of the history on the process has to be told."""
        script, lease = self._script, self._lease
        if not lease.waits:
            return len(script.history) if lease.continues else 0
        # The results would not arrive as they are: the round is taken back, and told with them.
        self._before = None
        await self._session.interrupt()
        await self._session.result()
        *earlier, last = self._held
        if not await self._session.rewind([last], empty=not earlier):
            raise BackendFailed("the Claude CLI does not take back a question whose tools have not answered")
        self._held = tuple(earlier)
        return script.round_start

    async def _tell(self, start: int) -> None:
        session, script = self._session, self._script
        target, ids = self._job.target.model, self._job.ids
        if start < len(script.history) and target not in ids:
            # Thoughts are the model's own: the CLI leaves out those of an answer that another one gave.
            await session.answered()
        telling = await off_loop(script.size(start), script.telling, ids.get(target, target), start)
        self._turns, self._prompt = telling.turns, telling.uuid
        said = b""
        for step in telling.steps:
            # Nothing is waited for between an answer and the question after it: so they are written together.
            said += step.data
            if step.awaited:
                session.write(said)
                said = b""
                await session.result()
                if self._error is not None:
                    # The deadline passed while the process was not waited for.
                    raise self._error
        # A prompt that came before the tools are known would be asked without them.
        await session.listed()
        session.meter.begin()
        session.write(said + telling.prompt)

    def close(self) -> None:
        """Stop watching the deadlines, and say what the process is going to hold."""
        self._watch.close()
        lease, machine = self._lease, self._machine
        if machine is not None:
            self._bill.make(machine, whole=machine.ended and not self._cut)
        answer = machine.answer if machine is not None and self._wanted and not self._script.whole else None
        lease.waits = False
        if machine is not None and machine.used:
            log.info("builtin_tools_used", tools=machine.used)
        if machine is not None and answer is not None:
            ended = after(self._job.history, self._script, answer)
            self._memory.keep(ended, answer, machine.given, self._script.naming)
            if self._ways.waits or not machine.pending:
                self._kept, lease.waits = True, machine.pending
                lease.becomes, lease.turns = ended, (*self._held, *self._turns)
                self._session.calls = tuple(part.id for part in answer.parts if isinstance(part, ToolCall))
                return
        if self._before is not None:
            # What was asked is taken back, what was held before stays.
            lease.becomes = self._before
        else:
            lease.turns = ()

    def _expire(self, error: TimedOut) -> None:
        # The reader, if the process is being waited for; else whoever asks for the next events.
        self._error = error
        self._session.process.fail_wait(error)

    def __aiter__(self) -> "CliTurn":
        return self

    async def __anext__(self) -> Sequence[Event]:
        machine = self._machine
        assert machine is not None
        if self._first:
            first, self._first = self._first, ()
            return first
        while True:
            if machine.ended:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            await self._arrival()
            events = self._advance(machine)
            if self._shaper is not None:
                events = self._shaped(self._shaper, machine, events)
            self._count_ended(machine)
            if events:
                return events

    def _count_ended(self, machine: TurnMachine) -> None:
        # Before the client has the end: its next request finds this one counted.
        if machine.ended:
            self._bill.make(machine, whole=not self._cut)

    async def _arrival(self) -> None:
        session, watch = self._session, self._watch
        if not session.ready:
            watch.waiting_since = time.monotonic()
        await session.arrival()
        watch.waiting_since = None

    def _advance(self, machine: TurnMachine) -> list[Event]:
        """The events of what has arrived."""
        events: list[Event] = []
        started = machine.started
        take, feed = self._session.take, machine.feed
        try:
            while not machine.ended and (output := take()) is not None:
                if type(output) is Result:
                    self._result_seen = True
                events += feed(output)
        except ServerError as error:
            if not events and not machine.goes_on:
                raise
            # What came before the error is the client's; the error follows.
            self._error = error
        if machine.goes_on:
            # The CLI would ask the API again within milliseconds, and an interrupt may come too late.
            self._session.process.end()
        if machine.started and not started:
            self._watch.start()
        if machine.answering:
            self._lease.answering()
        return events

    def _shaped(self, shaper: Shaper, machine: TurnMachine, events: list[Event]) -> list[Event]:
        try:
            shaped = shaper.take(events)
            if shaper.stopped:
                # What the model goes on to say is nobody's; what it said already is not what the client has.
                self._cut, self._error, self._wanted = not machine.ended, None, False
                shaper.check("stop")
                shaped.append(machine.cut(shaper.size, shaper.stop))
        except ServerError:
            # An answer that the client does not get is not part of its conversation.
            self._wanted = False
            raise
        return shaped

    async def settle(self, session: Session) -> bool:
        """Bring the process to what the lease says that it becomes. True when that is how it provably is."""
        try:
            return await self._settled(session)
        finally:
            if (machine := self._machine) is not None:
                alone = not (self._went_on or machine.pending or machine.used or machine.goes_on)
                self._bill.correct(machine, learn=alone)

    async def _settled(self, session: Session) -> bool:
        machine, ways = self._machine, self._ways
        if machine is None or machine.goes_on or not ways.resets:
            return False
        if self._kept and machine.pending:
            await session.called(machine.first_call)
            return True
        if not self._result_seen:
            if self._cut or machine.pending or not machine.ended:
                if not ways.interrupt:
                    return False
                cancelled = (await session.interrupt()).get("cancelled")
                if isinstance(cancelled, list) and self._prompt in cancelled:
                    self._turns = tuple(turn for turn in self._turns if turn != self._prompt)
                    return await self._take_back(session)
            while not isinstance(output := await session.next(), Result):
                if machine.ended and isinstance(output, ApiEvent) and output.event.get("type") == "message_start":
                    return False
        return self._kept or await self._take_back(session)

    async def _take_back(self, session: Session) -> bool:
        """Take back what was told, and everything where there is no way back to what was held before."""
        if not self._ways.rewind:
            return False
        if self._before is None:
            return await session.rewind((*self._held, *self._turns), empty=True)
        return await session.rewind(self._turns, empty=False)
