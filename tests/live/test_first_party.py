"""What the CLI sends to its own vendor's names: by today's daemon, and when every turn replaces the whole request."""

import json
import platform
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from proxy.backends.claude_cli.codec import ApiEvent, JsonObject, Output, Result, encode_user
from proxy.backends.claude_cli.command import (
    TOKEN_DESCRIPTOR,
    CliSettings,
    LoginMode,
    choose_login,
    make_argv,
    make_environment,
    token_of,
)
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.folders import ProcessFolders
from proxy.backends.claude_cli.launcher import write_key
from proxy.backends.claude_cli.locate import bundled_program
from proxy.backends.claude_cli.process import CliProcess, StopTimes
from proxy.backends.claude_cli.session import Session
from proxy.core.contracts import Target, Thinking
from proxy.simulator.recorder import RecordedRequest
from tests.support.children import wait_until_none
from tests.support.first_party import ACCOUNT, ADDRESS, LOGINS, FirstParty, first_party
from tests.support.running import WAIT, running_daemon

STOP = StopTimes(0.5, 2, 2)
IDENTITY = "You are a Claude agent, built on Anthropic's Claude Agent SDK."
BETAS = {
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "prompt-caching-scope-2026-01-05",
    "per-turn-control-2026-07-01",
    "thinking-token-count-2026-05-13",
    "mid-conversation-system-clear-at-2026-08-21",
    "effort-2025-11-24",
    "thinking-binding-controls-2026-08-01",
    "cache-diagnosis-2026-04-07",
}
OAUTH_BETAS = {"oauth-2025-04-20", "extended-cache-ttl-2025-04-11", "tool-provenance-2026-10-26"}
TARGET = Target("sonnet", thinking=Thinking("adaptive", effort="low"))
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
BASH = {"name": "Bash", "description": "Run it.", "input_schema": {"type": "object"}}
SIDE_CALLS = {
    "api-key": set[str](),
    "oauth-token": {"/api/claude_code/settings", "/api/claude_code/policy_limits"},
    "stored": {"/api/oauth/profile", "/v1/mcp_servers", "/api/claude_code/settings", "/api/claude_code/policy_limits"},
}


@dataclass
class Worker:
    """A CLI driven by the stateless recipe, and the first party that it asks. `outputs` are of its last turn."""

    session: Session
    served: FirstParty
    outputs: list[Output] = field(default_factory=list)

    async def turn(
        self, messages: Sequence[JsonObject], *, system: str = "", tools: Sequence[JsonObject] = ()
    ) -> RecordedRequest:
        """The one API request of a turn whose messages and tools are these; afterwards the process is clean again."""
        return await self.own_turn(make_flags(TARGET, whole=messages, tools=tools), system=system)

    async def own_turn(self, flags: JsonObject, *, system: str = "") -> RecordedRequest:
        """The same with settings of one's own."""
        before = self.served.simulator.recorder.count
        uuid = str(uuid4())
        with anyio.fail_after(WAIT):
            if system:
                self.session.ask("set_model", model=TARGET.model, system_prompt=system)
            self.session.set(flags)
            self.session.write(encode_user(uuid, [{"type": "text", "text": "."}], ask=True))
            self.outputs = []
            while not (self.outputs and isinstance(self.outputs[-1], Result)):
                self.outputs.append(await self.session.next())
            assert await self.session.rewind([uuid], empty=True)
        assert self.served.simulator.recorder.count == before + 1
        return self.served.sent[-1]

    @property
    def result(self) -> Result:
        """How the last turn ended."""
        return next(output for output in self.outputs if isinstance(output, Result))

    @property
    def calls(self) -> list[str]:
        """The names of the tools that the model called in the last turn."""
        events = [output.event for output in self.outputs if isinstance(output, ApiEvent)]
        blocks = [event["content_block"] for event in events if event["type"] == "content_block_start"]
        return [block["name"] for block in blocks if block["type"] == "tool_use"]


in_each_login = pytest.mark.parametrize("login", LOGINS)


@pytest.fixture(scope="module")
def served_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstParty]:
    with first_party(tmp_path_factory.mktemp("authority")) as served:
        yield served


@pytest.fixture
def served(served_for: FirstParty) -> FirstParty:
    """The first party, of which nothing has been asked."""
    served_for.forget()
    return served_for


@asynccontextmanager
async def worker(served: FirstParty, folder: Path, login: LoginMode) -> AsyncIterator[Worker]:
    """A booted CLI that was told nothing but its beginning."""
    program = bundled_program()
    assert program is not None
    environment = served.environment(login, folder / "user")
    settings = CliSettings(program, choose_login("auto", environment), environment, TARGET.model)
    assert settings.login.mode == login
    async with AsyncExitStack() as stack:
        stack.callback(wait_until_none, folder)
        holder = ProcessFolders(folder / "run")
        holder.open()
        stack.callback(holder.close)
        _place, folders = holder.make()
        write_key(settings, folders)
        process = await CliProcess.spawn(
            [*make_argv(settings, folders), "--max-turns=1"],
            environment=make_environment(settings, folders),
            folder=folders.work,
            max_line=1 << 20,
            secret=(TOKEN_DESCRIPTOR, token_of(settings)),
        )
        stack.push_async_callback(process.stop, STOP, idle=True)
        session = Session(process)
        with anyio.fail_after(WAIT):
            await session.call("initialize", systemPrompt=[])
        yield Worker(session, served)


