"""Whatever the body is, every route answers: as it should, or with an error that the contract has, and never crashes.

The routes run over an engine whose backend does all that the real one does to a request before a process has it.
"""

import asyncio
import json
import pathlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from config import load
from proxy.api.chat import ChatService
from proxy.api.desk import Options
from proxy.api.operations import OPERATIONS
from proxy.api.record import open_record
from proxy.api.routes import make_routes
from proxy.app import make_catalog
from proxy.backends.claude_cli.conversations import begun
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.replay import make_script
from proxy.backends.claude_cli.shaping import shaper_for
from proxy.backends.claude_cli.tools import PLAIN, tool_set
from proxy.catalog.models import Catalog
from proxy.chats.keeper import Keeper
from proxy.chats.prompt import SystemPrompt
from proxy.core.contracts import Abilities, Target
from proxy.core.errors import InvalidRequest
from proxy.core.events import Event, Finished, Started, TextDelta
from proxy.core.names import parse_name
from proxy.core.request import Caller, ChatRequest
from proxy.core.resources import Gpus
from proxy.engine import Engine
from proxy.observe.resources import Resources
from proxy.wire.fields import Struct
from proxy.wire.names import check_name
from proxy.wire.ollama.creation import read_parameters
from tests.support.chat_memory import MemoryChats
from tests.support.contract import check
from tests.support.running import WAIT
from tests.wire.test_same_request import ANTHROPIC, OLLAMA, OPENAI, RESPONSES

Body = dict[str, Any]
Path = tuple[str | int, ...]

PROMPT: Body = {"model": "sonnet", "prompt": "hello", "system": "Be brief.", "keep_alive": "5m", "raw": False}
NAMED: Body = {"model": "mario", "name": "", "stream": False}
OWN: Body = {
    "model": "mario",
    "from": "sonnet",
    "system": "You are Mario.",
    "template": "{{ .Prompt }}",
    "license": ["MIT"],
    "parameters": {"temperature": 0.5, "stop": ["END"], "num_ctx": 4096, "own": [1]},
    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "It is me."}],
    "files": None,
    "quantize": "",
    "stream": False,
}
BODIES: Mapping[str, Body] = {
    "/api/chat": OLLAMA | {"stream": True, "keep_alive": 300, "truncate": True, "top_logprobs": 0, "logprobs": False},
    "/api/generate": PROMPT | {"suffix": "", "context": [], "images": [], "options": {"seed": 1}, "format": "json"},
    "/chat": {"message": "hello", "model": "sonnet", "chat_id": "a", "keep": 0, "think": False, "images": []},
    "/chat/stream": {"message": "hello", "model": "sonnet", "chat_id": "a", "keep": 2, "think": "low", "images": []},
    "/chat/simple": {"message": "hello", "model": "sonnet"},
    "/chat/render": {"text": "# hello"},
    "/api/show": {"model": "sonnet", "system": "", "verbose": True, "options": {"num_ctx": 4096, "stop": ["END"]}},
    "/api/create": OWN,
    "/api/copy": {"source": "sonnet", "destination": "mario"},
    "/api/delete": NAMED,
    "/api/pull": NAMED | {"model": "sonnet", "insecure": False},
    "/api/push": NAMED | {"model": "sonnet", "username": "", "password": ""},
    "/api/embed": {"model": "sonnet", "input": ["hello"], "truncate": True, "dimensions": 8, "options": {}},
    "/api/embeddings": {"model": "sonnet", "prompt": "hello", "keep_alive": 0},
    "/v1/chat/completions": OPENAI | {"stream": True, "stream_options": {"include_usage": True}, "n": 1, "seed": 1},
    "/v1/completions": {"model": "sonnet", "prompt": "hello", "stop": "END", "max_tokens": 9, "temperature": 0.5},
    "/v1/responses": RESPONSES | {"stream": True, "metadata": {"a": "b"}, "user": "u", "truncation": "auto"},
    "/v1/messages": ANTHROPIC | {"stream": True, "metadata": {"user_id": "u"}},
    "/v1/messages/count_tokens": ANTHROPIC,
    "/v1/embeddings": {"model": "sonnet", "input": "hello", "encoding_format": "float"},
}

FIELDS: Mapping[str, Sequence[str]] = {
    path: sorted(operation.body.readers) for path, operation in OPERATIONS.items() if isinstance(operation.body, Struct)
}
"""By route, all that its parser reads of a body."""

# What Python's encoder would not write, by what stands for it in a string.
UNWRITABLE = {
    "<beyond a float>": "1e999",
    "<many digits>": "9" * 400,
    "<deep>": '{"a":[' * 2000 + "]}" * 2000,
    "<half a character>": '"\\ud83d"',
    "<large>": f'"{"x" * 300_000}"',
}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, 2**31, 2**63, 10**30, "", " ", "0", "true", [], {}, [[]], [None]),
    *("sonnet", "haiku", "opus", "mario", "a b", "x:cloud", "x:local:cloud", "../../x", "x" * 400, "é", "\u2028\0"),
    *("user", "assistant", "system", "tool", "function", "json", "auto", "max", "none", "5m", "-1", "data:,", "AAAA"),
    *([1, "x", None], {"type": "object"}, {"type": 5}, {"$ref": "#"}, {"type": "text", "text": "x"}, ["END"] * 200),
    *({"enum": []}, {"properties": {"a": {"$ref": "#/properties/a"}}}, {"pattern": "("}, {"required": "x"}),
    *UNWRITABLE,
)

values = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(), max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)
names = st.from_regex(r"[a-zA-Z0-9_./: -]{0,30}", fullmatch=True) | st.text(max_size=20)
models = st.sampled_from(("opus", "sonnet", "haiku", "claude-opus-4-5", "nope")) | names


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The place of everything in a body but the body itself."""
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from paths_in(member, (*path, key))


def changed(body: Any, path: Path, change: str, value: Any) -> Any:
    """`body` with one `change` at `path`; it itself stays as it is."""
    if not path:
        return value
    copy: Any = dict(body) if isinstance(body, dict) else list(body)
    key, *rest = path
    if rest:
        copy[key] = changed(copy[key], tuple(rest), change, value)
    elif change == "put":
        copy[key] = value
    elif change == "wrap":
        copy[key] = [copy[key]]
    elif change == "take":
        del copy[key]
    elif isinstance(copy, dict):
        copy[str(key).swapcase() if change == "rename" else str(value)[:20]] = copy[key]
    else:
        copy += [copy[key]] * 3
    return copy


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """A route, and a body that was a valid one of it."""
    path = draw(st.sampled_from(sorted(BODIES)))
    body: Any = BODIES[path]
    if draw(st.booleans()):
        body = body | {"model": draw(models)}
    if draw(st.booleans()):
        body = body | {draw(st.sampled_from(FIELDS[path])): draw(values)}
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(list(paths_in(body)) or [()]))
        change = draw(st.sampled_from(("put", "put", "put", "wrap", "take", "rename", "add")))
        body = changed(body, at, change, draw(values))
    data = written(body)
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(data)))
        data = data[:cut] + draw(st.binary(max_size=5)) + data[cut + draw(st.integers(0, 5)) :]
    return path, data


def written(body: Any) -> bytes:
    text = json.dumps(body)
    for word, raw in UNWRITABLE.items():
        text = text.replace(f'"{word}"', raw)
    return text.encode()


class Prepared:
    """A turn that answers the same to everything."""

    async def __aiter__(self) -> AsyncIterator[Sequence[Event]]:
        yield (Started("claude"), TextDelta("ok"))
        yield (Finished("stop"),)


class Preparing:
    """A backend that makes of a request all that a process would be told, and answers by itself."""

    abilities = Abilities()

    def recalls(self, request: ChatRequest, target: Target) -> bool:
        return False

    @asynccontextmanager
    async def open(self, request: ChatRequest, target: Target) -> AsyncIterator[Prepared]:
        shaper_for(target)
        script = make_script(request, target)
        begun(script, request.caller, target)
        tools = tool_set(target.tools, PLAIN, 1000)
        script.telling("claude", 0)
        make_flags(target, PLAIN, script.whole, tools.exact if tools else ())
        yield Prepared()

    async def load(self, model: str, keep_alive: float | None) -> None:
        pass

    def release(self, caller: Caller, model: str) -> None:
        pass


PROMPT_FILE = SystemPrompt(pathlib.Path("/nowhere/system_prompt.txt"))
BUILT_IN = make_catalog(load({}, {"HOME": "/nowhere"}, cores=1))


def application() -> ASGIApp:
    """A new server, without anything around its routes, so that what they raise comes out."""
    engine = Engine(Catalog(BUILT_IN.bases, BUILT_IN.since), Preparing(), read_parameters=read_parameters)
    discovered = anyio.Event()
    discovered.set()
    chats = ChatService(Keeper(MemoryChats(), PROMPT_FILE, WAIT), Resources(lambda: Gpus()), "sonnet")
    routed = Starlette(routes=make_routes(engine, Options(32 << 20, WAIT), cast(Any, None), discovered, chats=chats))

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        open_record(scope, uuid4().hex)
        await routed(scope, receive, send)

    return recorded


async def ask(path: str, body: bytes) -> None:
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", trust_env=False) as client:
        with anyio.fail_after(WAIT):
            answer = await client.request("DELETE" if path == "/api/delete" else "POST", path, content=body)
            check(answer)
            if path == "/api/create" and answer.status_code == 200:
                for model in [each["name"] for each in (await client.get("/api/tags")).json()["models"]]:
                    check(await client.post("/api/show", json={"model": model}))
                    check(await client.post("/api/chat", json=OLLAMA | {"model": model}))


async def look_up(name: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://localhost") as client:
        answer = await client.get(f"/v1/models/{name or '-'}")
    assert answer.status_code in (200, 404)
    if answer.headers["content-type"] == "application/json":
        check(answer)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


bounded = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@bounded
@given(requests())
def test_every_body_gets_an_answer_of_the_contract(runner: asyncio.Runner, request_made: tuple[str, bytes]) -> None:
    runner.run(ask(*request_made))


@bounded
@given(names)
def test_every_name_is_refused_or_means_one_model_however_it_is_shown(text: str) -> None:
    with suppress(InvalidRequest):
        name = check_name(text)
        for shown in (name.full, name.display, name.short):
            parsed = parse_name(shown)
            assert parsed is not None
            assert parsed.key == name.key


@bounded
@given(names)
def test_every_name_in_a_path_gets_an_answer_of_the_contract(runner: asyncio.Runner, text: str) -> None:
    runner.run(look_up(quote(text.replace("/", ""), safe="")))
