import json
from typing import Any

import pytest

from proxy.backends.claude_cli.codec import (
    ApiEvent,
    ControlAsk,
    ControlReply,
    CorruptLine,
    Failure,
    McpAsk,
    Other,
    Output,
    Refused,
    Result,
    Retry,
    Said,
    TurnBegins,
    decode,
    encode_assistant,
    encode_control,
    encode_mcp,
    encode_refusal,
    encode_user,
)

BLOCKS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
    {"type": "text", "text": "Good day"},
    {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"b": 1, "a": [2]}},
]
START = {"type": "message_start", "message": {"model": "claude-x", "usage": {"input_tokens": 3}}}


def line(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields, "uuid": "u", "session_id": "s"}).encode()


def synthetic(text: str, **fields: Any) -> bytes:
    content = [{"type": "text", "text": text}]
    return line("assistant", message={"model": "<synthetic>", "content": content}, **fields)


def said(*blocks: Any, **fields: Any) -> bytes:
    return line("assistant", message={"model": "claude-x", "content": list(blocks)}, **fields)


# Lines of the CLI, in the order in which a turn meets them


@pytest.mark.parametrize(
    ("read", "output"),
    [
        (line("system", subtype="init", tools=[], model="claude-x"), TurnBegins(frozenset())),
        (line("system", subtype="init", tools=["add", "Bash"]), TurnBegins(frozenset({"add", "Bash"}))),
        (line("system", subtype="status", status="requesting"), Other("system/status")),
        (line("stream_event", event=START, parent_tool_use_id=None), ApiEvent(START)),
        (line("stream_event", event=START), ApiEvent(START)),
        (line("assistant", message={"model": "claude-x", "content": []}), Other("assistant")),
        *((said(block), Said(block)) for block in BLOCKS),
        (line("user", message={"role": "user", "content": "[Request interrupted by user]"}), Other("user")),
        (line("system", subtype="thinking_tokens", tokens=5), Other("system/thinking_tokens")),
        (line("rate_limit_event", rate_limit_info={"status": "allowed"}), Other("rate_limit_event")),
        (line("conversation_reset"), Other("conversation_reset")),
        (line("result", subtype="success", is_error=False, result="Good day"), Result("success")),
        (line("result"), Result("")),
    ],
)
def test_the_lines_of_an_ordinary_turn(read: bytes, output: Output) -> None:
    assert decode(read) == output


@pytest.mark.parametrize(
    ("read", "output"),
    [
        (line("weather", event="sunny"), Other("weather")),
        (line("system", subtype="mood"), Other("system/mood")),
        (line("system"), Other("system/None")),
        (b"{}", Other("None")),
        (b'{"type":7}', Other("7")),
        (b'{"type":["stream_event"]}', Other("['stream_event']")),
        (line("stream_event", event="message_start"), Other("stream_event")),
        (line("stream_event"), Other("stream_event")),
        (line("stream_event", event=START, parent_tool_use_id="toolu_1"), Other("stream_event")),
        (line("assistant"), Other("assistant")),
        (said({"type": "text", "text": "a"}, {"type": "text", "text": "b"}), Other("assistant")),
        (said({"type": "text", "text": "a"}, parent_tool_use_id="toolu_1"), Other("assistant")),
        (said("text"), Other("assistant")),
        (said({}), Said({})),
        (line("system", subtype="init"), TurnBegins(frozenset())),
        (line("system", subtype="init", tools="all"), TurnBegins(frozenset())),
        (line("system", subtype="init", tools=[7]), TurnBegins(frozenset({"7"}))),
        (line("assistant", message={"model": "claude-x", "content": "text"}), Other("assistant")),
        (line("assistant", message="hello"), Other("assistant")),
        (b' \t{"type":"user"} \r', Other("user")),
    ],
)
def test_what_is_unknown_is_never_an_error(read: bytes, output: Output) -> None:
    assert decode(read) == output


