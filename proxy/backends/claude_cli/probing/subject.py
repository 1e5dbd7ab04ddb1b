"""One process under examination, driven as in production, and what it sends to the recorder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from proxy.backends.claude_cli.account import read_account
from proxy.backends.claude_cli.codec import Failure, Output, Result
from proxy.backends.claude_cli.command import Login
from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.replay import make_script
from proxy.backends.claude_cli.session import Session
from proxy.backends.claude_cli.tools import PLAIN, Naming
from proxy.core.contracts import Target, Thinking
from proxy.core.request import ChatRequest, Message, Text

SYSTEM = "You are being probed: this is the system prompt."


class Recorded(Protocol):
    """A request that came to the recorder; `body` is its JSON."""

    @property
    def body(self) -> Mapping[str, Any]: ...


class Recorder(Protocol):
    """A Messages API on loopback at `url` that keeps the `requests` to `/v1/messages`, oldest first.

    To a prompt that says ``[simulate: hang after=N]`` it answers N words, and then nothing more; to one that says
    ``[simulate: tool NAME {…} …]`` it calls those tools.
    """

    @property
    def url(self) -> str: ...

    @property
    def requests(self) -> Sequence[Recorded]: ...

    async def wait_for(self, count: int) -> None:
        """Until so many requests have come since the start."""
        ...


class CheckFailed(Exception):
    """A check failed; the text says how the CLI behaves."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one question came to: the API request, and everything the CLI said up to the end of its turn."""

    body: Mapping[str, Any]
    outputs: Sequence[Output]

    @property
    def conversation(self) -> list[tuple[str, list[Mapping[str, Any]]]]:
        """The messages by role, without what the CLI is known to add: notes, system messages, cache marks."""
        return [
            (message["role"], [block for block in blocks_of(message) if not is_note(block)])
            for message in self.body["messages"]
            if message["role"] != "system"
        ]

    @property
    def texts(self) -> list[str]:
        """The texts of the conversation, in order."""
        return [str(block.get("text")) for _role, blocks in self.conversation for block in blocks]


def blocks_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The blocks of a message or system prompt, however it is written, without their cache marks."""
    content = message.get("content") or []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [{name: value for name, value in block.items() if name != "cache_control"} for block in content]


def is_note(block: Mapping[str, Any]) -> bool:
    """The CLI says this, in tags, in the user's name; what the probe says never begins with a tag."""
    return str(block.get("text", "")).startswith("<")


def user(text: str) -> Message:
    """A user message of one text."""
    return Message("user", (Text(text),))


@dataclass(slots=True)
class Subject:
    """A booted process. `turns` are the uuids of the user messages that it holds.

    `model` is the one it was booted with; or, once it was told, another one if that has no levels of effort.
    `first_request` counts the requests that came before it. `offered` are the tools that the API got to see, once it
    was offered any, with their names by its `naming`.
    Every method may raise `ServerError`, when the process is gone or refuses, and `CheckFailed`.
    """

    session: Session
    recorder: Recorder
    login: Login
    model: str
    first_request: int
    told: bool = False
    turns: list[str] = field(default_factory=list)
    opening_chat: Sent | None = None
    offered: Sequence[Mapping[str, Any]] | None = None
    naming: Naming = PLAIN

    @property
    def requests(self) -> int:
        """How many requests the recorder has seen, other processes' included."""
        return len(self.recorder.requests)

    async def tell(self, system: str | None = SYSTEM) -> None:
        """Tell the process its system prompt, once; learn which of its models has levels of effort."""
        reply = await self.session.call("initialize", systemPrompt=[system] if system else [])
        self.told = True
        models = read_account(reply, self.login).models
        able = [model for model in models if model.adaptive_thinking and {"low", "high"} <= {*model.effort_levels}]
        if able and not any(self.model in (model.alias, model.model) for model in able):
            self.model = able[0].alias

    def current(self, effort: str = "medium") -> Target:
        """A plain turn on the CLI's current model."""
        return Target(self.model, thinking=Thinking("adaptive", effort=effort))

    async def set(self, target: Target | None = None) -> None:
        """Apply the settings of a turn on `target`, by default a plain one on the CLI's current model."""
        if not self.told:
            await self.tell()
        await self.session.call("apply_flag_settings", settings=make_flags(target or self.current()))

    async def open(self) -> Sent:
        """The first chat of this process: told, set, asked; later only what it came to."""
        if self.opening_chat is None:
            await self.set()
            self.opening_chat = await self.ask(user("Hello."))
        return self.opening_chat

    async def begin(self, *messages: Message) -> None:
        """Tell `messages` but the last, which asks. The answer is left to be read."""
        if not self.told:
            await self.set()
        script = make_script(ChatRequest(self.model, messages), self.current(), self.naming)
        telling = script.telling(self.model, 0)
        for step in telling.steps:
            self.session.write(step.data)
            if step.awaited:
                await self.session.result()
        self.session.write(telling.prompt)
        self.turns += telling.turns

    async def ask(self, *messages: Message) -> Sent:
        """Tell `messages` but the last, ask that, and wait for the end of the turn."""
        before = self.requests
        await self.begin(*messages)
        outputs: list[Output] = []
        while not (outputs and isinstance(outputs[-1], Result)):
            outputs.append(await self.session.next())
        return Sent(self._request(messages[-1], before, outputs), outputs)

    def _request(self, prompt: Message, before: int, outputs: Sequence[Output]) -> Mapping[str, Any]:
        # The CLI may ask the API by itself as well; that is a question of its own.
        sent = list(self.recorder.requests)[before:]
        for request in sent:
            said = [message for message in request.body.get("messages", ()) if message["role"] == "user"]
            if said and any(prompt.text in str(block.get("text", "")) for block in blocks_of(said[-1])):
                return request.body
        raise CheckFailed(f"the prompt {prompt.text!r} did not reach the API{_reason(outputs)}")

    async def take_back(self) -> bool:
        """Take every turn back. True when the CLI says that nothing is left."""
        if not await self.session.rewind(self.turns, empty=True):
            return False
        self.turns.clear()
        return True


def _reason(outputs: Sequence[Output]) -> str:
    """What the CLI said went wrong, as the end of a sentence."""
    return next((f": {text}" for text in _complaints(outputs) if text), "")


def _complaints(outputs: Sequence[Output]) -> Iterator[str]:
    for output in outputs:
        failure = output.failure if isinstance(output, Result) else output
        if isinstance(failure, Failure):
            yield failure.text
