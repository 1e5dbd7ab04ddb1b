"""The images and documents of a whole request: how many there are, and how large an image may be among many."""

import re
from base64 import b64decode

from proxy.simulator.body import Block, Body, pictures, placed_blocks
from proxy.simulator.errors import invalid
from proxy.simulator.models import Model

LONG_CONTEXT = 1_000_000
MAX_ATTACHMENTS = 100
MAX_ATTACHMENTS_OF_LONG = 600
MANY_IMAGES = 20
PIXELS_AMONG_MANY = 2000

_PAGE = re.compile(rb"/Type\s*/Page\b")


def check_attachments(body: Body, model: Model) -> None:
    """Those of every message, also inside tool results, since earlier turns are sent again.

    platform.claude.com docs, vision and PDF support: 600 images and pages where a model sees a million tokens, 100
    elsewhere; 2000 pixels a side with more than 20 images.
    """
    placed = list(placed_blocks(body))
    images = [(where, block) for where, block in placed if block.get("type") == "image"]
    pages = sum(_pages(block) for _, block in placed if block.get("type") == "document")
    most = MAX_ATTACHMENTS_OF_LONG if model.context >= LONG_CONTEXT else MAX_ATTACHMENTS
    if len(images) + pages > most:
        raise invalid(f"too many images and documents: {len(images)} + {pages} > {most}")
    if len(images) <= MANY_IMAGES:
        return
    for where, block in images:
        if any(max(picture.width, picture.height) > PIXELS_AMONG_MANY for picture in pictures([block])):
            raise invalid(
                f"{where}.image.source.base64.data: At least one of the image dimensions exceed max allowed size "
                f"for many-image requests: {PIXELS_AMONG_MANY} pixels"
            )


def _pages(document: Block) -> int:
    """The pages of a PDF, as far as it names them uncompressed; at least 1."""
    source = document["source"]
    return max(1, len(_PAGE.findall(b64decode(source["data"])))) if source["type"] == "base64" else 1
