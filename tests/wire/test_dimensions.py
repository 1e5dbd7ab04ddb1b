"""How large a picture is, by its header."""

import base64
import struct

import pytest

from proxy.wire.dimensions import dimensions

WIDTH, HEIGHT = 8123, 77


def webp(chunk: bytes, payload: bytes) -> bytes:
    return b"RIFF\x64\0\0\0WEBP" + chunk + len(payload).to_bytes(4, "little") + payload


def segment(kind: int, payload: bytes) -> bytes:
    return bytes((0xFF, kind)) + (len(payload) + 2).to_bytes(2, "big") + payload


def frame(kind: int) -> bytes:
    return segment(kind, struct.pack(">BHH", 8, HEIGHT, WIDTH) + b"\3" + b"\1\x11\0" * 3)


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", WIDTH, HEIGHT)
GIF = b"GIF89a" + struct.pack("<HH", WIDTH, HEIGHT) + b"\xf7\0\0"
LOSSY = webp(b"VP8 ", b"\x30\1\0\x9d\1\x2a" + struct.pack("<HH", WIDTH | 0x4000, HEIGHT | 0x8000))
LOSSLESS = webp(b"VP8L", b"\x2f" + ((HEIGHT - 1) << 14 | WIDTH - 1).to_bytes(4, "little") + b"\0" * 9)
EXTENDED = webp(b"VP8X", b"\x10\0\0\0" + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little"))
START = b"\xff\xd8"
EXIF = segment(0xE1, b"Exif\0\0" + frame(0xC0) + b"\0" * 60_000)


@pytest.mark.parametrize(
    ("media_type", "header"),
    [
        ("image/png", PNG),
        ("image/gif", GIF),
        ("image/webp", LOSSY),
        ("image/webp", LOSSLESS),
        ("image/webp", EXTENDED),
        ("image/jpeg", START + frame(0xC0)),
        ("image/jpeg", START + segment(0xE0, b"JFIF") + EXIF + segment(0xC4, b"\0" * 30) + frame(0xC2)),
        ("image/jpeg", START + b"\xff\x01" + b"\xff\xff" + frame(0xC1)),
        ("image/jpeg", START + segment(0xE2, b"x" * 1000) * 255 + frame(0xCF)),
    ],
)
@pytest.mark.parametrize("rest", [b"", b"\0", b"\0" * 100])
def test_the_header_says_how_large_a_picture_is(media_type: str, header: bytes, rest: bytes) -> None:
    assert dimensions(media_type, base64.b64encode(header + rest).decode()) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", PNG.replace(b"IHDR", b"CgBI")),
        ("image/webp", LOSSY.replace(b"\x9d", b"\x9e")),
        ("image/webp", LOSSLESS.replace(b"\x2f", b"\x2e")),
        ("image/webp", webp(b"ALPH", b"\0" * 10)),
        ("image/jpeg", START + b"\0" * 20),
        ("image/jpeg", START + segment(0xE2, b"") * 1000 + frame(0xC0)),
        ("image/tiff", b"II*\0" + b"\0" * 20),
    ],
)
def test_a_header_that_does_not_say_it_is_no_fault(media_type: str, data: bytes) -> None:
    assert dimensions(media_type, base64.b64encode(data).decode()) is None


@pytest.mark.parametrize(
    ("media_type", "header"),
    [
        ("image/png", PNG),
        ("image/gif", GIF[:10]),
        ("image/webp", LOSSY),
        ("image/webp", EXTENDED),
        ("image/jpeg", START + segment(0xE0, b"JFIF") + frame(0xC0)[:9]),
    ],
)
def test_a_header_that_is_cut_off_is_no_fault(media_type: str, header: bytes) -> None:
    for end in range(len(header)):
        assert dimensions(media_type, base64.b64encode(header[:end]).decode()) is None
