"""structlog, JSON for machines and colours for people."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Literal, TextIO

import structlog

from proxy.observe.lines import RECENT

Format = Literal["auto", "json", "console"]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_log(level: str, style: Format, stream: TextIO = sys.stderr) -> None:
    """Send every line of the daemon to `stream`: on a terminal readable, else one JSON object a line.

    The last of them are kept as well, for those who look at the running daemon.
    """
    console = style == "console" or (style == "auto" and stream.isatty())
    renderer: structlog.typing.Processor
    if console:
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            pad_event_to=16,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,  # others show local variables, and prompts with them
        )
        stamp = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        tail: list[structlog.typing.Processor] = [renderer]
    else:
        renderer = structlog.processors.JSONRenderer()
        stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
        tail = [structlog.processors.format_exc_info, renderer]
    structlog.configure(
        processors=[structlog.processors.add_log_level, RECENT.take, stamp, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: _Output(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING)


class _Output:
    """A stream whose reader may go away, or whose disk may be full: no request fails by that."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError):
            try:
                print(line, file=self._stream, flush=True)
            except BrokenPipeError:
                # From now on it leads nowhere, so that what it still holds can be flushed.
                with Path(os.devnull).open("w") as nowhere:
                    os.dup2(nowhere.fileno(), self._stream.fileno())

    debug = info = warning = error = write  # structlog calls the method of the level


class _Libraries(logging.Handler):
    """Brings what libraries log by other means into the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library", logger=record.name, message=record.getMessage(), exc_info=record.exc_info)
