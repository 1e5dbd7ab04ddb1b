"""Lines out of a byte stream."""


class LineTooLong(ValueError):
    """A line grew past the bound before its newline came."""


class LineFramer:
    r"""Splits bytes on ``\n`` alone, however they are cut; never decodes.

    A line longer than `limit` bytes raises `LineTooLong`, so an endless line cannot fill the memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unfinished: list[bytes] = []
        self._unfinished_size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their newlines."""
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join((*self._unfinished, lines[0]))
            self._unfinished = []
            self._unfinished_size = 0
            if max(map(len, lines)) > self._limit:
                raise LineTooLong(f"a line of more than {self._limit} bytes")
        if rest:
            self._unfinished.append(rest)
            self._unfinished_size += len(rest)
            if self._unfinished_size > self._limit:
                raise LineTooLong(f"an unfinished line of more than {self._limit} bytes")
        return lines