@in_each_login
def test_a_daemon_speaks_to_the_vendors_own_names(served: FirstParty, tmp_path: Path, login: LoginMode) -> None:
    with (
        running_daemon(tmp_path, environ=served.environment(login, tmp_path / "user")) as running,
        running.client() as client,
    ):
        assert running.daemon.login.mode == login
        body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "stream": False}
        answer = client.post("/api/chat", json=body)
        assert answer.status_code == 200, answer.text
        assert not running.sent()
    wait_until_none(tmp_path)
    [request] = served.sent
    check_first_party(request, login)
    assert {call.path for call in served.side_calls} <= SIDE_CALLS[login]
    assert {*served.led} == {"api.anthropic.com:443"}
    assert served.untrusted == 0


@in_each_login
async def test_replaced_messages_and_tools_are_all_that_the_api_gets(
    served: FirstParty, tmp_path: Path, login: LoginMode
) -> None:
    async with worker(served, tmp_path, login) as cli:
        first = await cli.turn(asking("hello"))
        assert cli.result.subtype == "success"
        check_body(first, login, asking("hello"))

        messages = [
            *asking("What is [in] @/etc/passwd?"),
            {"role": "assistant", "content": [{"type": "text", "text": "I do not know."}]},
            {"role": "user", "content": [{"type": "text", "text": "/cost"}]},
        ]
        second = await cli.turn(messages, system="Speak like a sailor.", tools=[WEATHER])
        assert cli.result.subtype == "success"
        check_body(second, login, messages, system="Speak like a sailor.", tools=[WEATHER])

        third = await cli.turn(asking("bye"), system="Speak like a cook.")
        check_body(third, login, asking("bye"), system="Speak like a cook.")
    assert {call.path for call in served.side_calls} <= SIDE_CALLS[login]
    for request in served.sent:
        check_nothing_of_the_machine(request, tmp_path)


@in_each_login
async def test_a_tool_call_makes_no_second_request(served: FirstParty, tmp_path: Path, login: LoginMode) -> None:
    async with worker(served, tmp_path, login) as cli:
        for tool in (WEATHER, BASH):
            messages = asking(f"""[simulate: tool {tool["name"]} {{"command": "touch {tmp_path}/ran"}}]""")
            request = await cli.turn(messages, tools=[WEATHER, BASH])
            assert (cli.calls, cli.result.subtype) == ([tool["name"]], "error_max_turns")
            check_body(request, login, messages, tools=[WEATHER, BASH])
        told = [
            *asking("How is it in Rome?"),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "Bash", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]},
        ]
        request = await cli.turn(told, tools=[WEATHER, BASH])
        assert cli.result.subtype == "success"
        check_body(request, login, told, tools=[WEATHER, BASH])
    assert len(served.sent) == 3
    assert not (tmp_path / "ran").exists()


async def test_messages_that_are_not_replaced_carry_the_operators_address(served: FirstParty, tmp_path: Path) -> None:
    # So the recording would show it, if it were in the others.
    async with worker(served, tmp_path, "stored") as cli:
        request = await cli.own_turn(make_flags(TARGET))
    said = request.raw.decode()
    assert all(trace in said for trace in (ADDRESS, "# Environment", f"{tmp_path}/run/empty", "Today's date is 20"))


def asking(text: str) -> list[JsonObject]:
    """A conversation of one message, with a cache mark."""
    return [{"role": "user", "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]}]


def check_first_party(request: RecordedRequest, login: LoginMode) -> None:
    """The request is as the CLI makes it for its own vendor."""
    assert (request.method, request.path, request.query) == ("POST", "/v1/messages", "beta=true")
    assert (request.headers["host"], request.error) == ("api.anthropic.com", None)
    betas = request.headers["anthropic-beta"].split(",")
    assert len(betas) == len(set(betas))
    assert set(betas) == (BETAS if login == "api-key" else BETAS | OAUTH_BETAS)
    assert request.body["diagnostics"] == {"previous_message_id": None}


def check_body(
    request: RecordedRequest,
    login: LoginMode,
    messages: Sequence[JsonObject],
    *,
    system: str = "",
    tools: Sequence[JsonObject] = (),
) -> None:
    """The request has these messages and tools; and nothing else but what is listed here."""
    check_first_party(request, login)
    body = dict(request.body)
    identity = json.loads(body.pop("metadata")["user_id"])
    assert set(identity) == {"device_id", "account_uuid", "session_id"}
    assert identity["account_uuid"] == (ACCOUNT if login == "stored" else "")
    mark = {"type": "ephemeral"} if login == "api-key" else {"type": "ephemeral", "ttl": "1h"}
    assert body == {
        "model": "claude-sonnet-5-5",
        "messages": messages,
        "system": [
            {"type": "text", "text": text, "cache_control": mark}
            for text in ((IDENTITY, system) if system else (IDENTITY,))
        ],
        "tools": list(tools),
        "max_tokens": 128000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "low"},
        "diagnostics": {"previous_message_id": None},
        "stream": True,
    }


def check_nothing_of_the_machine(request: RecordedRequest, folder: Path) -> None:
    """No folder, date, system or address of the operator is in the body."""
    said = request.raw.decode().lower()
    now = datetime.now(UTC)
    days = [f"{now + timedelta(days=shift):%Y-%m-%d}" for shift in (-1, 0, 1)]
    traces = [str(folder), ADDRESS, "# environment", "working directory", "today's date", platform.release(), *days]
    assert not [trace for trace in traces if trace.lower() in said]
