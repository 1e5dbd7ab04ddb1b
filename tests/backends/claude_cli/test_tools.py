"""A client's tools as a process knows them: their names, their listing, and the server that waits for results."""

import json
import re
from typing import Any

import pytest

from proxy.backends.claude_cli.codec import McpAsk
from proxy.backends.claude_cli.tools import (
    LONGEST_RESULT,
    PREFIX,
    Naming,
    ToolServer,
    arrives_unchanged,
    call_of,
    tool_set,
)
from proxy.core.errors import InvalidRequest
from proxy.core.request import Image, Part, Text, Tool, ToolResult

LIMIT = 200
"""Characters of a description, in these tests."""

PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
PICTURE = Image("image/png", "iVBORw0KGgo=")

# Names


@pytest.mark.parametrize("name", ["add", "Add_2-x", "_", "-", "7", "a" * 64])
def test_a_name_that_the_api_takes_is_kept(name: str) -> None:
    assert Naming().api_name(name) == name


ODD = [
    "a.b",
    "a b",
    "",
    " ",
    "wétter",
    "天気",
    "\ud83d",
    "a\n",
    "a" * 65,
    "a" * 5000,
    "Bash",
    "x/y:z",
    "a_b.",
    "Agent",
    "ToolSearch",
]
NAMINGS = [Naming(reserved=frozenset({"Bash"})), Naming(PREFIX, frozenset({"Bash"})), Naming("p" * 40)]


@pytest.mark.parametrize("naming", NAMINGS, ids=["plain", "prefixed", "a long prefix"])
def test_any_name_becomes_one_that_the_api_takes_and_always_the_same(naming: Naming) -> None:
    names = [naming.api_name(name) for name in ODD]
    assert names == [naming.api_name(name) for name in ODD]
    assert len(set(names)) == len(ODD)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
        assert name.startswith(naming.prefix)
        assert name.removeprefix(naming.prefix) not in naming.reserved


@pytest.mark.parametrize(
    ("name", "readable"),
    [("files.read", "files_read_"), ("read file", "read_file_"), ("wétter", "w_tter_"), ("b" * 65, "b" * 55 + "_")],
)
def test_a_name_that_is_changed_stays_readable(name: str, readable: str) -> None:
    assert re.fullmatch(readable + "[0-9a-f]{8}", Naming().api_name(name))


@pytest.mark.parametrize(("length", "kept"), [(64 - len(PREFIX), True), (65 - len(PREFIX), False)])
def test_a_prefix_takes_its_room_from_the_name(length: int, kept: bool) -> None:
    name = Naming(PREFIX).api_name("c" * length)
    assert (name == PREFIX + "c" * length) is kept
    assert len(name) == 64


# What is listed


def listed(tool: Tool) -> dict[str, Any]:
    made = tool_set((tool,), Naming(), LIMIT)
    assert made is not None
    (only,) = json.loads(made.listing)
    assert isinstance(only, dict)
    return only


def test_no_tools_are_no_set() -> None:
    assert tool_set((), Naming(), LIMIT) is None


def test_tools_are_listed_in_their_order_with_all_that_they_are() -> None:
    made = tool_set((Tool("wéather", "The weather.", PLACE), Tool("add")), Naming(), LIMIT)
    assert made is not None
    first, second = json.loads(made.listing)
    assert first == {
        "name": Naming().api_name("wéather"),
        "description": "The weather.",
        "inputSchema": PLACE,
        "_meta": first["_meta"],
    }
    assert first["_meta"]["anthropic/maxResultSizeChars"] > LONGEST_RESULT
    assert (second["name"], second["description"], second["inputSchema"]) == ("add", "", {})
    assert made.names == ((Naming().api_name("wéather"), "wéather"), ("add", "add"))


def test_the_server_lists_names_without_the_prefix_that_the_cli_adds() -> None:
    made = tool_set((Tool("add"), Tool("a.b")), Naming(PREFIX), LIMIT)
    assert made is not None
    assert [PREFIX + tool["name"] for tool in json.loads(made.listing)] == [name for name, _ in made.names]
    assert [name for _, name in made.names] == ["add", "a.b"]


@pytest.mark.parametrize("tools", [(Tool("add"), Tool("add")), (Tool("a.b"), Tool(Naming().api_name("a.b")))])
def test_tools_that_the_api_cannot_tell_apart_are_refused(tools: tuple[Tool, ...]) -> None:
    with pytest.raises(InvalidRequest, match="too much alike"):
        tool_set(tools, Naming(), LIMIT)


