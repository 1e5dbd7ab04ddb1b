"""The simulated API as an ASGI application."""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import unquote

import anyio
import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from proxy.simulator.binding import binding_of
from proxy.simulator.body import Body, last_user_text
from proxy.simulator.cache import MINIMUM_TOKENS, PromptCache
from proxy.simulator.compose import compose
from proxy.simulator.directives import Directive, find_directive
from proxy.simulator.errors import STATUS_OF_TYPE, ApiError, error_body, invalid
from proxy.simulator.models import MODELS, Model, find_model
from proxy.simulator.pace import Pace
from proxy.simulator.player import play, send_cut_json, send_json, until_disconnect
from proxy.simulator.recorder import RecordedRequest, Recorder
from proxy.simulator.rules.access import check_access
from proxy.simulator.rules.request import check_request
from proxy.simulator.script import Script, Thinking
from proxy.simulator.stream import Head, frames, message_json
from proxy.simulator.tokens import count_answer, count_prompt, prompt_parts

BODY_BYTES = 32 * 1024 * 1024
ORGANIZATION = "00000000-0000-4000-8000-000000000000"
# Directives with `times=` that are remembered.
SPENT_LIMIT = 10_000


class ClientGone(Exception):
    """The client went before its request was complete."""


@dataclass(slots=True)
class _Exchange:
    """One request and the way back to its client."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    raw: bytes = b""
    body: Any = None

    @property
    def headers(self) -> dict[str, str]:
        """What every response of the API carries."""
        return {"request-id": self.request_id, "anthropic-organization-id": ORGANIZATION}

    def recorded(self, error: str | None) -> RecordedRequest:
        """The request as it came."""
        return RecordedRequest(
            request_id=self.request_id,
            method=self.scope["method"],
            path=self.scope["path"],
            query=self.scope["query_string"].decode("latin-1"),
            headers=dict(Headers(scope=self.scope)),
            raw=self.raw,
            body=self.body if isinstance(self.body, dict) else {},
            error=error,
        )


class Simulator:
    """Answers `POST /v1/messages`, `POST /v1/messages/count_tokens`, `GET /v1/models` and `HEAD /`.

    `pace` is the default for every answer, `cache_minimum` the shortest prefix in tokens that the prompt cache keeps,
    `binds_thinking` whether thinking is bound to its conversation on the models where the API does that.
    `url` is where it listens, set by whoever serves it.
    """

    def __init__(
        self,
        *,
        pace: Pace | None = None,
        cache_minimum: int = MINIMUM_TOKENS,
        binds_thinking: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.pace = pace or Pace()
        self.recorder = Recorder()
        self.url = ""
        self._binds_thinking = binds_thinking
        self._cache = PromptCache(clock, minimum=cache_minimum)
        self._spent: Counter[str] = Counter()

    @property
    def requests(self) -> Sequence[RecordedRequest]:
        """The requests to `/v1/messages`, oldest first."""
        return self.recorder.requests

    @property
    def open_requests(self) -> int:
        """Requests that are being answered."""
        return self.recorder.open_requests

    async def wait_for(self, count: int) -> None:
        """Until `count` requests to `/v1/messages` have come since the start."""
        await self.recorder.wait_for(count)

    async def wait_until_open(self, count: int) -> None:
        """Until exactly `count` requests are open."""
        await self.recorder.wait_until_open(count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything but HTTP is left alone."""
        if scope["type"] != "http":
            return
        exchange = _Exchange(scope, receive, send, f"req_sim{secrets.token_hex(10)}")
        with self.recorder.opened():
            try:
                await self._respond(exchange)
            except ApiError as error:
                await _send_error(exchange, error)
            except ClientGone:
                return

    async def _respond(self, exchange: _Exchange) -> None:
        method, path = exchange.scope["method"], exchange.scope["path"]
        if path == "/v1/messages" and method == "POST":
            await self._messages(exchange)
            return
        await _read(exchange)
        self.recorder.record(exchange.recorded(None))
        if path == "/v1/messages/count_tokens" and method == "POST":
            answer: object = _counted(exchange)
        elif path == "/v1/models" and method == "GET":
            answer = {"data": [_described(m) for m in MODELS.values()], "has_more": False}
        elif path.startswith("/v1/models/") and method == "GET":
            answer = _found(unquote(path.removeprefix("/v1/models/")))
        elif path == "/" and method in ("GET", "HEAD"):
            answer = {}
        else:
            raise ApiError(404, "Not found")
        body = b"" if method == "HEAD" else orjson.dumps(answer)
        await send_json(exchange.send, 200, body, exchange.headers)

    async def _messages(self, exchange: _Exchange) -> None:
        refusal: str | None = None
        try:
            await _read(exchange)
            model, script = self._accepted(exchange)
        except ApiError as error:
            refusal = error.message
            raise
        finally:
            self.recorder.record(exchange.recorded(refusal))
        prompt = self._cache.use(model.id, prompt_parts(exchange.body))
        binding = self._binding(exchange.body, model, script)
        head = Head(f"msg_sim{secrets.token_hex(11)}", model.id, prompt, binding=binding)
        await until_disconnect(exchange.receive, lambda: self._play(exchange, script, head))

    def _accepted(self, exchange: _Exchange) -> tuple[Model, Script]:
        check_access(Headers(scope=exchange.scope))
        exchange.body = _parsed(exchange.raw)
        model = check_request(exchange.body)
        directive = find_directive(last_user_text(exchange.body))
        return model, compose(exchange.body, model, self._unspent(directive))

    def _binding(self, body: Body, model: Model, script: Script) -> bytes:
        """What the thinking of an answer is bound to; nothing without thinking, or where it is not bound."""
        binds = self._binds_thinking and model.binds_thinking
        return binding_of(body) if binds and any(isinstance(block, Thinking) for block in script.blocks) else b""

    def _unspent(self, directive: Directive | None) -> Directive | None:
        """The directive, or one without effect once it has been seen more than `times` times."""
        if directive is None or "times" not in directive.options:
            return directive
        if len(self._spent) > SPENT_LIMIT:
            self._spent.clear()
        self._spent[directive.source] += 1
        return (
            directive if self._spent[directive.source] <= directive.option("times", 1) else directive.without_effect()
        )

    async def _play(self, exchange: _Exchange, script: Script, head: Head) -> None:
        if script.silent:
            await anyio.sleep_forever()
        pace = self.pace.override(script.ttft, script.rate)
        if exchange.body.get("stream"):
            await play(exchange.send, frames(script, head), pace, exchange.headers)
            return
        await anyio.sleep(pace.ttft + pace.due(count_answer(script)))
        body = message_json(script, head)
        match script.fault and script.fault.kind:
            case "error":
                assert script.fault is not None
                status = STATUS_OF_TYPE.get(script.fault.type, 500)
                await _send_error(exchange, ApiError(status, script.fault.message, kind=script.fault.type))
            case "hang":
                await anyio.sleep_forever()
            case "cut":
                await send_cut_json(exchange.send, body, exchange.headers)
            case _:
                await send_json(exchange.send, 200, body, exchange.headers)


async def _read(exchange: _Exchange) -> None:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await exchange.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_BYTES:
            raise ApiError(413, "Request exceeds the maximum size")
        chunks.append(chunk)
        more = message.get("more_body", False)
    exchange.raw = b"".join(chunks)


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from None


def _counted(exchange: _Exchange) -> dict[str, int]:
    check_access(Headers(scope=exchange.scope))
    exchange.body = _parsed(exchange.raw)
    check_request(exchange.body, counting=True)
    return {"input_tokens": count_prompt(exchange.body)}


def _found(name: str) -> dict[str, Any]:
    model = find_model(name)
    if model is None:
        raise ApiError(404, f"model: {name}")
    return _described(model)


def _described(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": model.context,
        "max_tokens": model.max_output,
    }


async def _send_error(exchange: _Exchange, error: ApiError) -> None:
    retriable = error.status in (408, 409, 429) or error.status >= 500
    headers = {**exchange.headers, "x-should-retry": str(retriable).lower(), **error.headers}
    await send_json(exchange.send, error.status, error_body(error.kind, error.message, exchange.request_id), headers)
