"""The composition root: reads the settings, builds everything, and says what the daemon is made of.

settings ─► login, CLI program ─► launcher ─► pool ─► backend ─┐
settings ─► catalogue ◄─ models the CLI reports                ├─► engine ─► handlers ─► ASGI application
                                                               ┘
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import anyio
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from config import ModelSettings, Settings
from proxy.api.handlers import Handlers, Options
from proxy.api.middleware import RequestLog
from proxy.api.page import Status
from proxy.backends.claude_cli.account import Account, CliModel
from proxy.backends.claude_cli.backend import ClaudeCliBackend
from proxy.backends.claude_cli.command import CliSettings, Login, choose_login
from proxy.backends.claude_cli.deadlines import Deadlines
from proxy.backends.claude_cli.faults import LOGIN_REMEDY
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.launcher import Launcher, LaunchLimits
from proxy.backends.claude_cli.locate import Cli, find_program, read_version
from proxy.backends.claude_cli.plan import Limits
from proxy.backends.claude_cli.pool import Pool, PoolLimits
from proxy.backends.claude_cli.process import StopTimes
from proxy.catalog.models import Catalog, Model, valid_name
from proxy.core.errors import ServerError
from proxy.core.request import Think
from proxy.engine import Engine
from proxy.observe.prompts import PromptLog

log = structlog.get_logger()

_BOOTS_AT_ONCE = 2
# Processes that boot at the same time while requests wait: each takes most of a core for most of a second.

_SETTLE_EXTRA = 1.0
# Seconds for taking a turn back out of a process, after its interrupt.


def server_version() -> str:
    """The version of this program, as it was installed."""
    try:
        return version("claude-ollama-server")
    except PackageNotFoundError:
        return "0 (not installed)"


@dataclass(slots=True)
class Daemon:
    """Everything that runs, while `open_daemon` is entered. `url` is where it listens, once it does."""

    settings: Settings
    cli: Cli
    login: Login
    catalog: Catalog
    pool: Pool
    engine: Engine
    simulated: bool
    url: str = ""
    account: Account | None = None
    discovered: anyio.Event = field(default_factory=anyio.Event)

    def learn(self, account: Account) -> None:
        """Take in what a process reports: the models, and whether anyone is logged in."""
        before, self.account = self.account, account
        # "default" is no model of its own, it is whichever the account uses.
        reported = [_from_cli(model) for model in account.models if model.alias != "default"]
        for model in self.catalog.discover(reported):
            log.info("model_discovered", name=model.name, cli_model=model.cli_model)
        if before is None or before.logged_in != account.logged_in:
            if account.logged_in:
                log.debug("logged_in", source=account.source, mode=self.login.mode)
            else:
                log.warning("not_logged_in", remedy=LOGIN_REMEDY, cli=str(self.cli.path))

    async def drain(self) -> None:
        """Let running turns finish for a while, then cut them with an error; at once when this is cancelled."""
        running = self.engine.running
        log.info("draining", running=running, patience_s=self.settings.drain_timeout)
        try:
            cut = await self.engine.drain(self.settings.drain_timeout)
        except anyio.get_cancelled_exc_class():
            cut = self.engine.running
        log.info("drained", finished=running - cut, cut=cut)

    def status(self) -> Status:
        """What the page shows."""
        logged_out = self.account is not None and not self.account.logged_in
        return Status(
            version=server_version(),
            url=self.url,
            cli=f"{self.cli.version}, {self.cli.origin}",
            login="none needed" if self.simulated else f"{self.login.credential} ({self.login.mode})",
            models=[(model.name, model.display_name) for model in self.catalog.models],
            example_model=self.settings.default_model,
            processes=self.pool.summary,
            running=self.engine.running,
            waiting=self.pool.waiting,
            loaded=list(self.engine.loaded()),
            unsupported=self.engine.unsupported,
            simulated=self.simulated,
            problem=LOGIN_REMEDY if logged_out else "",
        )

    def application(self) -> ASGIApp:
        """The ASGI application; it has no lifespan of its own."""
        options = Options(self.settings.max_body, self.settings.write_timeout, self.simulated)
        return Starlette(
            routes=Handlers(self.engine, options, self.status).routes(),
            exception_handlers={404: _not_found, 405: _not_allowed},
            middleware=[Middleware(RequestLog, fields={"simulated": True} if self.simulated else {})],
        )


@asynccontextmanager
async def open_daemon(
    settings: Settings, environ: Mapping[str, str], *, simulated: bool = False
) -> AsyncIterator[Daemon]:
    """A daemon whose processes boot; on leaving every process is ended and its folders removed.

    Raises `CliMissing`, `CliNotExecutable`, and `LoginMissing` for a login that is not there.
    """
    login = choose_login(settings.login, environ)
    program, origin = find_program(settings.cli, environ)
    catalog = Catalog(map(_configured, settings.models), datetime.now(UTC).astimezone())
    cli_settings = CliSettings(
        program=program,
        login=login,
        environ=environ,
        model=catalog.find(settings.default_model).cli_model,
        retries=settings.cli_retries,
        builtin_tools=settings.builtin_tools,
        pass_environment=settings.pass_environment,
    )
    cli = Cli(program, origin, await read_version(program, _bare_environment(environ)))
    log.info("cli", path=str(cli.path), version=cli.version, found=cli.origin)
    log.info("login", mode=login.mode, credential="simulated" if simulated else login.credential)
    if settings.builtin_tools:
        log.warning("builtin_tools_on", meaning="clients can read files and run commands on this machine")
    folders = ProcessFolders(settings.runtime_folder, own_work=settings.builtin_tools)
    try:
        swept = folders.open()
    except OSError as error:
        raise OSError(
            f"the runtime folder {settings.runtime_folder} cannot be used: {error.strerror or error}"
        ) from error
    if swept:
        log.warning("processes_swept", count=swept)
    try:
        launcher = Launcher(cli_settings, folders, _launch_limits(settings))
        pool = Pool(launcher, _pool_limits(settings))
        backend = ClaudeCliBackend(pool, login, _deadlines(settings), lambda account: daemon.learn(account))
        engine = Engine(
            catalog,
            PromptLog(backend) if settings.log_prompts else backend,
            default_think=_think(settings),
            keep_alive=settings.keep_alive,
        )
        daemon = Daemon(settings, cli, login, catalog, pool, engine, simulated)
        async with pool.run(), anyio.create_task_group() as tasks:
            tasks.start_soon(_discover, backend, daemon)
            tasks.start_soon(engine.keep_time)
            yield daemon
            tasks.cancel_scope.cancel()
    finally:
        folders.close()


async def _discover(backend: ClaudeCliBackend, daemon: Daemon) -> None:
    try:
        await backend.discover()
    except ServerError as error:
        log.error("cli_does_not_answer", error=error.message)
    daemon.discovered.set()


def _bare_environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: environ[name] for name in ("PATH", "HOME", "LANG") if name in environ}
    return kept | {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def _think(settings: Settings) -> Think:
    match settings.default_think:
        case "off" | "on" as switch:
            return switch == "on"
        case level:
            return level


def _launch_limits(settings: Settings) -> LaunchLimits:
    stop = StopTimes(settings.stop_eof_timeout, settings.stop_term_timeout, settings.stop_kill_timeout)
    return LaunchLimits(boot=settings.boot_timeout, line=settings.max_line, stop=stop)


def _pool_limits(settings: Settings) -> PoolLimits:
    return PoolLimits(
        plan=Limits(settings.spares, settings.max_processes, _BOOTS_AT_ONCE, settings.max_conversations),
        queue=settings.max_queue,
        queue_timeout=settings.queue_timeout,
        requests=settings.max_turns_per_process,
        idle_timeout=settings.idle_process_timeout,
        settle_timeout=settings.interrupt_timeout + _SETTLE_EXTRA,
    )


def _deadlines(settings: Settings) -> Deadlines:
    return Deadlines(first_event=settings.first_event_timeout, idle=settings.idle_timeout, total=settings.total_timeout)


def _configured(model: ModelSettings) -> Model:
    return Model(
        name=model.name,
        cli_model=model.cli_model,
        display_name=model.display_name or model.name,
        context_length=model.context_length,
        max_output_tokens=model.max_output_tokens,
        capabilities=model.capabilities,
        options=model.options,
        thinking=model.thinking,
        thinking_off=model.thinking_off,
        effort_levels=model.effort_levels,
        prefill=model.prefill,
        structured_output=model.structured_output,
    )


def _from_cli(model: CliModel) -> Model:
    # Lengths are not reported: the smallest of any current model are promised. Nor is how thinking that is not
    # adaptive would be asked for.
    return Model(
        name=valid_name(model.alias),
        cli_model=model.alias,
        display_name=model.display_name,
        capabilities=("completion", "vision"),
        options=frozenset({"stop", "num_predict"}),
        aliases=(model.model,),
        thinking="adaptive" if model.adaptive_thinking else "none",
        thinking_off=model.thinking_can_be_off,
        effort_levels=model.effort_levels,
    )


def _not_found(_request: Request, _error: Exception) -> Response:
    return Response("404 page not found", 404, {"content-type": "text/plain"})


def _not_allowed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", "), reverse=True))
    return Response("405 method not allowed", 405, {"content-type": "text/plain", "allow": allowed})
