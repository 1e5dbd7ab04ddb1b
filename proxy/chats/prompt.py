"""The system prompt that chats start with: a file, for the operator to write."""

import contextlib
import os
from pathlib import Path

import structlog
from anyio import to_thread

from proxy.core.errors import ServerError

DEFAULT = "You are a helpful assistant."
"""What the file says until somebody changes it."""

MOST_BYTES = 256 << 10
"""Of the file."""

log = structlog.get_logger()


class SystemPrompt:
    """The text in the file `path`, which is made with the default text where it is absent. What is around the text, and
    blank, does not count."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> str:
        """What the file says now. Raises `ServerError` for one that cannot be read."""
        return await to_thread.run_sync(self._read)

    def _read(self) -> str:
        try:
            with self._path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise _unusable(f"it has more than {MOST_BYTES} bytes")
            return data.decode().strip()
        except FileNotFoundError:
            self._make()
            return DEFAULT
        except OSError as error:
            raise _unusable(str(error.strerror)) from None
        except UnicodeDecodeError:
            raise _unusable("it is not UTF-8") from None

    def _make(self) -> None:
        try:
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(DEFAULT + "\n")
        except OSError as error:
            log.warning("system_prompt_not_written", file=str(self._path), error=error.strerror)


def _unusable(why: str) -> ServerError:
    return ServerError(f"the file of the system prompt cannot be used: {why}", fault="operator", should_retry=False)
