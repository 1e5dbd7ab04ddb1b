"""Base64 pictures, and where Go's decoder stops at bad base64."""

import base64

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Image
from proxy.wire.fields import Place
from proxy.wire.images import image, image_data, image_from_url

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()


def read(text: str) -> str:
    at = Place()
    data = image_data(text, at)
    at.check()
    return data


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("data:image/png;base64,AAAA", 4),
        ("!", 0),
        ("A", 0),
        ("AA", 0),
        ("AAAAA", 4),
        ("AAA A", 3),
        ("A===", 1),
        ("=", 0),
        ("AA=", 3),
        ("AA=A", 2),
        ("AA==A", 4),
        ("AAA=A", 4),
        ("AAA==", 4),
        ("AAAA=", 4),
        ("AA=\n", 4),
        ("AA\n=\nA", 4),
        ("AA-_", 2),
        ("AAé=", 2),
    ],
)
def test_bad_base64_is_named_by_the_byte_where_go_stops(text: str, position: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(text)
    assert (caught.value.status, caught.value.message) == (400, f"illegal base64 data at input byte {position}")


@pytest.mark.parametrize(
    ("text", "data"),
    [("AAAA", "AAAA"), ("AA\r\nA=\n", "AAA="), ("AA==", "AA=="), ("AA=\n=\n", "AA=="), ("", "")],
)
def test_line_breaks_in_base64_are_dropped(text: str, data: str) -> None:
    assert read(text) == data


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\n\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(start: bytes, media_type: str) -> None:
    data = base64.b64encode(start + b"\0" * 20).decode()
    assert image(data) == Image(media_type, data)


@pytest.mark.parametrize("content", [b"", b"BM", b"%PDF-1.7", b"RIFF\n\x00\x00\x00WAVE"])
def test_another_format_is_refused_with_the_names_of_the_known(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^unsupported image format: images must be PNG, JPEG, GIF or WebP$"):
        image(base64.b64encode(content).decode())


@pytest.mark.parametrize(
    "prefix", ["data:image/png;base64,", "data:image/jpg;base64,", "data:image/webp;base64,", "data:;base64,"]
)
def test_a_data_uri_is_a_picture_whatever_type_it_claims(prefix: str) -> None:
    assert image_from_url(prefix + PNG) == Image("image/png", PNG)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://x/y.png", "image URLs are not currently supported, please use base64 encoded data instead"),
        ("https://x/y.png", "image URLs are not currently supported, please use base64 encoded data instead"),
        ("data:text/plain;base64,AAAA", "invalid image input"),
        ("data:image/png;base64,!", "invalid image input"),
        (PNG, "invalid image input"),
        ("data:image/png;base64,AAAA", "unsupported image format: images must be PNG, JPEG, GIF or WebP"),
    ],
)
def test_nothing_but_a_good_data_uri_is_taken(url: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        image_from_url(url)
    assert caught.value.message == text
