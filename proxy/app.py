"""The composition root: reads the settings, builds everything, and says what the daemon is made of.

settings ─► login, CLI program ─► launcher ─► pool ─► backend ─┐
settings ─► what answers beside Claude ─► other backends      ─┤
settings ─► catalogue ◄─ models that all of these report      ─┴─► engine ─► handlers ─► ASGI application
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import anyio
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from config import ConfigError, Settings
from proxy.access.admission import Admission
from proxy.access.journal import Journal
from proxy.access.key_store import KeyStore, KeysUnusable
from proxy.access.keyring import Keyring
from proxy.access.ledger import Ledger
from proxy.api.application import make_application
from proxy.api.chat import ChatService
from proxy.api.dashboard import levels_of
from proxy.api.desk import Options
from proxy.api.page import Status
from proxy.api.protocol import Bounds
from proxy.api.routes import make_routes
from proxy.backends.claude_cli.account import Account
from proxy.backends.claude_cli.backend import ClaudeCliBackend, unfit_text
from proxy.backends.claude_cli.command import CliSettings, Login
from proxy.backends.claude_cli.faults import LOGIN_REMEDY
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.launcher import Launcher
from proxy.backends.claude_cli.locate import Cli
from proxy.backends.claude_cli.pool import Pool
from proxy.backends.claude_cli.probing.findings import Findings
from proxy.backends.claude_cli.probing.probe import examine
from proxy.backends.claude_cli.probing.store import ProbeStore
from proxy.backends.claude_cli.probing.watch import CliWatch
from proxy.catalog.library import Library
from proxy.catalog.models import Catalog
from proxy.catalog.persona_store import PersonaStore
from proxy.chats.dialects import DialectChats
from proxy.chats.keeper import Keeper
from proxy.cli import find_cli, open_folders
from proxy.core.contracts import OnSpent
from proxy.core.errors import ServerError
from proxy.engine import Engine
from proxy.observe.observer import Observer
from proxy.others import Others, open_others
from proxy.parts import (
    OF_A_PROCESS,
    RELOADED,
    client_bounds,
    configured_models,
    deadlines,
    default_think,
    launch_limits,
    overheard,
    page_origins,
    pool_limits,
    reported_model,
    shown_limits,
    system_prompt,
)
from proxy.store.on_demand import chats_on_demand
from proxy.web.pages import PageRoutes
from proxy.wire.ollama.creation import read_parameters

log = structlog.get_logger()


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
    backend: ClaudeCliBackend
    engine: Engine
    simulated: bool
    launcher: Launcher
    others: Others
    chats: Keeper
    observer: Observer
    url: str = ""
    account: Account | None = None
    findings: Findings | None = None
    discovered: anyio.Event = field(default_factory=anyio.Event)
    _application: ASGIApp | None = None

    def learn(self, account: Account) -> None:
        """Take in what a process reports: the models, and whether anyone is logged in."""
        before, self.account = self.account, account
        # "default" is no model of its own, it is whichever the account uses.
        reported = [reported_model(model, self.settings) for model in account.models if model.alias != "default"]
        for model in self.catalog.discover(reported):
            log.info("model_discovered", name=model.name, cli_model=model.backend_model)
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

    def reload(self, settings: Settings) -> None:
        """Take in other settings: they count for what begins from now on, and nothing that runs is cut.

        What cannot change while it runs stays as it is, and is named in the log.
        """
        changed = [name for name in Settings.model_fields if getattr(settings, name) != getattr(self.settings, name)]
        fixed = [name for name in changed if name not in RELOADED]
        self.settings = settings.model_copy(update={name: getattr(self.settings, name) for name in fixed})
        self._apply()
        if not OF_A_PROCESS.isdisjoint(changed):
            self.pool.renew()
        log.info("reloaded", changed=[name for name in changed if name not in fixed])
        if fixed:
            log.warning("restart_needed", settings=fixed, meaning="these stay as they were until the next start")
        known = {model.name for model in self.catalog.models}
        if lost := [persona.name for persona in self.catalog.personas if persona.name not in known]:
            log.warning("personas_without_model", names=lost, meaning="they come back with the models they are made of")

    def _apply(self) -> None:
        settings = self.settings
        _warn_of_host_tools(settings)
        self.catalog.configure(configured_models(settings))
        self.engine.adopt(default_think=default_think(settings), keep_alive=settings.keep_alive)
        self.launcher.limits = launch_limits(settings)
        self.launcher.settings = replace(
            self.launcher.settings,
            # Looked up where no persona can have its name.
            model=make_catalog(settings).find(settings.default_model).backend_model,
            retries=settings.cli_retries,
            pass_environment=settings.pass_environment,
        )
        admission = self.engine.admission
        admission.max_requests, admission.max_dollars = settings.max_requests, settings.max_dollars_a_day
        self.backend.limit(deadlines(settings))
        self.others.limit(deadlines(settings))
        self.pool.limit(pool_limits(settings))
        self.chats.patience = settings.queue_timeout
        self._application = self._make_application()

    def missing(self) -> Mapping[str, str]:
        """What keeps a chat from being answered now: names, each with a sentence; empty when nothing does."""
        unfit = self.findings.strategies.unfit if self.findings else ()
        found = {
            "drain": "the server is shutting down" if self.engine.draining else "",
            "cli": unfit_text(unfit) if unfit else "",
            "login": LOGIN_REMEDY if self.account is not None and not self.account.logged_in else "",
            "process": self._lacking_process(),
        }
        return {name: sentence for name, sentence in found.items() if sentence}

    def _lacking_process(self) -> str:
        if not self.discovered.is_set():
            return "the first Claude CLI process is not there yet"
        if self.pool.available:
            return ""
        return "no Claude CLI process boots" if self.pool.failed_boots else "every Claude CLI process is taken"

    @property
    def bounds(self) -> Bounds:
        """What clients may take up."""
        return client_bounds(self.settings)

    def status(self) -> Status:
        """What the page shows."""
        unfit = self.findings.strategies.unfit if self.findings else ()
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
            problem=unfit_text(unfit) if unfit else LOGIN_REMEDY if logged_out else "",
            members=self.pool.members,
            limits=shown_limits(self.settings),
            missing=self.missing(),
        )

    def application(self) -> ASGIApp:
        """The ASGI application, that of the settings in force; it has no lifespan of its own."""
        self._application = self._make_application()

        async def current(scope: Scope, receive: Receive, send: Send) -> None:
            assert self._application is not None
            await self._application(scope, receive, send)

        return current

    def _make_application(self) -> ASGIApp:
        settings = self.settings
        options = Options(
            settings.max_body,
            settings.write_timeout,
            self.simulated,
            settings.fallback_model,
            settings.request_timeout,
            DialectChats(self.chats) if settings.keep_dialect_chats else None,
            settings.keep_contents,
        )
        resources = self.observer.host.resources
        routes = make_routes(
            self.engine,
            options,
            self.status,
            self.discovered,
            self.missing,
            chats=ChatService(self.chats, resources, settings.chat_model or settings.default_model),
            observer=self.observer,
            pages=PageRoutes().routes(),
        )
        return make_application(
            routes,
            self.engine.admission.keyring,
            self.observer,
            host=settings.host,
            origins=page_origins(settings),
            trusted_proxies=settings.trusted_proxies,
            logged={"simulated": True} if self.simulated else {},
        )

    def adopt(self, findings: Findings, changed: bool) -> None:
        """Take in what was found out about the CLI; `changed`: it is another one than the running processes'."""
        strategies = findings.strategies
        log.info("cli_probed", version=findings.version, passed=findings.passed)
        for check in findings.checks:
            if check.verdict != "ok":
                log.warning("cli_check_failed", check=check.name, detail=check.detail, remedy=check.remedy)
        self.backend.adopt(strategies)
        self.findings = findings
        if changed:
            log.warning("cli_changed", before=self.cli.version, now=findings.version)
            self.cli = replace(self.cli, version=findings.version)
            if not strategies.unfit:
                self.pool.renew()


