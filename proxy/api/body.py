"""Request bodies, bounded."""

from starlette.requests import Request

from proxy.core.errors import InvalidRequest


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises `InvalidRequest` with status 413 as soon as it is known to be over `limit` bytes.

    Raises starlette's `ClientDisconnect` when the client goes away first.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> InvalidRequest:
    return InvalidRequest(f"http: request body too large: at most {limit} bytes", status=413)
