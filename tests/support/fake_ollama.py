"""A small Ollama server, for faults that a good one does not have on demand.

What it does with a chat is asked for in the last message, ``[fake: WORD ...]``, as of the fake CLI. It keeps what it
was asked, and knows when its client has gone away.
"""

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.running import WAIT

Json = dict[str, Any]

DIGEST = "0123456789abcdef" * 4
CAPABILITIES = {
    "llama:8b": ["completion", "tools", "vision", "thinking", "insert"],
    "plain:latest": ["completion"],
    "embedder:latest": ["embedding"],
    "sonnet:latest": ["completion"],
}
TIMES = {
    "total_duration": 4_000_000,
    "load_duration": 1_000_000,
    "prompt_eval_count": 11,
    "prompt_eval_duration": 2_000_000,
    "eval_count": 7,
    "eval_duration": 3_000_000,
}


class FakeOllama:
    """The server; `asked` is what it was asked, path and body, `gone` counts the answers that clients did not wait for.

    It lists the models of `capabilities`, wants the `key` if there is one, and refuses everything while it is `broken`.
    """

    def __init__(self, port: int = 0, key: str = "") -> None:
        self.asked: list[tuple[str, Json]] = []
        self.gone = threading.Semaphore(0)
        self.hangs = threading.Semaphore(0)
        self.capabilities: dict[str, Any] = dict(CAPABILITIES)
        self.key = key
        self.broken = False
        self.connections: set[socket.socket] = set()
        self._server = _Listener(("127.0.0.1", port), type("Bound", (_Handler,), {"fake": self}))
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="fake-ollama")

    def paths(self) -> list[str]:
        """Where it was asked, but for what its models are."""
        return [path for path, _ in self.asked if path not in ("/api/tags", "/api/show")]

    def last(self) -> Json:
        """The last body but for questions about its models."""
        return [body for path, body in self.asked if path not in ("/api/tags", "/api/show")][-1]

    @contextmanager
    def run(self) -> Iterator["FakeOllama"]:
        """Listen, until it is left."""
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            for connection in list(self.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._server.server_close()
            self._thread.join(WAIT)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients go away."""


class _Handler(BaseHTTPRequestHandler):
    fake: FakeOllama
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.fake.connections.add(self.connection)

    def finish(self) -> None:
        self.fake.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self.fake.asked.append((self.path, {}))
        if not self._refused():
            self._json({"models": [_entry(name) for name in self.fake.capabilities]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.fake.asked.append((self.path, body))
        if self._refused():
            return
        match self.path:
            case "/api/show":
                self._json(_shown(body["model"], self.fake.capabilities[body["model"]]))
            case "/api/embed":
                self._json({"embeddings": [[0.6, 0.8]] * len(body["input"]), **TIMES})
            case "/api/embeddings":
                self._json({"embedding": [3.0, 4.0]})
            case _:
                self._answer(body)

    def _refused(self) -> bool:
        if self.fake.broken:
            self._json({"error": "the disk is on fire"}, 500)
        elif self.fake.key and self.headers["authorization"] != f"Bearer {self.fake.key}":
            self._json({"error": "unauthorized"}, 401)
        else:
            return False
        return True

    def _json(self, value: object, status: int = 200, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, value_of_it in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value_of_it)
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, body: Json) -> None:
        text = body["messages"][-1]["content"] if body.get("messages") else body.get("prompt", "")
        found = re.search(r"\[fake: (\w+) ?([^\]]*)\]", text)
        word, argument = (found[1], found[2]) if found else ("", "")
        if not text:
            self._json({"model": body["model"], "response": "", "done": True, "done_reason": "load"})
        else:
            _FAULTS.get(word, _Handler._good)(self, argument)

    def start(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def line(self, **fields: Any) -> None:
        self.raw(json.dumps({"model": "llama-really", "done": False, **fields}).encode() + b"\n")

    def say(self, text: str, **fields: Any) -> None:
        said = {"response": text} if self.path == "/api/generate" else {"message": {"role": "assistant", **fields}}
        if "message" in said:
            said["message"]["content"] = text  # type: ignore[index]
        self.line(**said)

    def raw(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, **fields: Any) -> None:
        self.line(
            message={"role": "assistant", "content": ""}, **{"done": True, "done_reason": "stop", **TIMES, **fields}
        )
        self.raw(b"")

    def vanish(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _good(self, _argument: str) -> None:
        self.start()
        self.say("fake ")
        self.say("answer")
        self.end()

    def _hang(self, after: str) -> None:
        """Say nothing any more, before the answer or after some words."""
        if after:
            self.start()
            for _ in range(int(after)):
                self.say("word ")
        self.fake.hangs.release()
        self.connection.settimeout(WAIT)
        if self.connection.recv(1) == b"":
            self.fake.gone.release()
        self.close_connection = True

    def _crash(self, after: str) -> None:
        """Go away, before the answer or after some words."""
        if after:
            self.start()
            for _ in range(int(after)):
                self.say("word ")
        self.vanish()

    def _api_error(self, status: str) -> None:
        self._json({"error": "upstream says no"}, int(status), retry_after="7")

    def _late_error(self, _argument: str) -> None:
        self.start()
        self.say("word ")
        self.line(error="the GPU has melted")
        self.raw(b"")

    def _no_end(self, _argument: str) -> None:
        self.start()
        self.say("word ")
        self.raw(b"")

    def _garbage(self, _argument: str) -> None:
        self.start()
        self.say("word ")
        self.raw(b"{not json at all\n")

    def _endless(self, _argument: str) -> None:
        self.start()
        self.say("word ")
        try:
            while True:
                self.raw(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def _tools(self, _argument: str) -> None:
        self.start()
        self.say("", thinking="Which city?")
        call = {"function": {"name": "weather", "arguments": {"city": "Köln"}}}
        self.say("", tool_calls=[call, call | {"id": "call_own"}])
        self.end()

    def _length(self, _argument: str) -> None:
        self.start()
        self.say("word ")
        self.end(done_reason="length")

    def _slow(self, pause: str) -> None:
        self.start()
        for _ in range(3):
            self.say("word ")
            time.sleep(float(pause))
        self.end()


_FAULTS: dict[str, Callable[[_Handler, str], None]] = {
    "hang": _Handler._hang,
    "crash": _Handler._crash,
    "api_error": _Handler._api_error,
    "late_error": _Handler._late_error,
    "no_end": _Handler._no_end,
    "garbage": _Handler._garbage,
    "endless": _Handler._endless,
    "tools": _Handler._tools,
    "length": _Handler._length,
    "slow": _Handler._slow,
}


def _entry(name: str) -> Json:
    return {
        "name": name,
        "model": name,
        "size": 1234,
        "digest": DIGEST,
        "modified_at": "2026-01-02T03:04:05.123456789+01:00",
        "details": {"format": "gguf", "family": "llama", "parameter_size": "8B", "quantization_level": "Q4_0"},
    }


def _shown(name: str, capabilities: Any) -> Json:
    info = {"general.architecture": "llama", "llama.context_length": 8192, "tokenizer.ggml.tokens": ["a", "b"]}
    shown = {"license": "MIT", "template": "{{ .Prompt }}", "parameters": 'stop "x"', "model_info": info}
    return shown | ({} if capabilities is None else {"capabilities": capabilities})