@pytest.mark.parametrize(
    ("read", "output"),
    [
        (synthetic("Not logged in", error="authentication_failed"), Failure("Not logged in", "authentication_failed")),
        (
            synthetic(
                "You've hit your limit",
                error="rate_limit",
                api_error_status=429,
                api_error_type="rate_limit_error",
                api_error="usage",
                api_error_params={"rate_limit_info": {"resetsAt": 1_800_000_000}},
            ),
            Failure("You've hit your limit", "rate_limit", 429, "rate_limit_error", "usage", 1_800_000_000),
        ),
        (
            line("assistant", message={"model": "<synthetic>", "stop_reason": "refusal", "content": []}),
            Failure("", refusal=True),
        ),
        (
            line("assistant", message={"model": "<synthetic>", "content": [{"text": "a"}, "?", {"text": "b"}, {}]}),
            Failure("ab"),
        ),
        (
            line("assistant", message={"model": "<synthetic>", "content": "text"}, api_error_status="429"),
            Failure(""),
        ),
        (synthetic("odd", api_error_status=True, api_error_params="?"), Failure("odd")),
        (
            line("result", subtype="success", is_error=True, result="Overloaded", api_error_status=529),
            Result("success", Failure("Overloaded", status=529)),
        ),
        (
            line("result", subtype="error_during_execution", is_error=True, terminal_reason="aborted"),
            Result("error_during_execution", Failure("error_during_execution", cause="aborted")),
        ),
        (
            line("result", subtype="success", is_error=True, api_error="prompt_too_long", terminal_reason="x"),
            Result("success", Failure("success", cause="prompt_too_long")),
        ),
        (
            line("system", subtype="api_retry", retry_delay_ms=1500, error_status=529, error="overloaded"),
            Retry(1.5, 529, "overloaded"),
        ),
        (line("system", subtype="api_retry", retry_delay_ms="soon", error_status=None), Retry(0.0, None, "")),
        (line("system", subtype="model_refusal_no_fallback", api_refusal_explanation="Harm."), Refused("Harm.")),
        (line("system", subtype="model_refusal_no_fallback", api_refusal_explanation=None), Refused("")),
    ],
)
def test_what_went_wrong_is_read_from_its_fields(read: bytes, output: Output) -> None:
    assert decode(read) == output


def control(**response: Any) -> bytes:
    return line("control_response", response=response)


def mcp(message: Any) -> bytes:
    return line(
        "control_request", request_id="7", request={"subtype": "mcp_message", "server_name": "x", "message": message}
    )


@pytest.mark.parametrize(
    ("read", "output"),
    [
        (control(subtype="success", request_id="1", response={"models": []}), ControlReply("1", {"models": []})),
        (control(subtype="success", request_id="1"), ControlReply("1")),
        (control(subtype="success", request_id="1", response="?"), ControlReply("1")),
        (control(subtype="error", request_id="1", error="no"), ControlReply("1", error="no")),
        (control(subtype="error", request_id="1"), ControlReply("1", error="refused")),
        (line("control_request", request_id="7", request={"subtype": "can_use_tool"}), ControlAsk("7", "can_use_tool")),
        (line("control_request", request_id="7"), ControlAsk("7", "None")),
        (mcp({"method": "ping", "id": 3}), McpAsk("7", {"method": "ping", "id": 3})),
        (mcp("ping"), McpAsk("7", {})),
    ],
)
def test_control_messages_go_both_ways(read: bytes, output: Output) -> None:
    assert decode(read) == output


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00"])
def test_half_an_emoji_is_kept_as_it_is(half: str) -> None:
    read = json.dumps({"type": "stream_event", "event": {"type": "x", "text": "aHALF"}}).replace("HALF", half)
    assert decode(read.encode()) == ApiEvent({"type": "x", "text": "a" + json.loads(f'"{half}"')})


def test_broken_utf_8_is_replaced() -> None:
    assert decode(b'{"type":"\xff\xfe"}') == Other("��")


