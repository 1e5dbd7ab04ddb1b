"""The Claude CLI as a `Backend`: for each turn a lease, the history told, the answer relayed, the process cleaned."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio

from proxy.backends.claude_cli.account import Account, read_account
from proxy.backends.claude_cli.codec import ApiEvent, Output, Result
from proxy.backends.claude_cli.command import Login
from proxy.backends.claude_cli.deadlines import Deadlines, Watch
from proxy.backends.claude_cli.faults import not_logged_in
from proxy.backends.claude_cli.plan import Setup
from proxy.backends.claude_cli.pool import Lease, Pool
from proxy.backends.claude_cli.replay import Script, make_script
from proxy.backends.claude_cli.session import OnReply, Session
from proxy.backends.claude_cli.turn import TurnMachine
from proxy.core.contracts import Target
from proxy.core.errors import ServerError, TimedOut
from proxy.core.events import Event
from proxy.core.request import ChatRequest


class ClaudeCliBackend:
    """Answers with the Claude CLI. `on_account` hears what each newly told process says of its login and models."""

    def __init__(self, pool: Pool, login: Login, deadlines: Deadlines, on_account: Callable[[Account], None]) -> None:
        self._pool = pool
        self._login = login
        self._deadlines = deadlines
        self._on_account = on_account

    async def discover(self) -> None:
        """Tell one process nothing, so that it reports the login and the models; it stays ready for use."""
        setup = Setup()
        async with self._pool.lease(setup) as lease:
            # No client waits for this one: boots need not wait for its first token.
            lease.answering()
            if not lease.told:
                limit = self._deadlines.first_event
                try:
                    with anyio.fail_after(limit):
                        reply = await lease.session.call("initialize", systemPrompt=[])
                except TimeoutError:
                    raise TimedOut(f"the Claude CLI did not take its setup within {limit:g} s") from None
                lease.tell(setup)
                self._on_account(read_account(reply, self._login))
            lease.settle = _nothing_to_settle

    @asynccontextmanager
    async def open(self, request: ChatRequest, target: Target) -> AsyncIterator["CliTurn"]:
        """A turn on a process of its own. Raises `ServerError`."""
        opened = time.monotonic()
        script = make_script(request, target.model)
        async with self._pool.lease(Setup(script.system)) as lease:
            turn = CliTurn(lease, script, self._deadlines, opened)
            lease.settle = turn.settle
            try:
                await turn.start(request, target, self._on_told)
                yield turn
            finally:
                turn.close()

    def _on_told(self, reply: Mapping[str, Any]) -> None:
        account = read_account(reply, self._login)
        self._on_account(account)
        if not account.logged_in:
            raise not_logged_in()


async def _nothing_to_settle(_session: Session) -> bool:
    return True


class CliTurn:
    """One answer from one process: iterate it for batches of events."""

    def __init__(self, lease: Lease, script: Script, deadlines: Deadlines, opened: float) -> None:
        self._lease = lease
        self._session = lease.session
        self._script = script
        self._opened = opened
        self._watch = Watch(deadlines, opened, self._expire)
        self._machine: TurnMachine | None = None
        self._error: ServerError | None = None
        self._result_seen = False

    async def start(
        self,
        request: ChatRequest,
        target: Target,
        on_told: OnReply,
    ) -> None:
        """Tell the process everything, and ask. Raises `ServerError`."""
        session, script = self._session, self._script
        if not self._lease.told:
            session.ask("initialize", on_told, systemPrompt=[script.system] if script.system else [])
            self._lease.tell(Setup(script.system))
        session.ask("apply_flag_settings", settings=_flags(request, target))
        for step in script.steps:
            session.write(step.data)
            if step.awaited:
                await session.result()
        session.write(script.prompt)
        self._machine = TurnMachine(time, load_ns=round((time.monotonic() - self._opened) * 1e9))

    def close(self) -> None:
        """Stop watching the deadlines."""
        self._watch.close()

    def _expire(self, error: TimedOut) -> None:
        # The reader, if the process is being waited for; else whoever asks for the next events.
        self._error = error
        self._session.process.fail_wait(error)

    def __aiter__(self) -> "CliTurn":
        return self

    async def __anext__(self) -> Sequence[Event]:
        machine = self._machine
        assert machine is not None
        if machine.ended:
            raise StopAsyncIteration
        if self._error is not None:
            raise self._error
        while True:
            events = self._advance(machine, await self._receive(machine))
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

    async def settle(self, session: Session) -> bool:
        """Take the turn back out of the process. True when it provably holds nothing any more."""
        machine = self._machine
        if machine is None or machine.goes_on:
            return False
        turns = self._script.turns
        if not self._result_seen:
            if not machine.ended:
                # Without cancel_queued the CLI may put a prompt that has hardly begun back, and run it again later.
                reply = await session.call("interrupt", cancel_queued=True)
                if turns[-1] in (reply.get("cancelled") or ()):
                    return await _rewind(session, turns[:-1])
            while not isinstance(output := await session.next(), Result):
                if machine.ended and isinstance(output, ApiEvent) and output.event.get("type") == "message_start":
                    return False
        return await _rewind(session, turns)


async def _rewind(session: Session, turns: Sequence[str]) -> bool:
    """Take `turns` back, the last one first. True when every one was, and nothing preceded the first."""
    before: object = None
    for turn in reversed(turns):
        reply = await session.call("rewind_conversation", target_message_uuid=turn)
        if reply.get("rewound") is not True:
            return False
        before = reply.get("precedingAssistantUuid", "unknown")
    return before is None


def _flags(request: ChatRequest, target: Target) -> dict[str, object]:
    # Settings merge and outlive a turn: each one is set every time, to nothing when it has no value.
    limit = "" if request.max_tokens is None else str(request.max_tokens)
    return {
        "model": target.model,
        "env": {"CLAUDE_CODE_EXTRA_BODY": "", "CLAUDE_CODE_MAX_OUTPUT_TOKENS": limit},
    }
