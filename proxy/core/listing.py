"""What a server of models tells of one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Listing:
    """A model as the server that has it lists and shows it, in Ollama's words.

    `size` is in bytes, `digest` has 64 hexadecimal digits, `modified_at` is aware of its zone. `details` are those of
    Ollama's lists, `document` has the fields in which it shows a model: all JSON values in Python's own types.
    """

    size: int
    digest: str
    modified_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
