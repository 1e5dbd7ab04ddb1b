"""The Claude CLI as a `Backend`: for each turn a lease, the history told, the answer relayed, the process cleaned."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import structlog

from proxy.backends.claude_cli.account import Account, read_account
from proxy.backends.claude_cli.bill import Bill
from proxy.backends.claude_cli.body import TurnBody, make_body
from proxy.backends.claude_cli.command import Login
from proxy.backends.claude_cli.conversations import Conversation, begun
from proxy.backends.claude_cli.costs import Prices
from proxy.backends.claude_cli.faults import not_logged_in
from proxy.backends.claude_cli.lease import Lease
from proxy.backends.claude_cli.memory import Memory
from proxy.backends.claude_cli.offload import off_loop
from proxy.backends.claude_cli.plan import Need, Setup
from proxy.backends.claude_cli.pool import Pool
from proxy.backends.claude_cli.relay import CliTurn, Job, Lost
from proxy.backends.claude_cli.replay import Script, make_script, size_of, thinks
from proxy.backends.claude_cli.session import Session
from proxy.backends.claude_cli.shaping import Shaper, shaper_for
from proxy.backends.claude_cli.stateless import StatelessTurn
from proxy.backends.claude_cli.strategies import Strategies
from proxy.backends.claude_cli.thinking_cache import ThinkingCache
from proxy.backends.claude_cli.tools import PLAIN, PREFIX, Naming, tool_set
from proxy.backends.claude_cli.transcript import transcript
from proxy.backends.claude_cli.warming import note_alias, warm
from proxy.core.contracts import Abilities, OnSpent, Target
from proxy.core.deadlines import Deadlines
from proxy.core.errors import BackendFailed, ServerError, TimedOut
from proxy.core.request import Caller, ChatRequest, Thought
from proxy.shape.pictures import fit_pictures

log = structlog.get_logger()


def unfit_text(checks: Sequence[str]) -> str:
    """The words for a CLI on which needed `checks` failed."""
    return (
        f"this Claude CLI does not do what is needed ({', '.join(checks)}), so nothing is served: "
        "`claude-ollama-server doctor` tells what is wrong"
    )


class ClaudeCliBackend:
    """Answers with the Claude CLI. `on_account` hears what each newly told process says of its login and models,
    `on_spent` what turns have used. `stateless`: a turn is one API body, given to any worker, but for models with tools
    of the CLI's own."""

    def __init__(
        self,
        pool: Pool,
        login: Login,
        deadlines: Deadlines,
        on_account: Callable[[Account], None],
        on_spent: OnSpent = lambda _caller, _spent: None,
        *,
        stateless: bool = False,
    ) -> None:
        self._pool = pool
        self._login = login
        self._deadlines = deadlines
        self._on_account = on_account
        self._on_spent = on_spent
        self._prices = Prices()
        self._strategies = Strategies()
        self._stateless = stateless
        self._memory = Memory()
        self._thinking = ThinkingCache()
        # The CLI's own marks of the system prompt live this long; the API wants the longer ones first.
        self._ttl = "" if login.mode == "api-key" else "1h"
        self._ids: dict[str, str] = {}
        self._warms = self._logged_in = False
        pool.warm_with(self._warm)

    @property
    def abilities(self) -> Abilities:
        """What the CLI can do, as far as it was found out."""
        ways = self._strategies
        return Abilities(ways.history == "structured", ways.options, ways.effort, ways.tool_names != "none")

    def adopt(self, strategies: Strategies) -> None:
        """From now on drive the CLI in these ways."""
        self._strategies = strategies
        self._pool.reuse(strategies.rewind and strategies.resets, stateless=self._stateless and strategies.stateless)
        self._warms = strategies.depth == "initialized" and strategies.rewind and not strategies.unfit
        self._pool.warm_spares()

    def limit(self, deadlines: Deadlines) -> None:
        """Hold the turns that begin from now on to `deadlines`."""
        self._deadlines = deadlines

    async def discover(self) -> None:
        """Tell one process nothing, so that it reports the login and the models; it stays ready for use."""
        setup = Setup()
        async with self._pool.lease(Need(setup)) as lease:
            # No client waits for this one: boots need not wait for its first token.
            lease.answering()
            if not lease.told and not lease.session.warmed:
                limit = self._deadlines.first_event
                try:
                    with anyio.fail_after(limit):
                        reply = await lease.session.call("initialize", systemPrompt=[])
                except TimeoutError:
                    raise TimedOut(f"the Claude CLI did not take its setup within {limit:g} s") from None
                lease.tell(setup)
                note_alias(lease.session, reply)
                self._learn(reply)
            lease.settle = _nothing_to_settle
        self._pool.warm_spares()

    async def _warm(self, session: Session) -> None:
        """Tell a spare ahead what can be, where that is proven. Raises `ServerError` for one that is spoilt."""
        # Who is not logged in may be when the spare is used, which would still say that it is not.
        if not (self._warms and self._logged_in):
            return
        try:
            self._on_told(await warm(session))
        except ServerError:
            self._warms = False
            raise

    async def load(self, model: str, keep_alive: float | None) -> None:
        """Nothing: every process answers as any model."""

    def release(self, caller: Caller, model: str) -> None:
        """Let go of every conversation that is kept for a caller's requests of `model`."""
        self._pool.release(caller, model)

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        """Whether the thoughts before the calls, of which `request` brings the results, are in it, or remembered."""
        if self._is_stateless(target):
            return self._body(request, target, PLAIN).thinks
        script = make_script(request, target, self._naming)
        if script.history and any(isinstance(part, Thought) for part in script.history[-1].parts):
            return True
        recalled = self._memory.recalled(script, begun(script, request.caller, target)).recalled
        last = recalled.get(len(script.history) - 1)
        return last is not None and thinks(last.blocks)

    def _is_stateless(self, target: Target) -> bool:
        return self._stateless and self._strategies.stateless and not target.builtin_tools

    def _body(self, request: ChatRequest, target: Target, naming: Naming) -> TurnBody:
        request = replace(request, messages=fit_pictures(request.messages))
        recall = partial(self._thinking.recall, request.caller)
        return make_body(request, target, naming, recall=recall, ttl=self._ttl)

    @property
    def _naming(self) -> Naming:
        return Naming(PREFIX if self._strategies.tool_names == "prefixed" else "")

    @asynccontextmanager
    async def open(self, request: ChatRequest, target: Target) -> AsyncIterator[CliTurn]:
        """A turn on a process of its own. Raises `ServerError`."""
        opened = time.monotonic()
        ways = self._strategies
        if ways.unfit:
            raise BackendFailed(unfit_text(ways.unfit), fault="operator", should_retry=False)
        shaper = shaper_for(target)
        if self._is_stateless(target):
            async with self._open_stateless(request, target, shaper, opened) as stateless:
                yield stateless
            return
        asked = request if ways.history == "structured" else _in_words(request)
        naming = replace(self._naming, reserved=frozenset(target.builtin_tools))
        size = size_of(request.messages)
        script, history = await off_loop(size, _prepared, asked, target, naming)
        script = self._memory.recalled(script, history)
        tools = tool_set(target.tools, naming, ways.description_limit)
        setup = Setup(script.system, tools, target.builtin_tools)
        job = Job(setup, script, history, target, self._ids)
        # A process that waits, and cannot be taken back to where it was before, takes nothing else.
        held = ways.rewind or not script.brings_results or job.live is not None
        need = Need(setup, history if history.messages and held else None)

        def make(lease: Lease) -> CliTurn:
            bill = Bill(lease.session.meter, self._prices, partial(self._on_spent, request.caller))
            return CliTurn(lease, job, shaper, ways, self._deadlines, opened, self._memory, bill)

        async with self._asked(need, make) as turn:
            yield turn

    @asynccontextmanager
    async def _open_stateless(
        self, request: ChatRequest, target: Target, shaper: Shaper | None, opened: float
    ) -> AsyncIterator[CliTurn]:
        naming = PLAIN
        body = await off_loop(size_of(request.messages), self._body, request, target, naming)
        setup = Setup(body.system)
        history = Conversation(request.caller, target.model, None, None, ())
        job = Job(setup, Script(body.system, (), (), naming), history, target, self._ids)

        def make(lease: Lease) -> CliTurn:
            bill = Bill(lease.session.meter, self._prices, partial(self._on_spent, request.caller))
            turn = StatelessTurn(lease, job, shaper, self._strategies, self._deadlines, opened, self._memory, bill)
            return turn.with_body(body, request.caller, self._thinking, naming)

        async with self._asked(Need(setup), make) as turn:
            yield turn

    @asynccontextmanager
    async def _asked(self, need: Need, make: Callable[[Lease], CliTurn]) -> AsyncIterator[CliTurn]:
        """A turn that the API has accepted, asked once more where its process died before. Raises `ServerError`."""
        async with AsyncExitStack() as stack:
            try:
                turn = await stack.enter_async_context(self._begun(need, make))
            except Lost as lost:
                # Nobody has seen anything of an answer. Once only: it may be this request that ends processes.
                log.warning("asked_again", reason=lost.error.message)
                try:
                    turn = await stack.enter_async_context(self._begun(need, make))
                except Lost as again:
                    raise again.error from None
            yield turn

    @asynccontextmanager
    async def _begun(self, need: Need, make: Callable[[Lease], CliTurn]) -> AsyncIterator[CliTurn]:
        """A turn that the API has accepted. Raises `ServerError`, and `Lost` when its process died before that."""
        async with self._pool.lease(need) as lease:
            turn = make(lease)
            lease.settle = turn.settle
            try:
                await turn.begin(self._on_told)
                yield turn
            finally:
                turn.close()

    def _on_told(self, reply: Mapping[str, Any]) -> None:
        if not self._learn(reply).logged_in:
            raise not_logged_in()

    def _learn(self, reply: Mapping[str, Any]) -> Account:
        account = read_account(reply, self._login)
        self._logged_in = account.logged_in
        self._ids |= {model.alias: model.model for model in account.models}
        self._on_account(account)
        return account


def _prepared(request: ChatRequest, target: Target, naming: Naming) -> tuple[Script, Conversation]:
    script = make_script(request, target, naming)
    return script, begun(script, request.caller, target)


def _in_words(request: ChatRequest) -> ChatRequest:
    """A request whose earlier turns are told in its one user message."""
    spoken = [message for message in request.messages if message.role != "system"]
    if not spoken or spoken[-1].role == "assistant":
        return request
    system = [message for message in request.messages if message.role == "system"]
    return replace(request, messages=(*system, transcript(spoken)))


async def _nothing_to_settle(_session: Session) -> bool:
    return True
