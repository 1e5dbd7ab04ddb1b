"""Pictures and PDFs in requests: base64 text in, core parts out.

What would only be refused upstream, after a process was spent on it, is refused here. Nothing is decoded but the first
bytes: sizes follow from the length of the text.
"""

import base64
import math
import re
import string
from collections.abc import Iterable
from typing import Any

from proxy.core.errors import InvalidRequest
from proxy.core.request import Document, Image, Message, ToolResult
from proxy.wire.dimensions import dimensions
from proxy.wire.fields import Place, taking
from proxy.wire.gotext import quote

# The limits that Anthropic publishes: bytes of a picture and of a PDF, pixels of a side, pictures in a request.
MAX_IMAGE = 5 << 20
MAX_DOCUMENT = 32 << 20
MAX_SIDE = 8000
MAX_IMAGES = 100

_ALPHABET = f"{string.ascii_letters}{string.digits}+/".encode("ascii")
_PADDINGS = (b"", b"=", b"==")
_OUTSIDE_ALPHABET = re.compile(rb"[^A-Za-z0-9+/\r\n]")
_NEWLINES = b"\r\n"
# Enough base64 for the longest signature: 12 bytes of WebP.
_SIGNATURE_CHARS = 16
_SIGNATURES = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)
_PDF = b"%PDF-"
_MEGABYTE = 1 << 20
_REMOTE = ("http://", "https://")
_DATA_URI = re.compile(r"data:(?:image/[a-z]+|application/pdf)?;base64,")
_FILE_URI = re.compile(r"data:([^,;]{0,100})[^,]{0,200};base64,")


@taking({"type": "string", "contentEncoding": "base64"})
def image_data(value: Any, at: Place) -> str:
    """A reader: base64 in the standard alphabet with padding; line breaks inside are dropped, as Go does."""
    if type(value) is not str:
        at.mismatch(value, "api.ImageData")
        return ""
    clean, fault = _checked(value)
    if fault is not None:
        at.fault(f"illegal base64 data at input byte {fault}")
    return clean


def attachment(data: str) -> Image | Document:
    """The picture or PDF in base64 text that was checked; what it is, its first bytes say. Raises `InvalidRequest`."""
    start = base64.b64decode(data[:_SIGNATURE_CHARS])
    if start.startswith(_PDF):
        return _document(data)
    for media_type, signature in _SIGNATURES:
        if signature.match(start):
            _check_size("image", data, MAX_IMAGE)
            _check_sides(dimensions(media_type, data))
            return Image(media_type, data)
    raise InvalidRequest("unsupported image format: images must be PNG, JPEG, GIF, WebP or PDF")


def attachment_from_url(url: str) -> Image | Document:
    """The picture or PDF in a ``data:`` URI. Raises `InvalidRequest`: nothing is fetched from anywhere."""
    if url.startswith(_REMOTE):
        raise InvalidRequest("image URLs are not currently supported, please use base64 encoded data instead")
    prefix = _DATA_URI.match(url)
    if prefix is None:
        raise InvalidRequest("invalid image input")
    clean, fault = _checked(url[prefix.end() :])
    if fault is not None:
        raise InvalidRequest("invalid image input")
    return attachment(clean)


def document_from_file(file_data: str, name: str) -> Document:
    """The PDF in a ``data:`` URI or bare base64. Raises `InvalidRequest`."""
    if file_data.startswith(_REMOTE):
        raise InvalidRequest("file URLs are not currently supported, please use base64 encoded data instead")
    prefix = _FILE_URI.match(file_data)
    clean, fault = _checked(file_data[prefix.end() :] if prefix else file_data)
    if fault is not None:
        raise InvalidRequest("invalid file input: file_data must be base64, or a data URI with it")
    if base64.b64decode(clean[:_SIGNATURE_CHARS]).startswith(_PDF):
        return _document(clean, name)
    claimed = f" {quote(prefix[1])}" if prefix and prefix[1] else ""
    raise InvalidRequest(f"unsupported file type{claimed}: files must be PDF documents")


def check_count(messages: Iterable[Message]) -> None:
    """Raise `InvalidRequest` for more pictures than one request may have, those in results of tools counted."""
    count = 0
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                count += sum(isinstance(shown, Image) for shown in part.parts)
            else:
                count += isinstance(part, Image)
    if count > MAX_IMAGES:
        raise InvalidRequest(f"too many images: {count}, at most {MAX_IMAGES}")


def _document(data: str, name: str = "") -> Document:
    _check_size("document", data, MAX_DOCUMENT)
    return Document(data, name)


def _check_size(kind: str, data: str, most: int) -> None:
    size = len(data) // 4 * 3 - data.count("=", -2)
    if size > most:
        # Rounded up: what is too large never reads as what would fit.
        shown = math.ceil(size * 10 / _MEGABYTE) / 10
        raise InvalidRequest(f"{kind} of {shown} MB is too large: at most {most // _MEGABYTE} MB")


def _check_sides(sides: tuple[int, int] | None) -> None:
    if sides is not None and max(sides) > MAX_SIDE:
        width, height = sides
        raise InvalidRequest(f"image of {width} x {height} pixels is too large: at most {MAX_SIDE} x {MAX_SIDE}")


def _checked(text: str) -> tuple[str, int | None]:
    """The base64 without line breaks, and where Go's decoder would stop if it is bad."""
    data = text.encode("utf-8")
    # Pictures are large: this tells good ones several times faster than decoding them.
    padding = data.translate(None, _ALPHABET)
    if padding in _PADDINGS and data.endswith(padding) and len(data) % 4 == 0:
        return text, None
    return text.replace("\r", "").replace("\n", ""), _fault_position(data)


def _fault_position(data: bytes) -> int | None:
    """The byte that Go's decoder names, None for good base64. Quanta are of four, and padding only closes the last."""
    found = _OUTSIDE_ALPHABET.search(data)
    end = found.start() if found else len(data)
    filled = (end - data.count(b"\r", 0, end) - data.count(b"\n", 0, end)) % 4
    if found is None:
        return end - filled if filled else None
    if found[0] != b"=" or filled < 2:
        return end
    after = _after_newlines(data, end + 1)
    if filled == 2:
        if after == len(data):
            return after
        if data[after] != ord("="):
            return after - 1
        after = _after_newlines(data, after + 1)
    return after if after < len(data) else None


def _after_newlines(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in _NEWLINES:
        at += 1
    return at
