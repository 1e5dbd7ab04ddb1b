"""The conversation with one process: lines out and in, control requests and their answers."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from proxy.backends.claude_cli.codec import (
    ApiEvent,
    ControlAsk,
    ControlReply,
    CorruptLine,
    JsonObject,
    McpAsk,
    Output,
    Result,
    decode,
    encode_control,
    encode_refusal,
)
from proxy.backends.claude_cli.costs import Meter
from proxy.backends.claude_cli.process import CliProcess
from proxy.backends.claude_cli.tools import SERVER, ToolServer, ToolSet
from proxy.core.errors import BackendFailed, ServerError

REWINDABLE = 50
"""User messages that can be taken back: to boot a process anew costs less than to take back more, one by one."""

_UNKNOWN = object()

OnReply = Callable[[Mapping[str, Any]], None]


class Session:
    """Speaks with `process`. One reader at a time: a turn, or whoever prepares or settles one.

    `tools` is the server of the client's tools, once it was offered any. `calls` are the ids of the calls whose
    results the process waits for, in order. `warmed` names a model of the CLI's, once the process was told ahead what
    can be. The `meter` has read every `Result` that was taken.
    """

    def __init__(self, process: CliProcess) -> None:
        self.process = process
        self._expected: dict[str, tuple[str, OnReply | None]] = {}
        self._lines: deque[bytes] = deque()  # they came after the outputs
        self._outputs: deque[Output] = deque()
        self._fault: ServerError | None = None
        self.tools: ToolServer | None = None
        self.calls: tuple[str, ...] = ()
        self.warmed = ""
        self._settings: JsonObject | None = None
        self.meter = Meter()

    def write(self, data: bytes) -> None:
        """Send lines. Raises `BackendFailed` when the process is gone."""
        self.process.write(data)

    def ask(self, subtype: str, on_reply: OnReply | None = None, **fields: object) -> None:
        """Send a control request and go on; reading will meet its answer. A refusal raises `BackendFailed` there."""
        request_id = uuid4().hex
        self._expected[request_id] = (subtype, on_reply)
        self.write(encode_control(request_id, subtype, **fields))

    def set(self, settings: JsonObject) -> None:
        """Apply the settings of a turn, unless they are those of the last one: that takes the process some time."""
        if settings != self._settings:
            self._settings = settings
            self.ask("apply_flag_settings", settings=settings)

    def forget_settings(self) -> None:
        """Have the next `set` apply its settings whatever they are: something else has changed them."""
        self._settings = None

    async def call(self, subtype: str, **fields: object) -> Mapping[str, Any]:
        """Send a control request and wait for its answer; what else arrives meanwhile stays to be read."""
        answer: list[Mapping[str, Any]] = []
        self.ask(subtype, answer.append, **fields)
        while not answer:
            await self._fill()
        return answer[0]

    def offer(self, tools: ToolSet) -> None:
        """Make `tools` the process's, for good; `listed` waits until it knows them."""
        self.tools = ToolServer(tools)
        self.ask("mcp_set_servers", servers={SERVER: {"type": "sdk", "name": SERVER}})

    async def answered(self) -> None:
        """Wait until every control request has its answer."""
        while self._expected:
            await self._fill()

    async def listed(self) -> None:
        """Wait until the process has been told the tools that it was offered, if any."""
        while self.tools is not None and not self.tools.listed:
            await self._fill()

    async def called(self, call_id: str) -> None:
        """Wait until the process waits for the result of a call."""
        while self.tools is not None and not self.tools.waits_for(call_id):
            await self._fill()

    async def quiet(self) -> bool:
        """Whether nothing has come of a turn that nobody asked for; the rest is forgotten. Raises `ServerError`."""
        while self._lines or self.process.ready:
            await self._fill()
        if self._fault is not None:
            raise self._fault
        quiet = not any(isinstance(output, ApiEvent | Result) for output in self._outputs)
        self._outputs.clear()
        return quiet

    @property
    def ready(self) -> bool:
        """Something has arrived: `arrival` returns without waiting."""
        return bool(self._outputs or self._lines or self._fault) or self.process.ready

    async def arrival(self) -> None:
        """Wait until something has arrived, for `take`. Raises `BackendFailed`, once no more will."""
        if not (self._outputs or self._lines or self._fault):
            self._lines.extend(await self.process.receive())

    def take(self) -> Output | None:
        """The next output that has arrived, None for none. Raises `ServerError` from where it cannot be read on.

        A line is read when its output is taken: what a long answer has brought at once is then never in memory as
        objects, which would take a third longer.
        """
        if self._outputs:
            return self._outputs.popleft()
        if self._fault is not None:
            raise self._fault
        lines = self._lines
        while lines:
            output = self._read(lines.popleft())
            if output is not None:
                return output
        return None

    async def next(self) -> Output:
        """The next output. Raises `BackendFailed`."""
        while (output := self.take()) is None:
            await self.arrival()
        return output

    async def result(self) -> Result:
        """Skip everything up to the end of the CLI's turn, and return that."""
        while not isinstance(output := await self.next(), Result):
            pass
        return output

    async def interrupt(self) -> Mapping[str, Any]:
        """End the turn that is under way; its `Result` is yet to come, unless it had not begun (``cancelled``)."""
        # Without cancel_queued the CLI may put a prompt that has hardly begun back, and run it again later.
        reply = await self.call("interrupt", cancel_queued=True)
        if self.tools is not None:
            self.tools.forget()
        return reply

    async def rewind(self, turns: Sequence[str], *, empty: bool) -> bool:
        """Take user messages back by their uuids, the last one first; `empty`: nothing may be left before them.

        True when that is how it provably is. Raises `BackendFailed`.
        """
        if not turns:
            return True
        if len(turns) > REWINDABLE:
            return False
        before: object = None
        for turn in reversed(turns):
            reply = await self.call("rewind_conversation", target_message_uuid=turn)
            if reply.get("rewound") is not True:
                return False
            before = reply.get("precedingAssistantUuid", _UNKNOWN)
        return before is None if empty else before not in (None, _UNKNOWN)

    async def _fill(self) -> None:
        """Read what has arrived, or arrives next; outputs stay to be taken. Raises as `take`, when there are none."""
        if self._fault is not None:
            raise self._fault
        if not self._lines:
            self._lines.extend(await self.process.receive())
        while self._lines:
            try:
                output = self._read(self._lines.popleft())
            except ServerError:
                if not self._outputs:
                    raise
                return
            if output is not None:
                self._outputs.append(output)

    def _read(self, line: bytes) -> Output | None:
        """The output of a line; None for control traffic, which is dealt with here. Raises `ServerError`, for good."""
        try:
            output = decode(line)
            return output if type(output) is ApiEvent else self._sorted(output)
        except CorruptLine as error:
            self._fault = BackendFailed(str(error), should_retry=False)
        except ServerError as error:
            self._fault = error
        # What came before a fault counts, what follows it does not.
        self._lines.clear()
        raise self._fault

    def _sorted(self, output: Output) -> Output | None:
        if isinstance(output, ControlReply):
            self._answered(output)
        elif isinstance(output, McpAsk):
            answer = encode_refusal(output) if self.tools is None else self.tools.take(output)
            if answer is not None:
                self.write(answer)
        elif isinstance(output, ControlAsk):
            self.write(encode_refusal(output))
        else:
            if isinstance(output, Result):
                self.meter.read(output.cost)
            return output
        return None

    def _answered(self, reply: ControlReply) -> None:
        subtype, on_reply = self._expected.pop(reply.request_id, ("", None))
        if not subtype:
            return
        if reply.error is not None:
            raise BackendFailed(f"the Claude CLI refused {subtype}: {reply.error}", should_retry=False)
        if on_reply is not None:
            on_reply(reply.payload)
