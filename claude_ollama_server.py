"""Claude behind the Ollama API: the entry point. `claude-ollama-server --help` tells what it does."""

import argparse
import asyncio
import contextlib
import errno
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import anyio
import structlog

from config import ConfigError, Settings, add_flags, load
from proxy.api.hosts import is_loopback
from proxy.api.server import STOP_SIGNALS, open_socket
from proxy.api.tls import BadCertificate, Certificate
from proxy.app import Daemon, open_admission, open_daemon, server_version
from proxy.backends.claude_cli.command import API_KEYS, OAUTH_TOKEN, PROVIDERS, LoginMissing
from proxy.backends.claude_cli.locate import CliMissing, CliNotExecutable
from proxy.commands.chats import CHATS, add_chats_commands
from proxy.commands.doctor import Unfit, doctor
from proxy.commands.keys import KEYS, add_keys_commands
from proxy.commands.models import models
from proxy.commands.service import ServiceFault, add_service_flags, service
from proxy.commands.serving import Reread, Serving, catch_hangup
from proxy.core.errors import ServerError
from proxy.observe.log import configure_log
from proxy.observe.notify import Notifier
from proxy.store.on_demand import StoreUnusable

log = structlog.get_logger()

Command = Callable[[Settings, Mapping[str, str]], Coroutine[Any, Any, None]]

EXIT_FAILURE = 1
EXIT_SETTINGS = 2
EXIT_PORT_TAKEN = 3
EXIT_CLI_MISSING = 4
EXIT_CLI_NOT_EXECUTABLE = 5

Arguments = Mapping[str, Any]
"""The flags that were given, as argparse has them."""

Environ = Mapping[str, str]
DESCRIPTION = """\
Claude behind the Ollama API: any Ollama or OpenAI client is answered by the
official Claude CLI.
"""

EPILOG = """\
`COMMAND --help` tells what a command does, and lists every setting.

exit codes:
  0  stopped by a signal, or done
  1  failure
  2  wrong settings or flags, or a login that is not there
  3  the port is taken
  4  there is no Claude CLI
  5  the Claude CLI cannot be run
"""

SERVE = """\
Run the daemon until SIGTERM or SIGINT. Then it takes no new requests, lets
running answers finish for --drain-timeout, and leaves no process behind; a
second signal stops it at once. SIGHUP reads the settings again, unless the
daemon was started on a terminal, whose closing ends it: docs/service.md.

The Claude CLI is logged in by the first of these that there is:
  1. ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, or a cloud provider
     (CLAUDE_CODE_USE_BEDROCK, CLAUDE_CODE_USE_VERTEX, CLAUDE_CODE_USE_FOUNDRY)
  2. CLAUDE_CODE_OAUTH_TOKEN, from `claude setup-token`
  3. the login that `claude` itself has stored for this user
"""

DEMO = """\
Run the daemon with the real Claude CLI against a simulated Messages API inside
this process: no account, no key, nothing leaves the machine. Every answer is
made up: banner, log, page and /api/show say so.

--simulated-ttft and --simulated-rate set the pace. Faults can be asked for in a
message, such as "[simulate: status=529]": see docs/simulator.md.
"""

MODELS = """\
List the models that clients can ask for: those of the settings, and those that
the Claude CLI reports. It boots one CLI process for that; no login is needed,
and no tokens are spent.
"""

DOCTOR = """\
Look at the folders, the port and the limits that the daemon would have, find
out what the Claude CLI does, and print it as tables with remedies. The CLI runs
against a recorder inside this process: no login is needed or touched, nothing
leaves the machine, and no tokens are spent. The result is kept for the daemon.

Exit code 0 says that everything works that the daemon needs: docs/doctor.md.
"""

SERVICE = """\
Install, show or remove the daemon as a service of systemd: of the system, under
a user of its own, or of yours, with your own login. Each says what it does, and
what to do next: docs/service.md.
"""

