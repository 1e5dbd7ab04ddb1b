"""The pictures of a conversation, within the limits of the Messages API. Sizes are read from headers alone."""

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from proxy.core.errors import InvalidRequest
from proxy.core.request import Image, Message, Part, ToolResult

# The API's limits, in pixels of a side: of any picture, and where a request has more than `MANY` of them.
MAX_SIDE = 8000
MAX_SIDE_AMONG_MANY = 2000
MANY = 20
# The API's 10 MB, as characters of base64.
MAX_CHARS = 10 * 1024 * 1024
# More is not unpacked: a quarter of a gigabyte as RGB, and below where Pillow warns.
MAX_PIXELS = 80_000_000

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
_QUALITY = 85
_STEP = 0.75
_HEAD_CHARS = 1 << 16
# Of a JPEG, before the one with its size; real ones have a dozen, long colour profiles up to 255.
_MOST_SEGMENTS = 300
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error)


def fit_pictures(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """`messages` with every picture within the limits; the same object where all are.

    A picture that has to shrink comes to at most `MAX_SIDE_AMONG_MANY` a side however many there are, so that it
    stays the same, byte for byte, when the conversation grows. Raises `InvalidRequest` for one that cannot be shrunk.
    """
    pictures = list(_pictures(messages))
    side = MAX_SIDE_AMONG_MANY if len(pictures) > MANY else MAX_SIDE
    shrunk: dict[Image, Image] = {}
    for number, picture in enumerate(pictures, 1):
        found = _header(picture.data)
        too_large = len(picture.data) > MAX_CHARS or (found is not None and max(found[1:]) > side)
        if too_large and picture not in shrunk:
            shrunk[picture] = _shrunk(picture, number, found, side)
    if not shrunk:
        return messages
    return tuple(replace(m, parts=tuple(_part(part, shrunk) for part in m.parts)) for m in messages)


def _pictures(messages: tuple[Message, ...]) -> Iterator[Image]:
    for message in messages:
        for part in message.parts:
            yield from (p for p in (part.parts if isinstance(part, ToolResult) else (part,)) if isinstance(p, Image))


def _part(part: Part, shrunk: dict[Image, Image]) -> Part:
    if isinstance(part, ToolResult):
        return replace(part, parts=tuple(shrunk.get(p, p) if isinstance(p, Image) else p for p in part.parts))
    return shrunk.get(part, part) if isinstance(part, Image) else part


def _header(data: str) -> tuple[str, int, int] | None:
    """Media type, width and height; None where the header does not say."""
    try:
        head = base64.b64decode(data[:64])
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(base64.b64decode(data[:_HEAD_CHARS])) or _jpeg(base64.b64decode(data))
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return ("image/png", *struct.unpack_from(">II", head, 16))
        if head.startswith((b"GIF87a", b"GIF89a")):
            return ("image/gif", *struct.unpack_from("<HH", head, 6))
        return _webp(head) if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None
    except (ValueError, struct.error):
        return None


def _webp(head: bytes) -> tuple[str, int, int] | None:
    match head[12:16]:
        case b"VP8X":
            sides = int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            sides = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            sides = width & 0x3FFF, height & 0x3FFF
        case _:
            return None
    return ("image/webp", *sides)


def _jpeg(data: bytes) -> tuple[str, int, int] | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        kind, length, height, width = struct.unpack_from(">xBHxHH", data, at)
        if kind in _FRAMES:
            return "image/jpeg", width, height
        at += 1 if kind == 0xFF else 2 if kind in _STANDALONE else 2 + length
    return None


def _shrunk(picture: Image, number: int, found: tuple[str, int, int] | None, side: int) -> Image:
    """`picture` within every limit. Raises `InvalidRequest` without Pillow, and where it cannot be read."""
    size = f"{found[1]} x {found[2]} pixels and " if found else ""
    what = f"image {number} of {size}{len(picture.data)} base64 characters is too large: at most {side} x {side}"
    what += f" pixels and {MAX_CHARS} characters"
    try:
        import PIL.Image
    except ImportError:
        raise InvalidRequest(f"{what}; the operator may install the extra `pictures`, so that it is shrunk") from None
    if found is None or found[1] * found[2] > MAX_PIXELS:
        raise InvalidRequest(f"{what}, and it cannot be shrunk: at most {MAX_PIXELS} pixels are read")
    try:
        return _resized(picture, found[0])
    except (*_UNREADABLE, zlib.error, PIL.Image.DecompressionBombError):
        raise InvalidRequest(f"{what}, and it cannot be read to be shrunk") from None


def _resized(picture: Image, media_type: str) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps

    with Pillow.open(io.BytesIO(base64.b64decode(picture.data)), formats=(_FORMATS[media_type],)) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError("more pixels than the header says")
        opened.draft("RGB", (MAX_SIDE_AMONG_MANY, MAX_SIDE_AMONG_MANY))
        whole = ImageOps.exif_transpose(opened)
        if whole.mode not in ("L", "LA", "RGB", "RGBA", "I;16", "I") or whole.has_transparency_data:
            whole = whole.convert("RGBA" if whole.has_transparency_data else "RGB")
    kept = "image/png" if media_type == "image/gif" else media_type
    factor = min(1.0, MAX_SIDE_AMONG_MANY / max(whole.size))
    while True:
        sides = max(1, round(whole.width * factor)), max(1, round(whole.height * factor))
        small = whole.resize(sides, Pillow.Resampling.LANCZOS)
        small.info = {}
        written = io.BytesIO()
        small.save(written, _FORMATS[kept], quality=_QUALITY)
        data = base64.b64encode(written.getvalue()).decode("ascii")
        if len(data) <= MAX_CHARS:
            return Image(kept, data)
        factor *= _STEP