@asynccontextmanager
async def open_daemon(
    settings: Settings, environ: Mapping[str, str], *, simulated: bool = False
) -> AsyncIterator[Daemon]:
    """A daemon whose processes boot; on leaving every process is ended and its folders removed.

    Raises `CliMissing`, `CliNotExecutable`, `LoginMissing` for a login that is not there, `StoreUnusable` for chats
    that nothing here can keep, and `ConfigError` for keys that cannot be read.
    """
    admission = open_admission(settings)
    store = chats_on_demand(settings.chats, settings.state_folder)
    catalog = make_catalog(settings)
    cli_settings, cli = await find_cli(settings, environ, catalog)
    login = cli_settings.login
    log.info("cli", path=str(cli.path), version=cli.version, found=cli.origin)
    log.info("login", mode=login.mode, credential="simulated" if simulated else login.credential)
    _warn_of_host_tools(settings)
    folders = ProcessFolders(settings.runtime_folder)
    swept = open_folders(folders, settings)
    if swept:
        log.warning("processes_swept", count=swept)
    try:
        launcher = Launcher(cli_settings, folders, launch_limits(settings))
        pool = Pool(launcher, pool_limits(settings))
        observer = Observer()
        spent = observer.counting(admission.spent)
        backend = ClaudeCliBackend(
            pool,
            login,
            deadlines(settings),
            lambda account: daemon.learn(account),
            spent,
            stateless=settings.stateless_turns,
        )
        library = Library(catalog, PersonaStore(settings.state_folder))
        await library.load()
        async with (
            aclosing(store),
            open_others(settings, environ, catalog, spent) as others,
            admission.ledger.kept(),
            pool.run(),
            anyio.create_task_group() as tasks,
        ):
            engine = make_engine(settings, backend, others, library, admission, spent)
            chats = Keeper(store, system_prompt(settings), settings.queue_timeout)
            daemon = Daemon(
                settings, cli, login, catalog, pool, backend, engine, simulated, launcher, others, chats, observer
            )
            tasks.start_soon(_discover, backend, daemon)
            tasks.start_soon(engine.keep_time)
            tasks.start_soon(others.keep_up)
            tasks.start_soon(observer.watch, lambda: levels_of(daemon.status()))
            if settings.probe:
                tasks.start_soon(_watch_cli, daemon, cli_settings, folders)
            yield daemon
            tasks.cancel_scope.cancel()
    finally:
        folders.close()


