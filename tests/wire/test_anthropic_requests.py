"""Bodies of /v1/messages and its count_tokens."""

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.request import ChatRequest, JsonFormat, Message, Options, Text, Think, Tool, ToolChoice
from proxy.wire.anthropic import SPELLINGS, AnthropicMessages, error_body, parse_count_tokens, parse_messages

HELLO = [{"role": "user", "content": "hello"}]
BODY = {"model": "sonnet", "max_tokens": 100, "messages": HELLO}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "weather", "description": "How it is.", "input_schema": SCHEMA}
TOOL = Tool("weather", "How it is.", SCHEMA)
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
GO_FIELD = "json: cannot unmarshal {} into Go struct field "


def asked(**fields: Any) -> AnthropicMessages:
    return parse_messages(json.dumps(BODY | fields).encode())


def refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(ServerError) as caught:
        parse_messages(body)
    return caught.value.status, caught.value.message


def refused(**fields: Any) -> tuple[int, str]:
    return refusal(json.dumps(BODY | fields).encode())


def test_one_line_does_not_stream_by_default() -> None:
    request = ChatRequest("sonnet", (Message("user", (Text("hello"),)),), options=Options(max_tokens=100))
    assert asked() == AnthropicMessages(request, stream=False, unsupported=())
    assert asked(stream=True).stream
    assert asked(model="SonneT:latest").model == "SonneT:latest"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"temperature": 0.5, "top_p": 1, "top_k": 5}, Options(0.5, 1.0, 5, (), 100)),
        ({"stop_sequences": ["END", "", "\n\n"]}, Options(stop=("END", "\n\n"), max_tokens=100)),
        ({"stop_sequences": None, "temperature": None, "top_k": 0, "max_tokens": 2**62}, Options(max_tokens=2**62)),
    ],
)
def test_options_are_taken_as_they_are(fields: dict[str, Any], options: Options) -> None:
    assert asked(**fields).request.options == options


@pytest.mark.parametrize(
    ("fields", "think", "budget"),
    [
        ({}, None, None),
        ({"thinking": None, "output_config": None}, None, None),
        ({"thinking": {}}, None, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, True, 2048),
        ({"thinking": {"type": "enabled"}}, True, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 4000}, "output_config": {"effort": "low"}}, "low", 4000),
        ({"thinking": {"type": "disabled"}}, False, None),
        ({"thinking": {"type": "disabled", "budget_tokens": 9}, "output_config": {"effort": "high"}}, False, None),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, True, None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max", None),
        *(({"output_config": {"effort": effort}}, effort, None) for effort in ("low", "medium", "high", "xhigh")),
    ],
)
def test_how_much_to_think(fields: dict[str, Any], think: Think | None, budget: int | None) -> None:
    request = asked(**fields).request
    assert (request.think, request.think_budget) == (think, budget)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, JsonFormat(SCHEMA)),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, JsonFormat(SCHEMA)),
        ({"output_config": {"format": None}, "output_format": None}, None),
    ],
)
def test_a_format_has_a_schema(fields: dict[str, Any], wanted: JsonFormat | None) -> None:
    assert asked(**fields).request.format == wanted


@pytest.mark.parametrize(
    ("tools", "read"),
    [
        (None, ()),
        ([WEATHER, WEATHER | {"type": "custom", "name": "b", "cache_control": {}}], (TOOL, replace(TOOL, name="b"))),
        ([{"name": "now"}, {"type": None, "name": "x", "input_schema": None}], (Tool("now"), Tool("x"))),
    ],
)
def test_tools_are_the_clients_own(tools: object, read: tuple[Tool, ...]) -> None:
    assert asked(tools=tools).request.tools == read


@pytest.mark.parametrize(
    ("sent", "choice"),
    [
        (None, ToolChoice()),
        ({"type": "auto"}, ToolChoice()),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False)),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice("required")),
        ({"type": "tool", "name": "weather"}, ToolChoice("named", "weather")),
        ({"type": "none"}, ToolChoice("none")),
    ],
)
def test_the_choice_among_the_tools(sent: object, choice: ToolChoice) -> None:
    assert asked(tools=[WEATHER], tool_choice=sent).request.tool_choice == choice


