"""Width and height of a picture, by the header in its base64 text; only the few bytes that say it are decoded."""

import base64
import struct

_WEBP_SIDE = 0x3FFF
_VP8_START = b"\x9d\x01\x2a"
_VP8L_SIGNATURE = 0x2F
# Of a JPEG, before the one with its size; real ones have a dozen, long colour profiles up to 255.
_MOST_SEGMENTS = 300
_FILL = 0xFF
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def dimensions(media_type: str, data: str) -> tuple[int, int] | None:
    """Width and height in pixels, None where the header is cut off or does not say. `data` is good base64."""
    try:
        match media_type:
            case "image/png":
                return _png(data)
            case "image/gif":
                return _gif(data)
            case "image/webp":
                return _webp(data)
            case "image/jpeg":
                return _jpeg(data)
    except struct.error:
        pass
    return None


def _png(data: str) -> tuple[int, int] | None:
    chunk, width, height = struct.unpack(">4sII", _bytes(data, 12, 12))
    return (width, height) if chunk == b"IHDR" else None


def _gif(data: str) -> tuple[int, int]:
    width, height = struct.unpack("<HH", _bytes(data, 6, 4))
    return width, height


def _webp(data: str) -> tuple[int, int] | None:
    chunk, head = struct.unpack("<4s4x10s", _bytes(data, 12, 18))
    if chunk == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if chunk == b"VP8L" and head[0] == _VP8L_SIGNATURE:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & _WEBP_SIDE) + 1, (bits >> 14 & _WEBP_SIDE) + 1
    if chunk == b"VP8 " and head[3:6] == _VP8_START:
        width, height = struct.unpack("<HH", head[6:10])
        return width & _WEBP_SIDE, height & _WEBP_SIDE
    return None


def _jpeg(data: str) -> tuple[int, int] | None:
    """Walks from segment to segment up to the start of a frame."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        mark, kind, length, height, width = struct.unpack(">BBHxHH", _bytes(data, at, 9))
        if mark != _FILL:
            return None
        if kind in _FRAMES:
            return width, height
        if kind == _FILL:
            at += 1
        else:
            at += 2 if kind in _STANDALONE else 2 + length
    return None


def _bytes(data: str, at: int, count: int) -> bytes:
    """`count` bytes from byte `at` on, fewer at the end."""
    first, skipped = divmod(at, 3)
    last = -((at + count) // -3)
    return base64.b64decode(data[first * 4 : last * 4])[skipped : skipped + count]
