"""/v1/messages as Anthropic's official client asks it, over the real CLI."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message

from proxy.simulator.stream import signature
from tests.live.test_official_clients import TEXT
from tests.live.test_windows_and_files import PDF
from tests.support.chatting import png, process_of, unload, user
from tests.support.running import WAIT, Running, running_daemon
from tests.support.tools import CITY, results, waiting, whole

OLDER = "claude-sonnet-4-5:latest"
# With its tag, for the client warns of the bare name.
UNTHINKING = '[[models]]\nname = "plain"\ncli_model = "claude-opus-4-1-20250805"\n'
TOOLS = [{"name": name, "description": f"{name}.", "input_schema": CITY} for name in ("get_time", "get_weather")]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(20, 10)}}
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@contextmanager
def client_of(running: Running) -> Iterator[Any]:
    plain = httpx2.Client(trust_env=False, verify=False, timeout=WAIT)
    with anthropic.Anthropic(base_url=running.url, api_key="none", max_retries=0, http_client=plain) as client:
        yield client


def ask(running: Running, said: Any, *, stream: bool = False, **fields: Any) -> Message:
    """Ask the messages `said`, or one of a user's; the whole answer, when the daemon is at rest again."""
    messages = said if type(said) is list else [user(said)]
    asked = {"model": "sonnet", "max_tokens": 1000, "messages": messages, **fields}
    with client_of(running) as client:
        if stream:
            with client.messages.stream(**asked) as streaming:
                answer: Message = streaming.get_final_message()
        else:
            answer = client.messages.create(**asked)
    running.until_idle()
    return answer


def text_of(answer: Message) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def calls_of(answer: Message) -> list[tuple[str, dict[str, Any]]]:
    return [(block.name, dict(block.input)) for block in answer.content if block.type == "tool_use"]


def with_results(asked: str, answer: Message, **result: Any) -> list[dict[str, Any]]:
    """The conversation so far, with the same `result` for each of the calls."""
    given = [
        {"type": "tool_result", "tool_use_id": block.id, **result}
        for block in answer.content
        if block.type == "tool_use"
    ]
    return [
        user(asked),
        {"role": "assistant", "content": [block.to_dict() for block in answer.content]},
        {"role": "user", "content": given},
    ]


