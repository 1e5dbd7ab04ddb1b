"""One answer from one process: asked, relayed, and the process settled afterwards."""

import time
from collections.abc import Sequence

from proxy.backends.claude_cli.codec import ApiEvent, Output, Result
from proxy.backends.claude_cli.conversations import Conversation, after
from proxy.backends.claude_cli.deadlines import Deadlines, Watch
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.lease import Lease
from proxy.backends.claude_cli.offload import off_loop
from proxy.backends.claude_cli.plan import Setup
from proxy.backends.claude_cli.replay import Script, size_of
from proxy.backends.claude_cli.session import OnReply, Session
from proxy.backends.claude_cli.shaping import Shaper
from proxy.backends.claude_cli.strategies import Strategies
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.core.contracts import Target
from proxy.core.errors import ServerError, TimedOut
from proxy.core.events import Event


class CliTurn:
    """One answer from one process: iterate it for batches of events."""

    def __init__(
        self,
        lease: Lease,
        script: Script,
        history: Conversation,
        target: Target,
        shaper: Shaper | None,
        ways: Strategies,
        deadlines: Deadlines,
        opened: float,
    ) -> None:
        self._lease = lease
        self._session = lease.session
        self._script = script
        self._history = history
        self._target = target
        self._shaper = shaper
        self._ways = ways
        self._opened = opened
        self._watch = Watch(deadlines, opened, self._expire)
        self._held, self._before = lease.turns, lease.holds
        self._turns: tuple[str, ...] = ()
        self._machine: TurnMachine | None = None
        self._error: ServerError | None = None
        self._result_seen = False
        self._cut = False
        self._wanted = ways.history == "structured"

    async def start(self, on_told: OnReply) -> None:
        """Tell the process everything that it does not hold, and ask. Raises `ServerError`."""
        session, script, lease = self._session, self._script, self._lease
        if not lease.told:
            session.ask("initialize", on_told, systemPrompt=[script.system] if script.system else [])
            lease.tell(Setup(script.system))
        session.ask("apply_flag_settings", settings=make_flags(self._target, script.whole))
        size = size_of(script.to_tell(held=lease.continues))
        telling = await off_loop(size, script.telling, self._target.model, held=lease.continues)
        self._turns = telling.turns
        for step in telling.steps:
            session.write(step.data)
            if step.awaited:
                await session.result()
                if self._error is not None:
                    # The deadline passed while the process was not waited for.
                    raise self._error
        session.write(telling.prompt)
        load = round((time.monotonic() - self._opened) * 1e9)
        self._machine = TurnMachine(time, load_ns=load, show_thinking=self._target.thinking.shown)

    def close(self) -> None:
        """Stop watching the deadlines, and say what the process is going to hold."""
        self._watch.close()
        lease, machine = self._lease, self._machine
        answer = machine.answer if machine is not None and self._wanted and not self._script.whole else None
        if answer is not None:
            lease.becomes = after(self._history, self._script, answer)
            lease.turns = (*self._held, *self._turns)
        elif lease.continues:
            # What was asked is taken back, what was held before stays.
            lease.becomes = self._before

    def _expire(self, error: TimedOut) -> None:
        # The reader, if the process is being waited for; else whoever asks for the next events.
        self._error = error
        self._session.process.fail_wait(error)

    def __aiter__(self) -> "CliTurn":
        return self

    async def __anext__(self) -> Sequence[Event]:
        machine = self._machine
        assert machine is not None
        while True:
            if machine.ended:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            events = self._advance(machine, await self._receive(machine))
            if self._shaper is not None:
                events = self._shaped(self._shaper, machine, events)
            if events:
                return events

    async def _receive(self, machine: TurnMachine) -> list[Output]:
        session, watch = self._session, self._watch
        if session.ready:
            return await session.receive()
        watch.waiting_since = time.monotonic()
        outputs = await session.receive()
        watch.waiting_since = None
        return outputs

    def _advance(self, machine: TurnMachine, outputs: list[Output]) -> list[Event]:
        events: list[Event] = []
        started = machine.started
        for index, output in enumerate(outputs):
            if isinstance(output, Result):
                self._result_seen = True
            try:
                events += machine.feed(output)
            except ServerError as error:
                self._session.put_back(outputs[index + 1 :])
                if not events:
                    raise
                # What came before the error is the client's; the error follows.
                self._error = error
                break
            if machine.ended:
                if machine.goes_on:
                    # The CLI would ask the API again within milliseconds, and an interrupt may come too late.
                    self._session.process.end()
                self._session.put_back(outputs[index + 1 :])
                break
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
                shaped.append(machine.cut(shaper.size))
        except ServerError:
            # An answer that the client does not get is not part of its conversation.
            self._wanted = False
            raise
        return shaped

    async def settle(self, session: Session) -> bool:
        """Bring the process to what the lease says that it becomes. True when that is how it provably is."""
        machine, ways = self._machine, self._ways
        if machine is None or machine.goes_on or not ways.resets:
            return False
        if not self._result_seen:
            if self._cut or not machine.ended:
                if not ways.interrupt:
                    return False
                # Without cancel_queued the CLI may put a prompt that has hardly begun back, and run it again later.
                reply = await session.call("interrupt", cancel_queued=True)
                cancelled = reply.get("cancelled")
                if isinstance(cancelled, list) and self._turns[-1] in cancelled:
                    return await self._take_back(session, self._turns[:-1])
            while not isinstance(output := await session.next(), Result):
                if machine.ended and isinstance(output, ApiEvent) and output.event.get("type") == "message_start":
                    return False
        if len(self._lease.turns) > len(self._held):
            return True
        return await self._take_back(session, self._turns)

    async def _take_back(self, session: Session, turns: Sequence[str]) -> bool:
        return self._ways.rewind and await session.rewind(turns, empty=not self._held)
