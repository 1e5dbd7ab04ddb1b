"""What a model of one's own adds to the model that it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.core.request import Message


@dataclass(frozen=True, slots=True)
class Traits:
    """Everything that a model of one's own may have; what is empty, it does not have.

    `parameters` are JSON values in Python's own types, by Ollama's names and as the client sent them: unknown names and
    wrong types are among them. `messages` begin every conversation; they hold texts, pictures and PDFs.
    """

    system: str = ""
    template: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    licenses: tuple[str, ...] = ()