@pytest.fixture
def live(emptied: Running) -> Running:
    return emptied


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon whose CLI does not try failed requests again, and that has a model without thinking."""
    folder = tmp_path_factory.mktemp("hasty")
    (folder / "config.toml").write_text(UNTHINKING)
    settings = {"cli_retries": "0", "spares": "2", "config": str(folder / "config.toml")}
    with running_daemon(folder, settings=settings) as running:
        yield running


@BOTH_WAYS
def test_text_arrives_byte_for_byte(live: Running, stream: bool) -> None:
    answer = ask(live, f"echo: {TEXT}", stream=stream)
    assert (text_of(answer), answer.model, answer.stop_reason) == (TEXT, "sonnet", "end_turn")
    assert answer.usage.output_tokens > 0


def test_the_system_prompt_may_come_in_blocks(live: Running) -> None:
    system = [{"type": "text", "text": "You are Mint."}, {"type": "text", "text": " Brief.", "cache_control": None}]
    assert "You are Mint. Brief." in text_of(ask(live, "what is your system prompt?", system=system))


def test_pictures_and_documents_arrive_as_they_are(live: Running) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    document = {"type": "document", "title": "a.pdf", "source": source}
    ask(live, [{"role": "user", "content": [PICTURE, document, {"type": "text", "text": "What is it?"}]}])
    shown, read, _ = results(live.last())
    assert shown == PICTURE
    assert (read["title"], read["source"]) == ("a.pdf", source)


@pytest.mark.line_by_line
@BOTH_WAYS
def test_a_round_of_two_calls_goes_on_in_one_process(live: Running, stream: bool) -> None:
    asked = f"{stream}: call get_time and get_weather in Paris"
    answer = ask(live, asked, stream=stream, tools=TOOLS)
    assert calls_of(answer) == [("get_time", {"city": "Paris"}), ("get_weather", {"city": "Paris"})]
    assert answer.stop_reason == "tool_use"
    assert waiting(live) == 1
    process = process_of(live.last())
    assert "noon" in text_of(ask(live, with_results(asked, answer, content="noon"), stream=stream, tools=TOOLS))
    assert process_of(live.last()) == process
    assert waiting(live) == 0


RESULTS: dict[str, dict[str, Any]] = {
    "an error": {"content": "no such city", "is_error": True},
    "a picture": {"content": [{"type": "text", "text": "seen"}, PICTURE]},
}


@pytest.mark.parametrize("kind", RESULTS)
def test_results_arrive_as_they_were_sent(live: Running, kind: str) -> None:
    asked = f"{kind}: call get_time and get_weather in Paris"
    messages = with_results(asked, ask(live, asked, tools=TOOLS), **RESULTS[kind])
    ask(live, messages, tools=TOOLS)
    first = live.last()
    assert results(first) == [{"type": "tool_result", **RESULTS[kind]}] * 2
    unload(live)
    ask(live, messages, tools=TOOLS)
    assert whole(live.last()) == whole(first)


def test_thoughts_travel_both_ways_live_replayed_and_after_a_restart(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"model": "opus", "tools": TOOLS, "thinking": {"type": "adaptive"}}
    asked = "think and call get_time and get_weather in Paris"
    with running_daemon(tmp_path / "first") as running:
        answer = ask(running, asked, stream=True, **fields)
        thought = answer.content[0]
        assert thought.type == "thinking"
        assert thought.thinking
        assert thought.signature
        messages = with_results(asked, answer, content="noon")
        ask(running, messages, **fields)
        first, second = (request.body for request in running.sent())
        assert process_of(first) == process_of(second)
        assert whole(second)[-2]["content"][0] == thought.to_dict()
        unload(running, "opus")
        ask(running, messages, **fields)
        assert len(running.sent()) == 3
        assert whole(running.last()) == whole(second)
    with running_daemon(tmp_path / "second") as running:
        running.run(running.daemon.discovered.wait())
        assert ask(running, messages, stream=True, **fields).content[0].type == "thinking"
        assert whole(running.last()) == whole(second)


@pytest.mark.filterwarnings("ignore:The model 'claude-sonnet-4-5' is deprecated")
def test_thoughts_of_an_unknown_round_let_an_older_model_go_on_thinking(live: Running) -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    fields: dict[str, Any] = {"model": "claude-sonnet-4-5", "tools": TOOLS, "max_tokens": 9000, "thinking": thinking}
    thought = {"type": "thinking", "thinking": "Let me see.", "signature": signature("Let me see.")}
    call = {"type": "tool_use", "id": "toolu_elsewhere", "name": "get_time", "input": {"city": "Paris"}}
    said = {"role": "assistant", "content": [thought, call]}
    given = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_elsewhere", "content": "noon"}]}
    ask(live, [user("what time is it?"), said, given], **fields)
    assert live.last()["thinking"] == thinking
    assert thought in [block for message in whole(live.last()) for block in message["content"]]


@BOTH_WAYS
@pytest.mark.parametrize("fields", [{}, {"thinking": {"type": "adaptive", "display": "omitted"}}])
def test_thoughts_that_nobody_asked_to_see_have_their_signatures_alone(
    live: Running, stream: bool, fields: dict[str, Any]
) -> None:
    asked = 'unseen [simulate: tool get_time {} think=3 text="hm"]'
    answer = ask(live, asked, stream=stream, tools=TOOLS, **fields)
    thought, *others = answer.content
    assert thought.type == "thinking"
    assert (thought.thinking, bool(thought.signature)) == ("", True)
    assert [block.type for block in others] == ["text", "tool_use"]
    assert live.last()["thinking"]["display"] == "omitted"
    unload(live)
    ask(live, with_results(asked, answer, content="noon"), tools=TOOLS, **fields)
    assert whole(live.last())[-2]["content"][0] == thought.to_dict()


def test_the_library_s_tool_runner_sends_the_whole_conversation(live: Running) -> None:
    @anthropic.beta_tool
    def get_time(city: str) -> str:
        """The time in a city."""
        return f"noon in {city}"

    with client_of(live) as client:
        runner = client.beta.messages.tool_runner(
            model="sonnet", max_tokens=500, tools=[get_time], messages=[user("call get_time in Paris")]
        )
        last = runner.until_done()
    assert "noon in Paris" in text_of(last)
    said = whole(live.last())
    assert [message["role"] for message in said if message["role"] != "system"] == ["user", "assistant", "user"]
    assert live.last()["tools"][0]["name"] == "get_time"
    live.until_idle()


def test_an_unknown_model_is_not_found_in_the_client_s_own_shape(live: Running) -> None:
    with client_of(live) as client:
        with pytest.raises(anthropic.NotFoundError) as caught:
            client.models.retrieve("nope")
        assert caught.value.type == "not_found_error"
        assert client.messages.create(model="sonnet", max_tokens=9, messages=[user("hi")])._request_id
    live.until_idle()


def test_sealed_thoughts_that_a_client_brings_reach_the_model(live: Running) -> None:
    sealed = {"type": "redacted_thinking", "data": "c2VhbGVk"}
    said = {"role": "assistant", "content": [sealed, {"type": "text", "text": "Hello."}]}
    ask(live, [user("hello"), said, user("and?")], thinking={"type": "adaptive"})
    assert [message["content"][0] for message in whole(live.last()) if message["role"] == "assistant"] == [sealed]


@BOTH_WAYS
def test_a_format_makes_json(live: Running, stream: bool) -> None:
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "high"}
    assert text_of(ask(live, "Which city?", stream=stream, output_config=wanted)).startswith('{"city":')
    assert live.last()["output_config"]["format"]["schema"] == SCHEMA
    assert live.last()["output_config"]["effort"] == "high"


@BOTH_WAYS
def test_an_answer_says_what_stopped_it(live: Running, stream: bool) -> None:
    answer = ask(live, "count to 9", stream=stream, stop_sequences=["nine", "5"])
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "5")
    assert text_of(answer).rstrip().endswith("4,")
    assert ask(live, "[simulate: words 50]", stream=stream, max_tokens=9).stop_reason == "max_tokens"
    assert ask(live, "[simulate: refusal]", stream=stream).stop_reason == "refusal"


def test_tokens_that_the_cache_held_are_counted(live: Running) -> None:
    system = "You know the following by heart. " + "All dogs bark at night. " * 400
    first, second = (ask(live, text, system=system).usage for text in ("hello", "help"))
    assert first.cache_creation_input_tokens
    assert second.cache_read_input_tokens
    assert second.cache_read_input_tokens > 1000


CHOICES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "any": ({"type": "any"}, ["get_time"]),
    "tool": ({"type": "tool", "name": "get_weather"}, ["get_weather"]),
    "none": ({"type": "none"}, []),
    "one at a time": ({"type": "auto", "disable_parallel_tool_use": True}, ["get_time"]),
}


@pytest.mark.parametrize("kind", CHOICES)
def test_a_choice_of_tools_is_honoured(live: Running, kind: str) -> None:
    choice, called = CHOICES[kind]
    said = "hello" if kind in ("any", "tool") else "call get_time and get_weather in Paris"
    answer = ask(live, said, model=OLDER, tools=TOOLS, tool_choice=choice)
    assert [name for name, _ in calls_of(answer)] == called
    assert live.last()["tool_choice"] == choice


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_time"}])
def test_a_model_that_always_thinks_cannot_be_forced(live: Running, choice: dict[str, Any]) -> None:
    with pytest.raises(anthropic.BadRequestError, match="cannot be forced to call a tool"):
        ask(live, "hello", tools=TOOLS, tool_choice=choice)


@pytest.mark.parametrize(
    ("directive", "error", "kind"),
    [
        ("status=400 message=odd", anthropic.BadRequestError, "invalid_request_error"),
        ("status=401", anthropic.AuthenticationError, "authentication_error"),
        ("status=429", anthropic.RateLimitError, "rate_limit_error"),
        ("status=500", anthropic.InternalServerError, "api_error"),
        ("status=529", anthropic.InternalServerError, "overloaded_error"),
    ],
)
@BOTH_WAYS
def test_an_error_before_the_first_byte_is_raised(
    hasty: Running, directive: str, error: type[anthropic.APIStatusError], kind: str, stream: bool
) -> None:
    with pytest.raises(error) as caught:
        ask(hasty, f"hello [simulate: {directive}]", stream=stream)
    assert caught.value.type == kind


@pytest.mark.parametrize(
    ("directive", "kind"), [("error after=2", "overloaded_error"), ("cut after=3 rate=10", "api_error")]
)
def test_an_error_in_the_stream_is_raised(hasty: Running, directive: str, kind: str) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(hasty, f"hello [simulate: {directive}]", stream=True)
    assert (caught.value.response.status_code, caught.value.type) == (200, kind)


def test_what_only_describes_a_request_is_taken_in_silence(live: Running) -> None:
    asked = {"model": "sonnet", "max_tokens": 100, "messages": [user("hello")], "metadata": {"user_id": "u"}}
    with client_of(live) as client:
        raw = client.beta.messages.with_raw_response.create(
            **asked,
            betas=["context-1m-2025-08-07"],
            extra_headers={"anthropic-version": "2023-01-01"},
            extra_query={"beta": "true"},
        )
    assert raw.http_request.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert raw.parse().stop_reason == "end_turn"
    assert "x-unsupported-options" not in raw.headers


def test_what_cannot_be_done_is_left_out_and_named(hasty: Running) -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    with client_of(hasty) as client:
        raw = client.messages.with_raw_response.create(
            model="plain",
            max_tokens=100,
            messages=[user("call get_time in Paris")],
            tools=[search, *TOOLS],
            thinking={"type": "enabled", "budget_tokens": 1024},
        )
    assert raw.headers["x-unsupported-options"] == "tools.web_search, thinking"
    assert calls_of(raw.parse()) == [("get_time", {"city": "Paris"})]
    assert [tool["name"] for tool in hasty.last()["tools"]] == ["get_time", "get_weather"]


def test_tokens_are_counted_without_asking_anyone(live: Running) -> None:
    before = len(live.sent())
    with client_of(live) as client:
        few, many = (
            client.messages.count_tokens(model="sonnet", messages=[user("word " * count)], tools=TOOLS).input_tokens
            for count in (10, 1000)
        )
        with pytest.raises(anthropic.NotFoundError, match="model 'nope' not found"):
            client.messages.count_tokens(model="nope", messages=[user("hello")])
    assert 1000 < many - few < 1500
    assert len(live.sent()) == before


def test_the_models_are_listed_as_the_client_expects_them(live: Running) -> None:
    with client_of(live) as client:
        assert "Claude Sonnet 5.5" in [model.display_name for model in client.models.list()]
        assert client.models.retrieve("sonnet").id == "sonnet"
    with live.client() as plain:
        assert plain.get("/v1/models").json()["object"] == "list"