def test_the_same_tools_are_the_same_set_and_any_change_is_another_one() -> None:
    tools = (Tool("add", "Adds.", PLACE), Tool("sub"))
    others = [tools[:1], tools[::-1], (Tool("add", "Adds!", PLACE), Tool("sub")), (Tool("add", "Adds."), Tool("sub"))]
    assert tool_set(tools, Naming(), LIMIT) == tool_set(tools, Naming(), LIMIT)
    assert all(tool_set(other, Naming(), LIMIT) != tool_set(tools, Naming(), LIMIT) for other in others)


# Descriptions

WORDS = " ".join(f"word{number}" for number in range(100))


def test_a_description_that_fits_is_left_alone() -> None:
    tool = listed(Tool("add", WORDS[:LIMIT], PLACE))
    assert (tool["description"], tool["inputSchema"]) == (WORDS[:LIMIT], PLACE)


@pytest.mark.parametrize("words", [WORDS, WORDS[: LIMIT + 1], "x" * (LIMIT + 1), "x" * 5000, " " * 500, "ä\n" * 300])
@pytest.mark.parametrize("own", [None, "A place.", {"not": "a text"}])
def test_of_a_description_that_is_too_long_nothing_is_lost(words: str, own: object) -> None:
    schema = PLACE | ({} if own is None else {"description": own})
    tool = listed(Tool("add", words, schema))
    beginning, _, _ = tool["description"].rpartition(" ... (goes on in the description of the input schema)")
    _, _, rest = tool["inputSchema"]["description"].partition("(the tool's description goes on) ...")
    assert len(tool["description"]) <= LIMIT
    assert beginning + rest == words + ("\n\nA place." if own == "A place." else "")
    assert {**tool["inputSchema"], "description": own} == {**schema, "description": own}


def test_a_description_is_cut_at_a_blank_and_goes_on_before_the_schemas_own() -> None:
    tool = listed(Tool("add", WORDS, PLACE | {"description": "A place."}))
    beginning, _, _ = tool["description"].partition(" ...")
    assert WORDS[len(beginning)] == " "
    assert tool["inputSchema"]["description"].endswith("word99\n\nA place.")


def test_the_clients_own_schema_is_not_changed() -> None:
    schema = dict(PLACE)
    listed(Tool("add", WORDS, schema))
    assert schema == PLACE


# What the CLI would change


@pytest.mark.parametrize(
    ("tool", "changed"),
    [
        (Tool("add", "Adds.", PLACE), False),
        (Tool("add", "Fügt hinzu.", PLACE), False),
        (Tool("a.b", "Adds.", PLACE), False),
        (Tool("add", WORDS), True),
        (Tool("add", "half a \ufb01sh"), True),
        (Tool("add", "u\u0308ber"), True),
        (Tool("add", "a\u200bb"), True),
        (Tool("add", "Adds.", {"type": "object", "description": "\u00b2"}), True),
    ],
)
def test_tools_that_the_cli_would_change_are_told_to_the_api_exactly(tool: Tool, changed: bool) -> None:
    other = Tool("sub", "Subtracts.", PLACE)
    made = tool_set((tool, other), Naming(), LIMIT)
    assert made is not None
    exact = tuple(
        {"name": Naming().api_name(each.name), "description": each.description, "input_schema": each.schema}
        for each in (tool, other)
    )
    assert made.exact == (exact if changed else ())


def test_beside_tools_of_the_clis_own_none_are_told_to_the_api() -> None:
    made = tool_set((Tool("add", WORDS),), Naming(reserved=frozenset({"Bash"})), LIMIT)
    assert made is not None
    assert made.exact == ()


# The server


def server() -> ToolServer:
    made = tool_set((Tool("add", "Adds.", PLACE),), Naming(), LIMIT)
    assert made is not None
    return ToolServer(made)


def ask(method: str, number: int | None = 1, **parameters: Any) -> McpAsk:
    message = {"jsonrpc": "2.0", "method": method, "params": parameters}
    return McpAsk(f"r-{number}", message if number is None else message | {"id": number})


def ask_for(call: str, number: int = 1) -> McpAsk:
    """What the CLI asks when the model has made a call."""
    return ask("tools/call", number, name="add", arguments={}, _meta={"claudecode/toolUseId": call})


def reply(line: bytes | None) -> tuple[str, Any]:
    """The question that a line answers, and the answer."""
    assert line is not None
    response = json.loads(line)["response"]
    if response["subtype"] == "error":
        return response["request_id"], response["error"]
    return response["request_id"], response["response"]["mcp_response"]["result"]


def result(call: str, *texts: str) -> ToolResult:
    return ToolResult(call, tuple(map(Text, texts)))


def content(*texts: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text} for text in texts]}