def test_what_means_nothing_here_is_taken_in_silence() -> None:
    request = asked(
        metadata={"user_id": "u"},
        service_tier="auto",
        context_management={"edits": []},
        betas=["x"],
        container="c",
        cache_control={"type": "ephemeral"},
        mcp_servers=[],
    )
    assert request == asked()


def test_servers_that_the_api_would_ask_are_named() -> None:
    content = [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}]
    assert asked(
        mcp_servers=[{"type": "url", "url": "https://x"}], messages=[{"role": "assistant", "content": content}, *HELLO]
    ).unsupported == ("content.server_tool_use", "mcp_servers")


def test_tools_that_the_api_runs_or_defines_are_left_out_and_named() -> None:
    editor = {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}
    toolset = {"type": "mcp_toolset", "mcp_server_name": "x"}
    read = asked(tools=[SEARCH, WEATHER, editor, toolset, SEARCH, {"type": "function"}])
    assert read.request.tools == (TOOL,)
    assert read.unsupported == ("tools.web_search", "tools.text_editor", "tools.mcp_toolset", "tools.other")


def test_what_is_asked_for_in_vain_of_tools_and_documents_is_named() -> None:
    pieces = {"type": "text", "media_type": "text/plain", "data": "words"}
    document = {"type": "document", "source": pieces, "title": "t", "context": "c", "citations": {"enabled": True}}
    plain = {"type": "document", "source": pieces, "citations": {"enabled": False}}
    assert asked(
        messages=[{"role": "user", "content": [plain, document]}],
        tools=[WEATHER | {"strict": True, "defer_loading": True, "input_examples": [{}]}],
    ).unsupported == (
        *(f"content.document.{name}" for name in ("title", "context", "citations")),
        *(f"tools.{name}" for name in ("strict", "input_examples")),
    )


@pytest.mark.parametrize(("display", "hidden"), [("omitted", True), ("summarized", False), (None, False)])
def test_thoughts_may_be_unwanted(display: str | None, hidden: bool) -> None:
    assert asked(thinking={"type": "adaptive", "display": display}).request.think_hidden is hidden


def test_a_thread_is_refused_so_that_the_library_sends_everything() -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(thread={"type": "continue", "previous_message_id": "msg_1"})
    assert json.loads(error_body(caught.value))["error"] == {
        "type": "invalid_request_error",
        "message": "thread is not supported: nothing is stored here, send the whole conversation",
        "details": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
    }
    assert asked(thread=None).unsupported == ()


ORDER: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": "x"}, f"{GO_FIELD.format('string')}MessagesRequest.max_tokens of type int"),
    ({"model": ""}, "model is required"),
    ({"max_tokens": None}, "max_tokens is required and must be positive"),
    ({"messages": []}, "messages is required"),
    ({"system": [{"type": "image"}]}, "system takes text blocks only"),
    (
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]},
        "tool_use block missing required 'id' field",
    ),
    ({"tools": [{"type": "custom"}]}, "tools[0] has no name"),
    ({"tool_choice": {"type": "required"}}, 'invalid tool_choice type "required": expected "auto", "any", "tool" or'),
    ({"output_config": {"effort": "ultra"}}, 'invalid output_config.effort "ultra": expected "low", "medium", "high"'),
    ({"output_format": {"type": "grammar"}}, 'invalid output_config.format type "grammar": expected "json_schema"'),
    ({"stop_sequences": ["x"] * 101}, "too many stop strings"),
    ({"model": "//"}, "invalid model name"),
]