def make_engine(
    settings: Settings,
    backend: ClaudeCliBackend,
    others: Others,
    library: Library,
    admission: Admission,
    on_spent: OnSpent,
) -> Engine:
    """The engine over all the backends that there are."""
    return Engine(
        library.catalog,
        overheard(backend, settings),
        others={name: overheard(other, settings) for name, other in others.backends.items()},
        embedders=others.embedders,
        look_again=others.look_again,
        default_think=default_think(settings),
        keep_alive=settings.keep_alive,
        library=library,
        read_parameters=read_parameters,
        admission=admission,
        on_spent=on_spent,
    )


async def _discover(backend: ClaudeCliBackend, daemon: Daemon) -> None:
    try:
        await backend.discover()
    except ServerError as error:
        log.error("cli_does_not_answer", error=error.message)
    daemon.discovered.set()


async def _watch_cli(daemon: Daemon, cli_settings: CliSettings, folders: ProcessFolders) -> None:
    settings = daemon.settings

    async def probe() -> Findings:
        from proxy.simulator.server import serve_simulator  # not for a CLI that is known

        # The first spares come first; whoever asks meanwhile finds the CLI taken for one that works.
        await daemon.discovered.wait()
        async with serve_simulator() as recorder:
            return await examine(cli_settings, folders, launch_limits(settings), recorder)

    store = ProbeStore(settings.state_folder)
    await CliWatch(daemon.cli.path, daemon.login.mode, store, probe, daemon.adopt).run()


def _warn_of_host_tools(settings: Settings) -> None:
    if settings.host_tools:
        used = {model.name: model.builtin_tools for model in settings.models if model.builtin_tools}
        log.warning("host_tools_on", models=used, meaning="clients can read files or run commands on this machine")


def open_admission(settings: Settings) -> Admission:
    """The keys that there are, and what was used today. Raises `ConfigError` for keys that cannot be read."""
    keyring = Keyring(KeyStore(settings.state_folder))
    try:
        keyring.load()
    except KeysUnusable as error:
        raise ConfigError(str(error)) from None
    ledger = Ledger(Journal(settings.state_folder))
    ledger.load()
    return Admission(keyring, ledger, max_requests=settings.max_requests, max_dollars=settings.max_dollars_a_day)


def make_catalog(settings: Settings) -> Catalog:
    """The configured models."""
    return Catalog(configured_models(settings), datetime.now(UTC).astimezone())
