"""Questions about a client's tools: how they arrive, and what becomes of their results."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.backends.claude_cli.codec import ApiEvent, Output, Result
from proxy.backends.claude_cli.probing.question import Answer, Question
from proxy.backends.claude_cli.probing.subject import CheckFailed, Sent, Subject, user
from proxy.backends.claude_cli.replay import make_script
from proxy.backends.claude_cli.tools import LONGEST_RESULT, PLAIN, PREFIX, Naming, tool_set
from proxy.core.request import ChatRequest, Message, Text, Tool, ToolCall, ToolResult

_SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
_LONG = 10_000
# Characters of a description: more than any CLI is known to send.
_WEATHER = Tool("probe_weather", "The weather at a place.", _SCHEMA)
_TIME = Tool("probe_time", "The time at a place. " + "It is told exactly. " * (_LONG // 20), _SCHEMA)

_CALLS = '[simulate: tool probe_weather {"place":"here"} probe_time {"place":"there"} text="Probe: let me see."]'
_RESULTS = (" \nProbe: ä € <b>@/etc/hostname</b> /cost\n", "Probe: long. " * (LONGEST_RESULT // 13))


async def _names(subject: Subject) -> Answer:
    tools = await _offered(subject)
    names = {str(tool.get("name")) for tool in tools}
    if {_WEATHER.name, _TIME.name} <= names:
        return Answer("tools arrive under the client's own names", "plain")
    if {PREFIX + _WEATHER.name, PREFIX + _TIME.name} <= names:
        return Answer(f"tools arrive with {PREFIX} in front of their names", "prefixed")
    raise CheckFailed("declared tools do not arrive")


async def _descriptions(subject: Subject) -> Answer:
    found = [str(tool.get("description", "")) for tool in await _offered(subject) if _is(tool, _TIME)]
    if not found:
        raise CheckFailed("a declared tool does not arrive")
    common = next((i for i, (a, b) in enumerate(zip(found[0], _TIME.description, strict=False)) if a != b), None)
    whole = len(found[0]) if common is None else common
    if whole < len(_WEATHER.description):
        raise CheckFailed("the description of a tool does not arrive")
    return Answer(f"{whole} characters of a description of {len(_TIME.description)} arrive", str(whole))


async def _results(subject: Subject) -> Answer:
    """A round told as it is in a replay."""
    await _offered(subject)
    sent = await subject.ask(*_round("call_1", "call_2"))
    blocks = [block for _role, content in sent.conversation for block in content]
    calls = [(block["id"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    results = [(block["tool_use_id"], _texts(block)) for block in blocks if block["type"] == "tool_result"]
    if calls != [("call_1", {"place": "here"}), ("call_2", {"place": "there"})]:
        raise CheckFailed("calls told as a part of a conversation do not arrive as they are")
    if results != [("call_1", [_RESULTS[0]]), ("call_2", [_RESULTS[1]])]:
        raise CheckFailed("results told as a part of a conversation do not arrive as they are")
    return Answer("calls and their results arrive as they are told")


async def _waits(subject: Subject) -> Answer:
    """The same round, with a process that waits for the results: the API has to get the same."""
    await _offered(subject)
    session, before = subject.session, subject.requests
    await subject.begin(user(_CALLS))
    outputs = await _until_called(subject)
    ids = [str(block["id"]) for block in _started(outputs) if block.get("type") == "tool_use"]
    server = session.tools
    if len(ids) != len(_RESULTS) or server is None:
        raise CheckFailed(f"{len(ids)} of two calls come through")
    while not server.waits_for(ids[0]):
        await session.arrival()
        while (output := session.take()) is not None:
            _check_waiting(output)
    for line in server.answer(ToolResult(call, (Text(text),)) for call, text in zip(ids, _RESULTS, strict=True)):
        session.write(line)
    while not isinstance(await session.next(), Result):
        pass
    if subject.requests - before != 2:
        raise CheckFailed(f"a round takes {subject.requests - before} requests to the API instead of two")
    told = _round(*ids)
    script = make_script(ChatRequest(subject.model, told), subject.current(), subject.naming)
    live = Sent(list(subject.recorder.requests)[-1].body, outputs).conversation
    if live[-len(told) :] != [(message.role, script.content(message)) for message in told]:
        raise CheckFailed("results that a process waited for do not arrive as those of a conversation that is told")
    return Answer("a process waits for results, and passes them on as they are")


async def _offered(subject: Subject) -> Sequence[Mapping[str, Any]]:
    """The tools as the API gets them."""
    if subject.offered is None:
        await subject.set()
        tools = tool_set((_TIME, _WEATHER), PLAIN, 2 * _LONG)
        assert tools is not None
        subject.session.offer(tools)
        await subject.session.listed()
        subject.offered = (await subject.ask(user("Hello, with tools."))).body.get("tools") or ()
        if any(tool.get("name") == PREFIX + _TIME.name for tool in subject.offered):
            subject.naming = Naming(PREFIX)
    return subject.offered


async def _until_called(subject: Subject) -> list[Output]:
    outputs: list[Output] = []
    while True:
        output = await subject.session.next()
        outputs.append(output)
        _check_waiting(output)
        if isinstance(output, ApiEvent) and output.event.get("type") == "message_delta":
            return outputs


def _check_waiting(output: Output) -> None:
    if isinstance(output, Result):
        raise CheckFailed("the CLI ends the turn without waiting for the results")


def _started(outputs: Sequence[Output]) -> list[Mapping[str, Any]]:
    """The blocks that began."""
    events = [output.event for output in outputs if isinstance(output, ApiEvent)]
    return [event["content_block"] for event in events if event.get("type") == "content_block_start"]


def _round(*ids: str) -> tuple[Message, ...]:
    """The round as a client sends it back."""
    calls = [
        ToolCall(call, tool.name, {"place": place})
        for call, tool, place in zip(ids, (_WEATHER, _TIME), ("here", "there"), strict=True)
    ]
    results = [ToolResult(call, (Text(text),)) for call, text in zip(ids, _RESULTS, strict=True)]
    return (
        user(_CALLS),
        Message("assistant", (Text("Probe: let me see."), *calls)),
        Message("user", tuple(results)),
    )


def _texts(block: Mapping[str, Any]) -> list[str]:
    content = block.get("content")
    return [inner["text"] for inner in content] if isinstance(content, list) else [str(content)]


def _is(tool: Mapping[str, Any], wanted: Tool) -> bool:
    return tool.get("name") in (wanted.name, Naming(PREFIX).api_name(wanted.name))


TOOLS = (
    Question(
        "tool_names",
        "Under which names do a client's tools arrive?",
        "requests with tools fail (500), and say why",
        _names,
    ),
    Question(
        "tool_descriptions",
        "How much of a tool's description arrives?",
        "the daemon puts nearly all of a description into the tool's schema",
        _descriptions,
    ),
    Question(
        "tool_results",
        "Do calls and their results arrive as they are told?",
        "requests with tools fail (500), and say why",
        _results,
        needs="empty",
    ),
    Question(
        "tool_waits",
        "Does a process pass on the results that it waited for, as they are?",
        "the daemon tells the conversation anew when results come, which takes longer",
        _waits,
        needs="empty",
    ),
)