@pytest.mark.parametrize("at", range(len(ORDER)))
def test_faults_come_in_order(at: int) -> None:
    fields: dict[str, Any] = {}
    for wrong, _ in reversed(ORDER[at:]):
        fields |= wrong
    status, text = refused(**fields)
    assert status == 400
    assert text.startswith(ORDER[at][1])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_tokens": 0}, "max_tokens is required and must be positive"),
        ({"max_tokens": -1}, "max_tokens is required and must be positive"),
        ({"messages": None}, "messages is required"),
        ({"messages": ["x"]}, f"{GO_FIELD.format('string')}MessagesRequest.messages of type anthropic.MessageParam"),
        ({"system": 1}, f"{GO_FIELD.format('number')}MessagesRequest.system of type []anthropic.ContentBlock"),
        ({"tools": [{"name": ""}]}, "tools[0] has no name"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}, {}]}, "tools[1] has no name"),
        (
            {"tools": [{"name": "x", "input_schema": "y"}]},
            'invalid input_schema for tool "x": json: cannot unmarshal string into Go value of type '
            "api.ToolFunctionParameters",
        ),
        (
            {"tool_choice": "auto"},
            f"{GO_FIELD.format('string')}MessagesRequest.tool_choice of type anthropic.ToolChoice",
        ),
        ({"tool_choice": {"name": "x"}}, 'invalid tool_choice type "": expected "auto", "any", "tool" or "none"'),
        ({"tool_choice": {"type": "any"}}, 'tool_choice "any" needs tools'),
        ({"tool_choice": {"type": "tool", "name": "x"}}, 'tool_choice names "x", which is not among the tools'),
        (
            {"tools": [SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}},
            'tool_choice names "web_search", which is not among the tools',
        ),
        ({"tools": [SEARCH], "tool_choice": {"type": "any"}}, 'tool_choice "any" needs tools'),
        ({"tool_choice": {"type": "tool"}}, 'tool_choice names "", which is not among the tools'),
        ({"output_format": {"type": "json_schema"}}, "output_config.format: json_schema needs a schema object"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], text: str) -> None:
    assert refused(**fields) == (400, text)


@pytest.mark.parametrize(("body", "text"), [(b"", "EOF"), (b"null", "model is required")])
def test_a_body_without_a_request_is_refused(body: bytes, text: str) -> None:
    assert refusal(body) == (400, text)


def test_an_unknown_model_is_the_last_fault() -> None:
    def exists(name: str) -> None:
        raise ModelNotFound(f"model '{name}' not found")

    with pytest.raises(ModelNotFound, match="model 'sonnet' not found"):
        parse_messages(json.dumps(BODY).encode(), exists)
    with pytest.raises(InvalidRequest, match="messages is required"):
        parse_messages(json.dumps(BODY | {"messages": []}).encode(), exists)


def test_counting_needs_no_bound_and_is_otherwise_the_same() -> None:
    body = {"model": "sonnet", "messages": HELLO, "system": "Be brief.", "tools": [WEATHER]}
    counted = parse_count_tokens(json.dumps(body).encode())
    assert counted.request == ChatRequest(
        "sonnet",
        (Message("system", (Text("Be brief."),)), Message("user", (Text("hello"),))),
        tools=(TOOL,),
    )
    with pytest.raises(InvalidRequest, match="messages is required"):
        parse_count_tokens(b'{"model":"sonnet"}')


def test_the_spellings_name_fields_of_a_body() -> None:
    assert set(SPELLINGS) == {"temperature", "top_p", "top_k", "stop", "max_tokens", "think", "format"}
    fields: dict[str, Any] = {SPELLINGS[name]: 2 for name in ("temperature", "top_p", "top_k", "max_tokens")}
    fields |= {SPELLINGS["stop"]: ["x"], SPELLINGS["think"]: {"type": "adaptive"}}
    outer, _, inner = SPELLINGS["format"].partition(".")
    request = asked(**fields, **{outer: {inner: {"type": "json_schema", "schema": {}}}}).request
    assert (request.options, request.think, request.format) == (Options(2, 2, 2, ("x",), 2), True, JsonFormat({}))
