"""What is logged while a test looks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict


@contextmanager
def captured_log(level: int = logging.DEBUG) -> Iterator[list[EventDict]]:
    """The lines of that level and above, as they come."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    with capture_logs() as lines:
        yield lines
    structlog.configure(**before)
