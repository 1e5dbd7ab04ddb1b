"""The images and documents of a whole request: how many there are, and how large an image may be among many."""

from proxy.simulator.body import Body, pictures, placed_blocks
from proxy.simulator.errors import invalid

# The API takes 600 on models with a window of a million tokens; what holds for all models is safe.
MAX_ATTACHMENTS = 100
MANY_IMAGES = 20
PIXELS_AMONG_MANY = 2000


def check_attachments(body: Body) -> None:
    """Those of every message, also inside tool results, since earlier turns are sent again."""
    placed = list(placed_blocks(body))
    images = [(where, block) for where, block in placed if block.get("type") == "image"]
    documents = sum(block.get("type") == "document" for _, block in placed)
    if len(images) + documents > MAX_ATTACHMENTS:
        raise invalid(f"too many images and documents: {len(images)} + {documents} > {MAX_ATTACHMENTS}")
    if len(images) <= MANY_IMAGES:
        return
    for where, block in images:
        if any(max(picture.width, picture.height) > PIXELS_AMONG_MANY for picture in pictures([block])):
            raise invalid(
                f"{where}.image.source.base64.data: At least one of the image dimensions exceed max allowed size "
                f"for many-image requests: {PIXELS_AMONG_MANY} pixels"
            )
