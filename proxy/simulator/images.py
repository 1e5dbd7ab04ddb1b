"""What an image's first bytes say: its type and its size in pixels."""

import struct
from dataclasses import dataclass

MEDIA_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")

_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
# Start-of-frame markers hold the size; C4, C8 and CC lie between them and do not.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image's `media_type` and its size in pixels; a size that the header does not give is 0."""

    media_type: str
    width: int = 0
    height: int = 0


def read_image(data: bytes) -> Picture | None:
    """The picture that `data` holds; None when it is none that the API knows."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture("image/png", *_unpack(">II", data, 16))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Picture("image/gif", *_unpack("<HH", data, 6))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Picture("image/webp", *_webp_size(data))
    if data.startswith(b"\xff\xd8\xff"):
        return Picture("image/jpeg", *_jpeg_size(data))
    return None


def _unpack(layout: str, data: bytes, offset: int) -> tuple[int, int]:
    if len(data) < offset + struct.calcsize(layout):
        return 0, 0
    width, height = struct.unpack_from(layout, data, offset)
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 ":
            width, height = _unpack("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L" if len(data) >= 25:
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(data) >= 30:
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = _unpack(">HH", data, at + 5)
            return width, height
        if marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return 0, 0
