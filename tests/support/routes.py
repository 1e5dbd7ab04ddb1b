"""One question over each of the three chat routes, streamed or whole: the same answer in each dialect's clothes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.running import Running

ROUTES = ("/api/chat", "/api/generate", "/v1/chat/completions")

SPELLED: Mapping[str, str] = {"num_predict": "max_tokens", "think": "reasoning_effort", "format": "response_format"}
"""What Ollama's names are called by OpenAI."""


@dataclass(frozen=True)
class Answer:
    """What the client got. `reason` is done_reason or finish_reason; `pieces` are the texts of the stream."""

    status: int
    text: str = ""
    thinking: str = ""
    reason: str = ""
    unsupported: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    error: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)


def ask_over(
    running: Running,
    route: str,
    model: str,
    text: str,
    *,
    options: Mapping[str, Any] | None = None,
    think: object = None,
    format: object = None,
    stream: bool = False,
) -> Answer:
    """Ask `text` with Ollama's options, thinking and format, in the spelling of `route`."""
    body = _body(route, model, text, dict(options or {}), think, format) | {"stream": stream}
    with running.client() as client:
        response = client.post(route, json=body)
    named = response.headers.get("x-unsupported-options", "")
    unsupported = tuple(sorted(filter(None, named.split(", "))))
    if response.status_code != 200:
        return Answer(response.status_code, unsupported=unsupported, error=_error(response.json()))
    return _streamed(response, route, unsupported) if stream else _whole(response.json(), route, unsupported)


def spelled(route: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Ollama's names of options as `route` has them, sorted."""
    return tuple(sorted(SPELLED.get(name, name) if route.startswith("/v1") else name for name in names))


def _body(route: str, model: str, text: str, options: dict[str, Any], think: object, format: object) -> dict[str, Any]:
    native: dict[str, Any] = {"model": model, "options": options}
    native |= {"think": think} if think is not None else {}
    native |= {"format": format} if format is not None else {}
    if route == "/api/generate":
        return native | {"prompt": text}
    messages = [{"role": "user", "content": text}]
    if route == "/api/chat":
        return native | {"messages": messages}
    body: dict[str, Any] = {"model": model, "messages": messages}
    body |= {SPELLED.get(name, name): value for name, value in options.items()}
    if think is not None:
        body["reasoning_effort"] = {"True": "medium", "False": "none"}.get(str(think), think)
    if format is not None:
        schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": format}}
        body["response_format"] = {"type": "json_object"} if format == "json" else schema
    return body


def _whole(value: dict[str, Any], route: str, unsupported: tuple[str, ...]) -> Answer:
    if route == "/v1/chat/completions":
        [choice] = value["choices"]
        message = choice["message"]
        thinking = message.get("reasoning", "")
        reason = choice["finish_reason"]
        return Answer(200, message["content"], thinking, reason, unsupported, usage=value["usage"])
    said = value["message"] if route == "/api/chat" else {"content": value["response"], **value}
    usage = {"prompt_tokens": value["prompt_eval_count"], "completion_tokens": value["eval_count"]}
    return Answer(200, said["content"], said.get("thinking", ""), value["done_reason"], unsupported, usage=usage)


def _streamed(response: httpx.Response, route: str, unsupported: tuple[str, ...]) -> Answer:
    pieces: list[str] = []
    thoughts: list[str] = []
    reason = error = ""
    for line in filter(None, response.text.split("\n")):
        if line == "data: [DONE]":
            continue
        value = json.loads(line.removeprefix("data: "))
        if "error" in value:
            error = _error(value)
            continue
        if route == "/v1/chat/completions":
            [choice] = value["choices"]
            said, reason = choice["delta"], choice["finish_reason"] or reason
        else:
            said = value["message"] if route == "/api/chat" else {"content": value["response"], **value}
            reason = value.get("done_reason", reason)
        thought = said.get("thinking") or said.get("reasoning") or ""
        assert not (thought and pieces), "thinking after the content"
        thoughts.append(thought)
        pieces += [said["content"]] if said.get("content") else []
    return Answer(200, "".join(pieces), "".join(thoughts), reason, unsupported, tuple(pieces), error)


def _error(body: dict[str, Any]) -> str:
    error = body["error"]
    return str(error if isinstance(error, str) else error["message"])
