"""The part of the `ollama` command that speaks HTTP: its requests, byte for byte, and how it reads answers.

Fields that it has nothing for are sent all the same: strings as "", maps as null.
"""

import json
from typing import Any

import httpx

AGENT = "ollama/0.32.15 (amd64 linux) Go/go1.26.0"
STREAMED = ("/api/generate", "/api/chat", "/api/pull", "/api/push", "/api/create")
LONGEST_LINE = 8_000_000
"""Bytes of a line from which on the command cannot read it."""
SHORTEST_DIGEST = 12
"""It crashes where a digest has fewer digits."""


class Refused(Exception):
    """An error as the command reads it: its `status`, 200 for one in a stream, and its `text`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text


class Command:
    """The part of the `ollama` command that speaks HTTP. `call` and `stream` send one request."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def begin(self) -> None:
        """What every command asks first."""
        assert self._send("HEAD", "/", None).status_code < 400

    def call(self, method: str, path: str, body: object = None) -> Any:
        """An answer that is not streamed; None for an empty one. Raises `Refused`."""
        answer = self._send(method, path, body)
        if answer.status_code >= 400:
            raise Refused(answer.status_code, answer.json()["error"])
        return answer.json() if answer.content else None

    def stream(self, path: str, body: object) -> list[Any]:
        """The lines of a stream. Raises `Refused` for a line that is an error."""
        answer = self._send("POST", path, body)
        assert all(len(line) < LONGEST_LINE for line in answer.content.split(b"\n"))
        lines = [json.loads(line) for line in answer.content.removesuffix(b"\n").split(b"\n")]
        for line in lines:
            if "error" in line:
                raise Refused(answer.status_code, line["error"])
        assert answer.status_code == 200
        return lines

    def progress(self, path: str, body: object) -> None:
        """A stream of steps, with what it needs to show them. Raises `Refused`."""
        lines = self.stream(path, body)
        assert lines[-1] == {"status": "success"}
        # What shows the progress begins with a line without a digest.
        assert "digest" not in lines[0]
        for line in lines:
            assert line["status"]
            if "digest" in line:
                algorithm, _, digits = line["digest"].partition(":")
                assert algorithm == "sha256"
                assert len(digits) >= SHORTEST_DIGEST
                assert type(line["total"]) is type(line["completed"]) is int

    def show(self, model: str, *, system: str = "", options: object = None, by_name: bool = True) -> Any:
        """What /api/show says. `run` gives the model in another field than the other commands do."""
        return self.call("POST", "/api/show", shows(model, system=system, options=options, by_name=by_name))

    def generate(self, model: str, prompt: str = "", *, options: object = None, **more: object) -> list[Any]:
        """The lines of /api/generate; without a prompt it loads the model, with a `keep_alive` of "0s" unloads it."""
        text = {"prompt": prompt, "suffix": "", "system": "", "template": ""}
        return self.stream("/api/generate", {"model": model, **text, **more, "options": options})

    def delete(self, model: str) -> None:
        """The one request of ``ollama rm`` that deletes."""
        assert self.call("DELETE", "/api/delete", {"model": "", "name": model}) is None

    def remove(self, model: str) -> None:
        """``ollama rm``: all its requests."""
        self.begin()
        self.show(model)
        [line] = self.generate(model, keep_alive="0s")
        assert line["done_reason"] == "unload"
        self.delete(model)

    def names(self) -> set[str]:
        """The models that there are."""
        return {model["name"] for model in self.call("GET", "/api/tags")["models"]}

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        headers = {
            "User-Agent": AGENT,
            "Content-Type": "application/json",
            "Accept": "application/x-ndjson" if path in STREAMED else "application/json",
            "Accept-Encoding": "gzip",
        }
        return self._client.request(method, path, headers=headers, content=None if body is None else written(body))


def written(body: object) -> bytes:
    """JSON as Go writes it."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def shows(model: str, *, system: str = "", options: object = None, by_name: bool = True) -> dict[str, Any]:
    """A body of /api/show."""
    return {
        "model": "" if by_name else model,
        "system": system,
        "template": "",
        "verbose": False,
        "options": options,
        "name": model if by_name else "",
    }


def pulls(model: str) -> dict[str, Any]:
    """A body of /api/pull."""
    return {"model": "", "username": "", "password": "", "name": model}


def pushes(model: str) -> dict[str, Any]:
    """A body of /api/push."""
    return {"model": "", "insecure": False, "username": "", "password": "", "name": model}


def says(role: str, content: str, **more: object) -> dict[str, Any]:
    """A message of a conversation."""
    return {"role": role, "content": content, **more}
