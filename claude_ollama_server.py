"""Claude behind the Ollama API: the entry point. `claude-ollama-server --help` tells what it does."""

import argparse
import asyncio
import errno
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog

from config import ConfigError, Settings, add_flags, load
from proxy.api.server import Server, open_socket
from proxy.app import Daemon, open_daemon, server_version
from proxy.backends.claude_cli.command import API_KEYS, OAUTH_TOKEN, PROVIDERS
from proxy.backends.claude_cli.locate import CliMissing, CliNotExecutable
from proxy.observe.log import configure_log

log = structlog.get_logger()

EXIT_FAILURE = 1
EXIT_SETTINGS = 2
EXIT_PORT_TAKEN = 3
EXIT_CLI_MISSING = 4
EXIT_CLI_NOT_EXECUTABLE = 5

DESCRIPTION = """\
Claude behind the Ollama API: any Ollama or OpenAI client, answered by the official Claude CLI.

  claude-ollama-server demo      try it, with simulated answers; needs no account
  claude-ollama-server serve     run it, with your own login
  claude-ollama-server models    list the models that clients can ask for
"""

EPILOG = """\
exit codes: 0 stopped by a signal, 1 failure, 2 wrong settings or flags, 3 the port is taken,
4 there is no Claude CLI, 5 the Claude CLI cannot be run
"""

SERVE = """\
Run the daemon until SIGTERM or SIGINT: then it takes no new requests, lets running answers finish for
--drain-timeout, and leaves no process behind; a second signal stops it at once.

The Claude CLI is logged in by the first of these that there is:
  ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, or a cloud provider (CLAUDE_CODE_USE_BEDROCK, _VERTEX, _FOUNDRY)
  CLAUDE_CODE_OAUTH_TOKEN, from `claude setup-token`
  the login that `claude` itself has stored for this user
"""

DEMO = """\
Run the daemon with the real Claude CLI against a simulated Messages API inside this process: no account,
no key, nothing leaves the machine. Every answer is made up, and marked as simulated. The pace is set by
--simulated-ttft and --simulated-rate; faults can be asked for in a message, see docs/simulator.md.
"""

MODELS = """\
List the models that clients can ask for: those of the settings, and those that the Claude CLI reports.
Boots one CLI process for that; no tokens are spent.
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=110)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program and exit."""
    arguments = _parser().parse_args(argv)
    environ = dict(os.environ)
    command: Callable[[Settings, Mapping[str, str]], Coroutine[Any, Any, None]] = arguments.run
    try:
        settings = load(vars(arguments), environ)
        configure_log(settings.log_level, settings.log_format)
        asyncio.run(command(settings, environ))
    except KeyboardInterrupt:
        sys.exit(0)
    except (ConfigError, ValueError) as error:
        _fail(EXIT_SETTINGS, error)
    except CliMissing as error:
        _fail(EXIT_CLI_MISSING, error)
    except CliNotExecutable as error:
        _fail(EXIT_CLI_NOT_EXECUTABLE, error)
    except PortTaken as error:
        _fail(EXIT_PORT_TAKEN, error)
    except OSError as error:
        _fail(EXIT_FAILURE, error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("claude-ollama-server", None, DESCRIPTION, EPILOG, formatter_class=_Help)
    parser.add_argument("--version", action="version", version=f"claude-ollama-server {server_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, run, summary, text in (
        ("serve", serve, "run the daemon with your own login", SERVE),
        ("demo", demo, "run the daemon with simulated answers, without an account", DEMO),
        ("models", models, "list the models that clients can ask for", MODELS),
    ):
        command = commands.add_parser(name, help=summary, description=text, epilog=EPILOG, formatter_class=_Help)
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
        await _run(settings, demo_environment(environ, simulator.url), simulated=True)


def demo_environment(environ: Mapping[str, str], url: str) -> dict[str, str]:
    """The environment without any login of the user's, pointed at the simulator."""
    hidden = (*API_KEYS, *PROVIDERS, OAUTH_TOKEN)
    kept = {name: value for name, value in environ.items() if name not in hidden and not name.startswith("ANTHROPIC_")}
    return kept | {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated", "NO_PROXY": "127.0.0.1"}


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
        server = Server(daemon.application(), drain=daemon.drain, on_started=lambda: _announce(daemon))
        await server.serve(sockets=[listener])
    log.info("stopped")


def _announce(daemon: Daemon) -> None:
    log.info("listening", url=daemon.url, simulated=daemon.simulated)
    if daemon.settings.log_prompts:
        log.warning("log_prompts_on", meaning="prompts and answers are written to this log")
    if daemon.simulated:
        print(
            "\nSIMULATED ANSWERS: no Claude model is asked, nothing leaves this machine. Try:\n\n"
            f"  curl {daemon.url}/api/chat -d "
            """'{"model":"sonnet","messages":[{"role":"user","content":"hello"}]}'\n""",
            flush=True,
        )


async def models(settings: Settings, environ: Mapping[str, str]) -> None:
    """Print the catalogue, with what the CLI adds to it."""
    quiet = settings.model_copy(update={"spares": 0})
    configure_log("error", settings.log_format)
    async with open_daemon(quiet, environ) as daemon:
        await daemon.discovered.wait()
        rows = [("NAME", "ASKS THE CLI FOR", "MODEL", "CONTEXT")]
        rows += [(m.name, m.cli_model, m.display_name, f"{m.context_length:,}") for m in daemon.catalog.models]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
