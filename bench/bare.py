"""The reference for latency: the same CLI, command line and environment as the daemon's, driven by a minimal script.

The lines come from the daemon's codec, so that both say the same; reading and writing is as plain as it can be.
"""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bench.children import Failed, limit, running, tail
from bench.stage import Stage
from proxy.backends.claude_cli.codec import (
    ApiEvent,
    ControlReply,
    JsonObject,
    McpAsk,
    Output,
    Result,
    decode,
    encode_assistant,
    encode_control,
    encode_user,
)
from proxy.backends.claude_cli.command import CliSettings, Folders, choose_login, make_argv, make_environment
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.launcher import write_key
from proxy.backends.claude_cli.replay import make_script
from proxy.backends.claude_cli.tools import PLAIN, SERVER, ToolServer, tool_set
from proxy.core.contracts import Target, Thinking
from proxy.wire.ollama.requests import parse_chat

MODEL = "sonnet"

TARGET = Target(MODEL, thinking=Thinking("adaptive", effort="low"))
"""What the daemon makes of a request for `MODEL` that asks for nothing else."""

_DESCRIPTION_LIMIT = 4096
# Characters of a tool's description that the CLI passes on.

TURN_TIMEOUT = 30.0
"""Seconds that a boot or a turn may take."""


Message = Mapping[str, str]
"""A message as Ollama has it: `role` and `content`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`first_token` is in seconds from the request's first byte out to the first piece of text in."""

    first_token: float
    text: str


class BareCli:
    """A booted CLI process that serves one turn at a time."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._child = child
        self._stdin = child.stdin
        self._stdout = child.stdout
        self._tools: ToolServer | None = None
        self._told = False
        self._held = 0

    def turn(self, system: str | None, prompt: str) -> Answer:
        """One measured turn, then, unmeasured, its undoing, so that the next one meets an empty conversation."""
        turn, answer = self._ask(system, (), prompt)
        with limit(TURN_TIMEOUT, "the undoing of a turn of the bare CLI"):
            reply = self.call("rewind_conversation", target_message_uuid=turn)
        if reply.get("rewound") is not True:
            raise Failed(f"the bare CLI did not take its turn back: {reply}")
        return answer

    def converse(self, messages: Sequence[Message]) -> Answer:
        """One measured turn of a conversation, which is given whole; what the CLI does not hold of it yet is told."""
        system = next((message["content"] for message in messages if message["role"] == "system"), None)
        spoken = [message for message in messages if message["role"] != "system"]
        *untold, asked = spoken[self._held :]
        self._held = len(spoken) + 1
        return self._ask(system, untold, asked["content"])[1]

    def replay(self, body: bytes) -> Answer:
        """One measured turn that is told everything in `body`, a request of /api/chat: history, tools and all."""
        request = parse_chat(body).request
        script, tools = make_script(request, TARGET), tool_set(request.tools, PLAIN, _DESCRIPTION_LIMIT)
        assert tools is not None
        telling = script.telling(MODEL, 0)
        with limit(TURN_TIMEOUT, "a conversation told to the bare CLI"):
            started = time.perf_counter()
            setup, flags = self._setup(script.system)
            self._tools = ToolServer(tools)
            self._write(setup + _offer() + flags)
            for step in telling.steps:
                self._write(step.data)
                if step.awaited:
                    self._skip_to_result()
            while not self._tools.listed:
                self.read()
            self._write(telling.prompt)
            return read_answer(self, started)

    def _ask(self, system: str | None, history: Sequence[Message], prompt: str) -> tuple[str, Answer]:
        turn = str(uuid4())
        with limit(TURN_TIMEOUT, "a turn of the bare CLI"):
            started = time.perf_counter()
            self._write(b"".join(self._setup(system)))
            for message in history:
                self._tell(message)
            self._write(encode_user(turn, _blocks(prompt), ask=True))
            return turn, read_answer(self, started)

    def _setup(self, system: str | None) -> Iterator[bytes]:
        if not self._told:
            self._told = True
            yield encode_control(uuid4().hex, "initialize", systemPrompt=[system] if system else [])
            # Settings outlive a turn, and every turn has the same.
            yield encode_control(uuid4().hex, "apply_flag_settings", settings=make_flags(TARGET))

    def _tell(self, message: Message) -> None:
        content = _blocks(message["content"])
        if message["role"] == "assistant":
            self._write(encode_assistant(str(uuid4()), f"msg_{uuid4()}", MODEL, content))
            return
        self._write(encode_user(str(uuid4()), content, ask=False))
        self._skip_to_result()

    def _skip_to_result(self) -> None:
        while not isinstance(self.read(), Result):
            pass

    def call(self, subtype: str, **fields: object) -> Any:
        """A control request and its answer."""
        request_id = uuid4().hex
        self._write(encode_control(request_id, subtype, **fields))
        while True:
            output = self.read()
            if isinstance(output, ControlReply) and output.request_id == request_id:
                if output.error is not None:
                    raise Failed(f"the bare CLI refused {subtype}: {output.error}")
                return output.payload

    def _write(self, data: bytes) -> None:
        self._stdin.write(data)
        self._stdin.flush()

    def ask(self, prompt: str) -> None:
        """Send plain text, and nothing after it."""
        self._write(prompt.encode())
        self._stdin.close()

    def read(self) -> Output:
        """The next line. Raises `Failed` at the end of the output."""
        line = self._stdout.readline()
        if not line:
            raise Failed(f"the bare CLI ended with code {self._child.wait(TURN_TIMEOUT)}")
        output = decode(line)
        if isinstance(output, McpAsk) and self._tools is not None:
            self._write(self._tools.take(output) or b"")
        return output


def _offer() -> bytes:
    return encode_control(uuid4().hex, "mcp_set_servers", servers={SERVER: {"type": "sdk", "name": SERVER}})


def _blocks(text: str) -> list[JsonObject]:
    return [{"type": "text", "text": text}]


def read_answer(cli: BareCli, started: float) -> Answer:
    """Everything up to the turn's result. Raises `Failed` for a turn that failed or said nothing."""
    first_token = 0.0
    texts: list[str] = []
    while not isinstance(output := cli.read(), Result):
        if isinstance(output, ApiEvent) and output.event["type"] == "content_block_delta":
            texts.append(output.event["delta"].get("text", ""))
            if texts[-1] and not first_token:
                first_token = time.perf_counter() - started
    if output.failure is not None or not first_token:
        raise Failed(f"the bare CLI did not answer: {output}")
    return Answer(first_token, "".join(texts))


