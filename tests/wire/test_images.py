"""Base64 pictures and PDFs, and where Go's decoder stops at bad base64."""

import base64

import pytest

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message
from proxy.wire.fields import Place
from proxy.wire.images import (
    MAX_DOCUMENT,
    MAX_IMAGE,
    MAX_IMAGES,
    attachment,
    attachment_from_url,
    check_count,
    document_from_file,
    image_data,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n").decode()
UNKNOWN = "unsupported image format: images must be PNG, JPEG, GIF, WebP or PDF"


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
    assert attachment(data) == Image(media_type, data)


@pytest.mark.parametrize("content", [b"", b"BM", b"%PDF", b"RIFF\n\x00\x00\x00WAVE"])
def test_another_format_is_refused_with_the_names_of_the_known(content: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        attachment(base64.b64encode(content).decode())
    assert caught.value.message == UNKNOWN


@pytest.mark.parametrize(
    "prefix", ["data:image/png;base64,", "data:image/jpg;base64,", "data:;base64,", "data:application/pdf;base64,"]
)
def test_a_data_uri_is_a_picture_whatever_type_it_claims(prefix: str) -> None:
    assert attachment_from_url(prefix + PNG) == Image("image/png", PNG)
    assert attachment_from_url(prefix + PDF) == Document(PDF)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://x/y.png", "image URLs are not currently supported, please use base64 encoded data instead"),
        ("https://x/y.png", "image URLs are not currently supported, please use base64 encoded data instead"),
        ("data:text/plain;base64,AAAA", "invalid image input"),
        ("data:image/png;base64,!", "invalid image input"),
        (PNG, "invalid image input"),
        ("data:image/png;base64,AAAA", UNKNOWN),
    ],
)
def test_nothing_but_a_good_data_uri_is_taken(url: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        attachment_from_url(url)
    assert caught.value.message == text


def test_a_pdf_is_known_by_its_first_bytes() -> None:
    assert attachment(PDF) == Document(PDF)


def test_line_breaks_in_a_file_are_dropped() -> None:
    assert document_from_file(f"{PDF[:4]}\r\n{PDF[4:]}\n", "x.pdf") == Document(PDF, "x.pdf")


def base64_of(start: bytes, size: int) -> str:
    return base64.b64encode(start.ljust(size, b"\0")).decode()


@pytest.mark.parametrize(
    ("start", "largest", "kind", "most"),
    [(b"\x89PNG\r\n\x1a\n", MAX_IMAGE, "image", 5), (b"%PDF-1.7", MAX_DOCUMENT, "document", 32)],
)
def test_what_is_too_large_is_refused_with_its_size(start: bytes, largest: int, kind: str, most: int) -> None:
    fits = base64_of(start, largest)
    assert attachment(fits).data is fits
    for size, shown in (
        (largest + 1, f"{most}.1"),
        (largest + 2_150_000, f"{most + 2}.1"),
        (largest * 2, f"{most * 2}.0"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            attachment(base64_of(start, size))
        assert caught.value.status == 400
        assert caught.value.message == f"{kind} of {shown} MB is too large: at most {most} MB"


@pytest.mark.parametrize(
    ("width", "height", "fits"), [(8000, 8000, True), (8001, 1, False), (1, 8001, False), (2**31, 2**31, False)]
)
def test_sides_are_bounded(width: int, height: int, fits: bool) -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data = base64.b64encode(header).decode()
    if fits:
        assert attachment(data) == Image("image/png", data)
        return
    with pytest.raises(InvalidRequest) as caught:
        attachment(data)
    assert caught.value.message == f"image of {width} x {height} pixels is too large: at most 8000 x 8000"


def test_only_pictures_are_counted() -> None:
    picture, document = Image("image/png", PNG), Document(PDF)
    check_count([Message("user", (picture,) * MAX_IMAGES), Message("user", (document,) * MAX_IMAGES)])
    with pytest.raises(InvalidRequest, match=r"^too many images: 120, at most 100$"):
        check_count([Message("user", (picture,) * 60)] * 2)
