"""Thoughts as the `encrypted_content` of a reasoning item: opaque text that a client keeps and sends back unread."""

import base64
import json

from proxy.core.request import Thought
from proxy.wire.census import check_census
from proxy.wire.jsontext import dump


def sealed(thought: Thought) -> str:
    """What a client has to keep of `thought`; empty for one that is of no use to a model."""
    if thought.redacted:
        kept = {"redacted": thought.redacted}
    elif thought.signature:
        kept = {"thinking": thought.text, "signature": thought.signature}
    else:
        return ""
    return base64.b64encode(dump(kept)).decode("ascii")


def unsealed(text: str) -> Thought | None:
    """The thought in `text`, None if it was not `sealed` here: other servers put other things there.

    Raises `InvalidRequest` for a text of very many values.
    """
    try:
        opened = base64.b64decode(text, validate=True).decode("utf-8")
        check_census(opened)
        kept = json.loads(opened)
    except (ValueError, RecursionError):
        return None
    match kept:
        case {"redacted": str(redacted)} if redacted:
            return Thought(redacted=redacted)
        case {"thinking": str(thinking), "signature": str(signature)} if signature:
            return Thought(thinking, signature)
    return None
