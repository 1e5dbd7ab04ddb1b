"""What the API promises of its answers, whatever was sent: which errors there are, and in whose words the 500s."""

import json
from collections.abc import Container
from typing import Any, Protocol

NO_SUCH_BASE = "pull model manifest: file does not exist"
STATUSES = frozenset({200, 400, 403, 404})
"""What a body can be answered with, as long as nothing but the body is wrong."""
OLLAMAS_500 = ('option "', "invalid format: ", "json: cannot unmarshal ", NO_SUCH_BASE)
"""How the texts begin that are 500 in Ollama, though the body is to blame."""
IN_THE_STREAM = (NO_SUCH_BASE, "unauthorized: ", "model '")


class Answered(Protocol):
    """What an HTTP client got."""

    @property
    def status_code(self) -> int: ...

    @property
    def text(self) -> str: ...

    def json(self) -> Any: ...


def check(answer: Answered, statuses: Container[int] = STATUSES) -> None:
    """The answer is one that the contract has."""
    if answer.status_code == 200:
        for line in answer.text.split("\n"):
            text = line.removeprefix("data: ")
            if text.startswith("{"):
                told = json.loads(text)
                assert "error" not in told or told["error"] is None or str(told["error"]).startswith(IN_THE_STREAM)
        return
    error = answer.json()["error"]
    text = error if isinstance(error, str) else error["message"]
    assert text
    assert answer.text.isascii()
    if answer.status_code == 500:
        assert text.startswith(OLLAMAS_500), text
    else:
        assert answer.status_code in statuses, (answer.status_code, text)
