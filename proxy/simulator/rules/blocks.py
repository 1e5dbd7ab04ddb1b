"""One content block: text, image, document, thinking, tool_use, tool_result."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping

from proxy.simulator.binding import is_signed
from proxy.simulator.body import Block, image_data
from proxy.simulator.errors import invalid
from proxy.simulator.images import MEDIA_TYPES, read_image
from proxy.simulator.rules.fields import one_of, take, typed

# platform.claude.com docs, vision: of base64, a side in pixels.
IMAGE_BYTES = 10 * 1024 * 1024
IMAGE_PIXELS = 8000
OF_USER = frozenset({"text", "image", "document", "tool_result", "search_result", "container_upload"})
OF_ASSISTANT = frozenset({"text", "thinking", "redacted_thinking", "tool_use", "fallback", "compaction"})
OF_SYSTEM = frozenset({"text", "tool_addition", "tool_removal"})
IN_TOOL_RESULT = frozenset({"text", "image", "document", "search_result", "tool_reference"})
_BY_ROLE = {"user": OF_USER, "assistant": OF_ASSISTANT, "system": OF_SYSTEM}
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")


def check_content(content: object, role: str, where: str) -> None:
    """A message's content: a text, or blocks that its role may hold."""
    if isinstance(content, str):
        if content:
            check_text(content)
        return
    for index, block in enumerate(typed(content, list, where)):
        check_block(typed(block, dict, f"{where}.{index}"), _BY_ROLE[role], f"{where}.{index}")


def check_block(block: Block, allowed: frozenset[str], where: str) -> None:
    """One block; `allowed` are the types that its place may hold."""
    kind = take(block, "type", str, f"{where}.")
    if kind not in allowed:
        raise invalid(f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    if check := _CHECKS.get(kind):
        check(block, f"{where}.{kind}.")


def check_text(text: str) -> None:
    """Refuse a text that says nothing."""
    if not text:
        raise invalid("messages: text content blocks must be non-empty")
    if not text.strip():
        raise invalid("messages: text content blocks must contain non-whitespace text")


def _text(block: Block, where: str) -> None:
    if not isinstance(block.get("text"), str):
        take(block, "text", str, where)
    if not block["text"] and block.get("cache_control") is not None:
        raise invalid(f"{where.rstrip('.')}: cache_control cannot be set for empty text blocks")
    check_text(block["text"])


def _image(block: Block, where: str) -> None:
    source = take(block, "source", dict, where)
    kind = take(source, "type", str, f"{where}source.")
    one_of(kind, ("base64", "url", "file"), f"{where}source.type")
    if kind != "base64":
        return
    where = f"{where}source.base64."
    media_type = take(source, "media_type", str, where)
    one_of(media_type, MEDIA_TYPES, f"{where}media_type")
    encoded = take(source, "data", str, where)
    if len(encoded) > IMAGE_BYTES:
        raise invalid(f"{where}data: image exceeds 10 MB maximum: {len(encoded)} bytes > {IMAGE_BYTES} bytes")
    data = image_data(block)
    if data is None:
        raise invalid(f"{where}data: Invalid base64 data")
    picture = read_image(data)
    if picture is None:
        raise invalid("Could not process image")
    if picture.media_type != media_type:
        raise invalid(
            f"{where}data: The image was specified using the {media_type} media type, "
            f"but the image appears to be a {picture.media_type} image"
        )
    if max(picture.width, picture.height) > IMAGE_PIXELS:
        raise invalid(f"{where}data: At least one of the image dimensions exceed max allowed size: 8000 pixels")


def _document(block: Block, where: str) -> None:
    source = take(block, "source", dict, where)
    if take(source, "type", str, f"{where}source.") != "base64":
        return
    where = f"{where}source.base64."
    one_of(take(source, "media_type", str, where), ("application/pdf",), f"{where}media_type")
    try:
        data = base64.b64decode(take(source, "data", str, where), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{where}data: Invalid base64 data") from None
    if not data.startswith(b"%PDF-"):
        raise invalid(f"{where}data: The PDF specified was not valid.")


def _thinking(block: Block, where: str) -> None:
    typed(block.get("thinking"), str, f"{where}thinking")
    given = take(block, "signature", str, where)
    if not is_signed(block["thinking"], given):
        raise invalid(f"{where.removesuffix('.thinking.')}: Invalid `signature` in `thinking` block")


def _tool_use(block: Block, where: str) -> None:
    for name in ("id", "name"):
        take(block, name, str, where)
    if not _TOOL_ID.fullmatch(block["id"]):
        raise invalid(f"{where}id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if block.get("input") is None:
        raise invalid(f"{where}input: Field required")
    typed(block["input"], dict, f"{where}input")


def _tool_result(block: Block, where: str) -> None:
    take(block, "tool_use_id", str, where)
    content = block.get("content")
    if content is None or isinstance(content, str):
        return
    for index, inner in enumerate(typed(content, list, f"{where}content")):
        place = f"{where}content.{index}"
        check_block(typed(inner, dict, place), IN_TOOL_RESULT, place)


_CHECKS: Mapping[str, Callable[[Block, str], None]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "thinking": _thinking,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
