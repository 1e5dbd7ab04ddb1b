"""Request bodies, bounded, and decompressed where Ollama does that.

Compressed are zstd's, on the routes of `ZSTD_PATHS` alone; everywhere else a body is taken as it is.
"""

import sys

import anyio
from anyio import to_thread
from starlette.requests import Request

from proxy.core.errors import InvalidRequest, TimedOut

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD_PATHS = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages"})
"""Where a body may have ``Content-Encoding: zstd``."""

_MOST_DECOMPRESSED = 20 << 20
# Bytes.

_MOST_WINDOW = 23
# log2 of the bytes that a decompressor may keep for back references.

_PIECE = 1 << 20
# Bytes that are decompressed before their sum is looked at.

_DISCARDED_LIMITS = 8
# Of a body that is too large so many times the limit is read, and thrown away, before it is refused.

_MAGIC = b"\x28\xb5\x2f\xfd"


class BadCompression(Exception):
    """A compressed body that cannot be read, in Ollama's words. No dialect tells it in its own shape."""


async def read_body(request: Request, limit: int, patience: float) -> bytes:
    """The whole body, decompressed.

    Raises `InvalidRequest` with status 413 for more than `limit` bytes, which are never kept, `TimedOut` with 408 when
    they are not there within `patience` seconds, and `BadCompression` for what cannot be decompressed to 20 MiB and
    `limit` at most.

    Raises starlette's `ClientDisconnect` when the client goes away first.
    """
    try:
        with anyio.fail_after(patience):
            body = await _read(request, limit)
    except TimeoutError:
        text = f"the body of the request did not arrive within {patience:g} s"
        raise TimedOut(text, status=408, fault="client") from None
    if request.headers.get("content-encoding", "").lower() != "zstd" or request.scope["path"] not in ZSTD_PATHS:
        return body
    return await to_thread.run_sync(decompress, body, min(limit, _MOST_DECOMPRESSED))


def decompress(body: bytes, limit: int) -> bytes:
    """The content of a zstd frame. Raises `BadCompression`, over `limit` bytes without decompressing what is over."""
    if not body:
        return body
    if not body.startswith(_MAGIC):
        raise BadCompression("invalid input: magic number mismatch")
    pieces: list[bytes] = []
    size = 0
    frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MOST_WINDOW})
    try:
        while not frame.eof:
            pieces.append(frame.decompress(body, _PIECE))
            size += len(pieces[-1])
            if size > limit:
                raise BadCompression("http: request body too large")
            if frame.needs_input and not frame.eof:
                raise BadCompression("unexpected EOF")
            body = b""  # the frame has taken it in
    except zstd.ZstdError:
        raise BadCompression("invalid input: corrupt data") from None
    if frame.unused_data:
        # To skip from frame to frame takes the square of their number.
        raise BadCompression("invalid input: more than one frame")
    return b"".join(pieces)


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    most = limit * _DISCARDED_LIMITS
    large = announced.isdecimal() and int(announced) > limit
    if large and (int(announced) > most or request.headers.get("expect", "").lower() == "100-continue"):
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            break
        if large or size > limit:
            # Many clients read nothing before they have sent everything: cut off, they would never know why.
            large = True
            chunks.clear()
        else:
            chunks.append(chunk)
    if large:
        raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> InvalidRequest:
    return InvalidRequest(f"http: request body too large: at most {limit} bytes", status=413)
