"""HTTP/1.1 by uvicorn and h11, on a connection that is read while it is answered.

httptools would drop the body of a request that offers an upgrade; h11 does not, and costs nothing measurable here.
"""

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST_BEHIND = 1 << 20
# Bytes of further requests that may wait behind the running one.


class Protocol(H11Protocol):
    """uvicorn stops reading when a further request comes before the answer; then it would miss the disconnect."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._behind = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.flow is not None and self.flow.read_paused and self.conn.their_state is h11.DONE:
            self._behind += len(data)
            if self._behind <= _MOST_BEHIND:
                self.flow.resume_reading()

    def on_response_complete(self) -> None:
        self._behind = 0
        super().on_response_complete()