@pytest.mark.parametrize(("given", "version"), [({"protocolVersion": "2099-01-01"}, "2099-01-01"), ({}, "2025-06-18")])
def test_the_server_introduces_itself_in_the_version_of_its_client(given: dict[str, Any], version: str) -> None:
    _, introduction = reply(server().take(ask("initialize", **given)))
    assert introduction["protocolVersion"] == version
    assert introduction["capabilities"] == {"tools": {}}
    assert introduction["serverInfo"]["name"] == "client"


def test_the_tools_are_listed_once_they_are_asked_for() -> None:
    told = server()
    told.take(ask("initialize"))
    assert not told.listed
    assert reply(told.take(ask("tools/list", 2))) == ("r-2", {"tools": json.loads(told.tools.listing)})
    assert told.listed


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (ask("ping", 3), {}),
        (ask("notifications/initialized", None), {}),
        (ask("notifications/cancelled", None, requestId=1), {}),
        (ask("resources/list", 3), "mcp_message is not supported"),
        (McpAsk("r-3", {}), "mcp_message is not supported"),
        (McpAsk("r-3", {"method": 7}), "mcp_message is not supported"),
    ],
)
def test_everything_else_that_is_asked_has_an_answer(asked: McpAsk, answer: object) -> None:
    assert reply(server().take(asked)) == (asked.request_id, answer)


def test_a_call_waits_until_its_result_comes() -> None:
    told = server()
    assert told.take(ask_for("call_1")) is None
    assert told.waits_for("call_1")
    assert not told.waits_for("call_2")
    assert list(map(reply, told.answer([result("call_1", "5", " \n")]))) == [("r-1", content("5", " \n"))]
    assert not told.waits_for("call_1")


def test_a_result_waits_until_its_call_comes() -> None:
    told = server()
    assert told.answer([result("call_2", "7")]) == []
    assert reply(told.take(ask_for("call_2", 2))) == ("r-2", content("7"))
    assert told.take(ask_for("call_2", 3)) is None, "a result is given once"


def test_calls_that_are_asked_for_one_at_a_time_get_the_results_of_one_request() -> None:
    told = server()
    told.take(ask_for("call_1", 1))
    lines = told.answer([result("call_2", "7"), result("call_1", "5"), result("call_3", "9")])
    assert list(map(reply, lines)) == [("r-1", content("5"))]
    assert reply(told.take(ask_for("call_2", 2))) == ("r-2", content("7"))
    assert reply(told.take(ask_for("call_3", 3))) == ("r-3", content("9"))


def test_calls_that_are_asked_for_at_once_are_answered_at_once() -> None:
    told = server()
    for number in (1, 2):
        told.take(ask_for(f"call_{number}", number))
    lines = told.answer([result("call_2", "7"), result("call_1", "5")])
    assert list(map(reply, lines)) == [("r-1", content("5")), ("r-2", content("7"))]


def test_what_is_forgotten_is_not_answered_any_more() -> None:
    told = server()
    told.take(ask_for("call_1"))
    told.answer([result("call_2", "7")])
    told.forget()
    assert not told.waits_for("call_1")
    assert told.answer([result("call_1", "5")]) == []
    assert told.take(ask_for("call_2", 2)) is None


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ({"params": {"_meta": {"claudecode/toolUseId": "call_1"}}}, "call_1"),
        ({"params": {"_meta": {}}}, ""),
        ({"params": {"_meta": []}}, ""),
        ({"params": []}, ""),
        ({}, ""),
    ],
)
def test_a_question_says_which_call_it_is_for(message: dict[str, Any], call: str) -> None:
    assert call_of(message) == call


# Results that a waiting process passes on as they are


@pytest.mark.parametrize(
    ("parts", "error", "unchanged"),
    [
        ((Text("5"),), False, True),
        ((Text("5"), Text(" 6\n")), False, True),
        ((Text("x" * LONGEST_RESULT),), False, True),
        ((Text("x" * LONGEST_RESULT), Text("y")), False, False),
        ((Text("😀" * (LONGEST_RESULT // 2)),), False, True),
        ((Text("😀" * (LONGEST_RESULT // 2 + 1)),), False, False),
        ((Text("\ufeff"),), False, False),
        ((Text("\ufeffx"),), False, True),
        ((Text("5"),), True, False),
        ((), False, False),
        ((Text(""),), False, False),
        ((Text("5"), Text(" \n")), False, False),
        ((PICTURE,), False, False),
        ((Text("5"), PICTURE), False, False),
    ],
)
def test_words_arrive_as_they_are_and_nothing_else_is_trusted_to(
    parts: tuple[Part, ...], error: bool, unchanged: bool
) -> None:
    assert arrives_unchanged(ToolResult("call_1", parts, error)) is unchanged  # type: ignore[arg-type]
