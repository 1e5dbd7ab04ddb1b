"""Claude behind the Ollama API: the entry point. `claude-ollama-server --help` tells what it does."""

import argparse
import asyncio
import errno
import ipaddress
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
from proxy.api.server import STOP_SIGNALS, Server, open_socket
from proxy.app import Daemon, open_daemon, server_version
from proxy.backends.claude_cli.command import API_KEYS, OAUTH_TOKEN, PROVIDERS, LoginMissing
from proxy.backends.claude_cli.locate import CliMissing, CliNotExecutable
from proxy.commands.doctor import CliUnfit, doctor
from proxy.commands.models import models
from proxy.observe.log import configure_log

log = structlog.get_logger()

EXIT_FAILURE = 1
EXIT_SETTINGS = 2
EXIT_PORT_TAKEN = 3
EXIT_CLI_MISSING = 4
EXIT_CLI_NOT_EXECUTABLE = 5

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
second signal stops it at once.

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
Find out what the Claude CLI does, and print it as a table with remedies. It
runs against a recorder inside this process: no login is needed or touched,
nothing leaves the machine, and no tokens are spent. The result is kept for the
daemon.

Exit code 0 says that everything works that the daemon needs: docs/probe.md.
"""

SETTINGS = """\
Each setting is also an environment variable, --port as CLAUDE_OLLAMA_PORT, and
a key of the TOML file, port: see docs/settings.md. Flags win over the
environment, the environment over the file.
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size((110, 24)).columns
        super().__init__(prog, max_help_position=36, width=max(80, min(110, columns)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)  # paths and names stay whole


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program and exit."""
    arguments = _parser().parse_args(argv)
    environ = dict(os.environ)
    command: Callable[[Settings, Mapping[str, str]], Coroutine[Any, Any, None]] = arguments.run
    try:
        settings = load(vars(arguments), environ)
        configure_log(settings.log_level, settings.log_format)
        asyncio.run(_stoppable(command(settings, environ)))
    except KeyboardInterrupt:
        sys.exit(0)
    except (ConfigError, LoginMissing) as error:
        _fail(EXIT_SETTINGS, error)
    except CliMissing as error:
        _fail(EXIT_CLI_MISSING, error)
    except CliNotExecutable as error:
        _fail(EXIT_CLI_NOT_EXECUTABLE, error)
    except PortTaken as error:
        _fail(EXIT_PORT_TAKEN, error)
    except (OSError, CliUnfit) as error:
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
        ("models", models, "list the models that clients can ask for", MODELS),
        ("doctor", doctor, "find out whether the Claude CLI does what the daemon needs", DOCTOR),
    ):
        usage = f"claude-ollama-server {name} [-h] [--SETTING VALUE ...]"
        command = commands.add_parser(
            name, help=summary, usage=usage, description=text, epilog=SETTINGS, formatter_class=_Help
        )
        command.set_defaults(run=run)
        add_flags(command)
    return parser


def _fail(code: int, error: BaseException) -> None:
    print(f"claude-ollama-server: {error}", file=sys.stderr)
    sys.exit(code)


class PortTaken(Exception):
    """The port cannot be listened on; the text names it."""


async def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Run the daemon until a signal."""
    await _run(settings, environ, simulated=False)


async def demo(settings: Settings, environ: Mapping[str, str]) -> None:
    """Run the daemon against the simulated Messages API until a signal."""
    from proxy.simulator.server import serve_simulator  # only the demo needs it

    async with serve_simulator(ttft=settings.simulated_ttft, rate=settings.simulated_rate) as simulator:
        # Whatever login is set, the user's own stays out of it.
        simulated = settings.model_copy(update={"login": "api-key"})
        await _run(simulated, demo_environment(environ, simulator.url), simulated=True)


def demo_environment(environ: Mapping[str, str], url: str) -> dict[str, str]:
    """The environment without any login of the user's, pointed at the simulator."""
    hidden = (*API_KEYS, *PROVIDERS, OAUTH_TOKEN)
    kept = {name: value for name, value in environ.items() if name not in hidden and not name.startswith("ANTHROPIC_")}
    direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}  # the small one wins where both are set
    return kept | {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"} | direct


async def _run(settings: Settings, environ: Mapping[str, str], *, simulated: bool) -> None:
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
        daemon = await stack.enter_async_context(open_daemon(settings, environ, simulated=simulated))
        host, port = listener.getsockname()[:2]
        daemon.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        server = Server(
            daemon.application(), drain=daemon.drain, on_started=lambda: _announce(daemon), bounds=daemon.bounds
        )
        await server.serve(sockets=[listener])
    log.info("stopped")


def _announce(daemon: Daemon) -> None:
    log.info("listening", url=daemon.url, simulated=daemon.simulated)
    if not _is_loopback(daemon.settings.host):
        log.warning("open_to_the_network", meaning="there are no keys: whoever reaches this port can use the account")
    if daemon.settings.log_prompts:
        log.warning("log_prompts_on", meaning="prompts and answers are written to this log")
    if daemon.simulated:
        print(
            "\nSIMULATED ANSWERS: no Claude model is asked, nothing leaves this machine. Try:\n\n"
            f"  curl {daemon.url}/api/chat -d "
            """'{"model":"sonnet","messages":[{"role":"user","content":"hello"}]}'\n""",
            flush=True,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    main()