@contextmanager
def booted_cli(stage: Stage) -> Iterator[BareCli]:
    """A CLI that has booted and was told nothing."""
    with _started(stage, ["--input-format=stream-json"]) as cli:
        with limit(TURN_TIMEOUT, "booting the bare CLI"):
            cli.call("get_binary_version")
        yield cli


def answer_from_new_cli(stage: Stage, system: str, prompt: str) -> Answer:
    """An answer from a CLI that is started for it, as servers without warm processes do. The start is in the time."""
    started = time.perf_counter()
    with (
        _started(stage, ["--input-format=text", "--system-prompt", system]) as cli,
        limit(TURN_TIMEOUT, "a CLI started for its request"),
    ):
        cli.ask(prompt)
        return read_answer(cli, started)


@contextmanager
def _started(stage: Stage, options: list[str]) -> Iterator[BareCli]:
    place = stage.make_folder("bare")
    folders = Folders(
        key=place / "key",
        home=place / "home",
        config=place / "home/.claude",
        work=place / "work",
        temporary=place / "tmp",
    )
    for folder in (folders.home, folders.config, folders.work, folders.temporary):
        folder.mkdir(mode=0o700)
    settings = CliSettings(stage.cli, choose_login("auto", stage.environ), stage.environ, MODEL)
    write_key(settings, folders)
    argv = [option for option in make_argv(settings, folders) if not option.startswith("--input-format")] + options
    environment = make_environment(settings, folders)
    log = place / "stderr.log"
    with running(argv, environment=environment, log=log, folder=folders.work, gently=False) as child:
        try:
            yield BareCli(child)
        except OSError as error:
            raise Failed(f"the bare CLI is gone ({error}): {tail(log)}") from error
