"""The type and the size of an image from its first bytes."""

import struct

import pytest

from proxy.simulator.images import Picture, read_image

JPEG_START = b"\xff\xd8" + b"\xff\xe0" + struct.pack(">H", 16) + bytes(14) + b"\xff\x01"
JPEG_FRAME = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, 480, 640) + bytes(10)
RIFF = b"RIFF" + bytes(4) + b"WEBP"


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", 640, 480), Picture("image/png", 640, 480)),
        (b"GIF87a" + struct.pack("<HH", 640, 480), Picture("image/gif", 640, 480)),
        (JPEG_START + JPEG_FRAME, Picture("image/jpeg", 640, 480)),
        (RIFF + b"VP8 " + bytes(10) + struct.pack("<HH", 640, 480), Picture("image/webp", 640, 480)),
        (RIFF + b"VP8L" + bytes(5) + (639 | 479 << 14).to_bytes(4, "little"), Picture("image/webp", 640, 480)),
        (RIFF + b"VP8X" + bytes(8) + b"\x7f\x02\x00\xdf\x01\x00", Picture("image/webp", 640, 480)),
        (b"\x89PNG\r\n\x1a\n", Picture("image/png")),
        (JPEG_START, Picture("image/jpeg")),
        (RIFF + b"VP8?", Picture("image/webp")),
        (b"BM", None),
        (b"", None),
    ],
)
def test_the_header_tells(data: bytes, picture: Picture | None) -> None:
    assert read_image(data) == picture