ADD_A_KEY = "`claude-ollama-server keys add --name NAME`"

SETTINGS = """\
Each setting is also an environment variable, --port as CLAUDE_OLLAMA_PORT, and
a key of the TOML file, port: see docs/settings.md. Flags win over the
environment, the environment over the file.
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size((110, 24)).columns
        super().__init__(prog, max_help_position=36, width=max(80, min(110, columns)))
        self._action_max_length = 13  # argparse forgets how far it indents the names of commands

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)  # paths and names stay whole


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program and exit."""
    arguments = _parser().parse_args(argv)
    command: Callable[[Arguments, Environ], Coroutine[Any, Any, None]] = arguments.run
    try:
        asyncio.run(_stoppable(command(vars(arguments), dict(os.environ))))
    except KeyboardInterrupt:
        sys.exit(0)
    except (ConfigError, LoginMissing, StoreUnusable) as error:
        _fail(EXIT_SETTINGS, error)
    except CliMissing as error:
        _fail(EXIT_CLI_MISSING, error)
    except CliNotExecutable as error:
        _fail(EXIT_CLI_NOT_EXECUTABLE, error)
    except PortTaken as error:
        _fail(EXIT_PORT_TAKEN, error)
    except (OSError, Unfit, ServiceFault, ServerError) as error:
        _fail(EXIT_FAILURE, error)


async def _stoppable(command: Coroutine[Any, Any, None]) -> None:
    """Run `command`; SIGTERM, SIGINT and SIGHUP cancel it, until a server has its own way with them."""
    with anyio.CancelScope() as scope:
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, scope.cancel)
        await command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("claude-ollama-server", None, DESCRIPTION, EPILOG, formatter_class=_Help)
    parser.add_argument("--version", action="version", version=f"claude-ollama-server {server_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, run, summary, text in (
        ("demo", demo, "try the daemon, with simulated answers; needs no account", DEMO),
        ("serve", serve, "run the daemon, with your own login", SERVE),
        ("models", _list_models, "list the models that clients can ask for", MODELS),
        ("doctor", _examine, "find out whether this machine and the Claude CLI do what the daemon needs", DOCTOR),
    ):
        usage = f"claude-ollama-server {name} [-h] [--SETTING VALUE ...]"
        command = commands.add_parser(
            name, help=summary, usage=usage, description=text, epilog=SETTINGS, formatter_class=_Help
        )
        command.set_defaults(run=run)
        if name == "doctor":
            live = "ask one short question over your own login too; this costs tokens, some hundreds at most"
            command.add_argument("--live", action="store_true", help=live)
        add_flags(command)
    keys = commands.add_parser("keys", help="add, list and revoke keys", description=KEYS, formatter_class=_Help)
    add_keys_commands(keys, _Help)
    chats = commands.add_parser(
        "chats", help="list, show, export, import and delete kept chats", description=CHATS, formatter_class=_Help
    )
    add_chats_commands(chats, _Help)
    text = "install, show or remove the daemon as a service of systemd"
    command = commands.add_parser("service", help=text, description=SERVICE, formatter_class=_Help)
    command.set_defaults(run=service)
    add_service_flags(command)
    return parser


def _fail(code: int, error: BaseException) -> None:
    print(f"claude-ollama-server: {error}", file=sys.stderr)
    sys.exit(code)


class PortTaken(Exception):
    """The port cannot be listened on; the text names it."""


def _settings(arguments: Arguments, environ: Environ) -> Settings:
    """The settings, of which those of the log are in force. Raises `ConfigError`."""
    settings = load(arguments, environ)
    configure_log(settings.log_level, settings.log_format)
    return settings


async def _list_models(arguments: Arguments, environ: Environ) -> None:
    await models(_settings(arguments, environ), environ)


async def _examine(arguments: Arguments, environ: Environ) -> None:
    await doctor(_settings(arguments, environ), environ, live=arguments["live"])