@pytest.mark.parametrize(
    "read",
    [
        b"",
        b"{not json at all",
        b'{"type":"user"',
        b'{"type":"user"}{"type":"user"}',
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda read: repr(read[:20]),
)
def test_a_line_that_is_no_object_is_corrupt(read: bytes) -> None:
    with pytest.raises(CorruptLine) as caught:
        decode(read)
    assert len(str(caught.value)) < 500


# Lines to the CLI

BLANK = '{"type":"text","text":" "}'


def test_a_user_message_ends_in_a_blank_text_that_keeps_commands_and_mentions_from_being_read() -> None:
    written = encode_user("u-1", [{"type": "text", "text": "/cost @/etc/passwd"}], ask=True)
    content = '[{"type":"text","text":"/cost @/etc/passwd"},' + BLANK + "]"
    assert written.decode() == (
        '{"type":"user","uuid":"u-1","message":{"role":"user","content":'
        + content
        + '},"parent_tool_use_id":null,"session_id":"default"}\n'
    )


def test_a_user_message_of_the_history_asks_nothing_and_is_guarded_as_well() -> None:
    written = encode_user("u-1", [], ask=False)
    assert written.decode() == (
        '{"type":"user","uuid":"u-1","message":{"role":"user","content":[' + BLANK + "]},"
        '"parent_tool_use_id":null,"session_id":"default","shouldQuery":false}\n'
    )


def test_a_message_that_asks_says_nothing_of_it() -> None:
    assert b"shouldQuery" not in encode_user("u-1", [], ask=True)


def test_an_earlier_answer_has_an_id_and_no_guard() -> None:
    written = encode_assistant("u-2", "msg_2", "claude-x", [{"type": "text", "text": "Good day"}])
    assert written.decode() == (
        '{"type":"assistant","uuid":"u-2","message":{"id":"msg_2","type":"message","role":"assistant",'
        '"model":"claude-x","content":[{"type":"text","text":"Good day"}]},'
        '"parent_tool_use_id":null,"session_id":"default"}\n'
    )


def test_a_control_request_carries_its_fields() -> None:
    assert encode_control("c-1", "initialize", systemPrompt=["Be kind."]).decode() == (
        '{"type":"control_request","request_id":"c-1","request":{"subtype":"initialize","systemPrompt":["Be kind."]}}\n'
    )


def test_what_the_cli_asks_of_us_is_refused() -> None:
    assert encode_refusal(ControlAsk("7", "can_use_tool")).decode() == (
        '{"type":"control_response",'
        '"response":{"subtype":"error","request_id":"7","error":"can_use_tool is not supported"}}\n'
    )


def test_what_the_cli_asks_of_a_server_that_there_is_not_is_refused_too() -> None:
    refusal = json.loads(encode_refusal(McpAsk("7", {"method": "ping", "id": 3})))
    assert refusal["response"] == {"subtype": "error", "request_id": "7", "error": "mcp_message is not supported"}


@pytest.mark.parametrize(("message", "number"), [({"id": 3}, 3), ({"id": "three"}, "three"), ({}, 0)])
def test_the_answer_to_a_servers_client_has_the_number_of_its_question(message: Any, number: object) -> None:
    answer = json.loads(encode_mcp(McpAsk("7", message), '{"tools":[]}'))
    rpc = {"jsonrpc": "2.0", "id": number, "result": {"tools": []}}
    assert answer == {
        "type": "control_response",
        "response": {"subtype": "success", "request_id": "7", "response": {"mcp_response": rpc}},
    }


@pytest.mark.parametrize("text", ["a\nb", "\u2028\u2029\u0085", "\U0001f600", "\ud83d", "\x00", '"\\'])
def test_any_text_travels_on_one_line_of_ascii(text: str) -> None:
    written = encode_user("u", [{"type": "text", "text": text}], ask=True)
    assert written.isascii()
    assert written.index(b"\n") == len(written) - 1
    assert json.loads(written)["message"]["content"][0]["text"] == text


def test_a_block_tells_its_kind() -> None:
    assert [Said(block).kind for block in BLOCKS] == ["thinking", "text", "tool_use"]
