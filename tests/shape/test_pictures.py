"""Pictures within the limits of the Messages API."""

import base64
import io
import os

import pytest
from PIL import Image as Pillow

from proxy.core.errors import InvalidRequest
from proxy.core.request import Image, Message, ToolResult
from proxy.shape.pictures import MAX_CHARS, fit_pictures


def drawn(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> Image:
    file = io.BytesIO()
    Pillow.new(mode, (width, height)).save(file, kind)
    return Image(f"image/{kind.lower()}", base64.b64encode(file.getvalue()).decode())


def user(*parts: Image | ToolResult) -> tuple[Message, ...]:
    return (Message("user", parts),)


def opened(picture: object) -> Pillow.Image:
    assert isinstance(picture, Image)
    return Pillow.open(io.BytesIO(base64.b64decode(picture.data)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_within_the_limits_stay_as_they_are(kind: str) -> None:
    messages = user(*[drawn(2100, 10, kind)] * 20)
    assert fit_pictures(messages) is messages


@pytest.mark.parametrize(("kind", "out"), [("PNG", "PNG"), ("JPEG", "JPEG"), ("GIF", "PNG"), ("WEBP", "WEBP")])
def test_a_side_that_is_too_long_is_shrunk(kind: str, out: str) -> None:
    shrunk = fit_pictures(user(drawn(9000, 90, kind)))[0].parts[0]
    assert (opened(shrunk).size, opened(shrunk).format) == ((2000, 20), out)


def test_results_of_tools_count_and_are_shrunk_to_the_same_bytes() -> None:
    small, wide = drawn(5, 5), drawn(3000, 30, mode="RGBA")
    (message,) = fit_pictures(user(*[small] * 19, wide, ToolResult("a", (wide,))))
    result = message.parts[-1]
    assert isinstance(result, ToolResult)
    assert result.parts[0] == message.parts[-2]
    assert message.parts[0] is small
    assert opened(result.parts[0]).mode == "RGBA"


def test_too_many_bytes_are_shrunk() -> None:
    file = io.BytesIO()
    Pillow.frombytes("RGB", (1800, 1600), os.urandom(1800 * 1600 * 3)).save(file, "PNG", compress_level=0)
    (message,) = fit_pictures(user(Image("image/png", base64.b64encode(file.getvalue()).decode())))
    assert len(opened(message.parts[0]).tobytes()) < MAX_CHARS


def test_a_bad_picture_is_named_only_where_it_has_to_shrink() -> None:
    messages = user(Image("image/png", "A"))
    assert fit_pictures(messages) is messages
    cut = Image("image/png", drawn(9000, 90).data[:80])
    with pytest.raises(InvalidRequest, match="image 2 of 9000 x 90 pixels"):
        fit_pictures(user(drawn(1, 1), cut))