async def serve(arguments: Arguments, environ: Environ) -> None:
    """Run the daemon until a signal."""
    await _run(lambda: _settings(arguments, environ), environ, simulated=False)


async def demo(arguments: Arguments, environ: Environ) -> None:
    """Run the daemon against the simulated Messages API until a signal."""
    from proxy.simulator.server import serve_simulator  # only the demo needs it

    def reread() -> Settings:
        # Whatever login is set, the user's own stays out of it.
        return _settings(arguments, environ).model_copy(update={"login": "api-key"})

    settings = reread()
    async with serve_simulator(ttft=settings.simulated_ttft, rate=settings.simulated_rate) as simulator:
        await _run(reread, demo_environment(environ, simulator.url), simulated=True)


def demo_environment(environ: Environ, url: str) -> dict[str, str]:
    """The environment without any login of the user's, pointed at the simulator."""
    hidden = (*API_KEYS, *PROVIDERS, OAUTH_TOKEN)
    kept = {name: value for name, value in environ.items() if name not in hidden and not name.startswith("ANTHROPIC_")}
    direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}  # the small one wins where both are set
    return kept | {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"} | direct


async def _run(reread: Reread, environ: Environ, *, simulated: bool) -> None:
    settings = reread()
    certificate = certificate_of(settings)
    check_exposure(settings)
    try:
        listener = open_socket(settings.host, settings.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {settings.port} on {settings.host} is taken; is Ollama running? Choose another with --port"
            ) from None
        raise OSError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}") from None
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        notifier = stack.enter_context(contextlib.closing(Notifier.of(environ)))
        hung_up = catch_hangup()
        daemon = await stack.enter_async_context(open_daemon(settings, environ, simulated=simulated))
        host, port = listener.getsockname()[:2]
        scheme = "https" if certificate else "http"
        daemon.url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        await Serving(daemon, notifier, reread, hung_up, certificate).run(listener, lambda: _announce(daemon))
    log.info("stopped")


def _announce(daemon: Daemon) -> None:
    log.info("listening", url=daemon.url, simulated=daemon.simulated)
    keyring = daemon.engine.admission.keyring
    if keyring.required and not keyring.keys:
        log.warning("no_keys", meaning="a key is needed and there is none: nobody is served", remedy=ADD_A_KEY)
    if not keyring.required and not is_loopback(daemon.settings.host):
        log.warning("open_to_the_network", meaning="no key is needed: whoever reaches this port can use the account")
    if daemon.settings.log_prompts:
        log.warning("log_prompts_on", meaning="prompts and answers are written to this log")
    if daemon.simulated:
        print(
            "\nSIMULATED ANSWERS: no Claude model is asked, nothing leaves this machine. Try:\n\n"
            f"  curl {daemon.url}/api/chat -d "
            """'{"model":"sonnet","messages":[{"role":"user","content":"hello"}]}'\n""",
            flush=True,
        )


def check_exposure(settings: Settings) -> None:
    """Raise `ConfigError` where the network could use the account without a key, and nobody said that it may."""
    if settings.open_to_network or is_loopback(settings.host) or open_admission(settings).keyring.required:
        return
    raise ConfigError(
        f"host {settings.host} is reached from the network, and no key is needed: whoever reaches the port could use "
        f"the account. Add a key with {ADD_A_KEY}, listen on 127.0.0.1, or say that it is meant with --open-to-network"
    )


def certificate_of(settings: Settings) -> Certificate | None:
    """The certificate to serve with, None for plain HTTP. Raises `ConfigError` for one that cannot be used."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    certificate = Certificate(settings.tls_certificate, settings.tls_key)
    try:
        certificate.check()
    except BadCertificate as error:
        raise ConfigError(f"tls_certificate and tls_key cannot be used: {error}") from None
    return certificate


if __name__ == "__main__":
    main()
