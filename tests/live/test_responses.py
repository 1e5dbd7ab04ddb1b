"""/v1/responses and /v1/completions as OpenAI's official client asks them, over the real CLI."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import Response

from tests.live.test_official_clients import TEXT
from tests.live.test_windows_and_files import PDF
from tests.support.chatting import png, process_of, unload, user
from tests.support.running import WAIT, Running, running_daemon
from tests.support.tools import CITY, results, waiting, whole

OLDER = "claude-sonnet-4-5"
TOOLS = [
    {"type": "function", "name": name, "description": f"{name}.", "parameters": CITY}
    for name in ("get_time", "get_weather")
]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PICTURE = png(20, 10)
SHOWN = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PICTURE}"}
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@contextmanager
def client_of(running: Running) -> Iterator[Any]:
    plain: Any = httpx2.Client(trust_env=False, verify=False, timeout=WAIT)
    base = f"{running.url}/v1"
    with openai.OpenAI(base_url=base, api_key="none", max_retries=0, http_client=plain) as client:
        yield client


def ask(running: Running, sent: Any, *, stream: bool = False, **fields: Any) -> Response:
    """Ask with the input `sent`; the response, when the daemon is at rest again."""
    asked = {"model": "sonnet", "input": sent, **fields}
    with client_of(running) as client:
        if stream:
            *_, last = client.responses.create(stream=True, **asked)
            answer: Response = last.response
        else:
            answer = client.responses.create(**asked)
    running.until_idle()
    return answer


def calls_of(answer: Response) -> list[tuple[str, dict[str, Any]]]:
    return [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]


def with_outputs(asked: str, answer: Response, output: Any) -> list[dict[str, Any]]:
    """The conversation so far, with the same `output` for each of the calls."""
    calls = [item.call_id for item in answer.output if item.type == "function_call"]
    given = [{"type": "function_call_output", "call_id": call, "output": output} for call in calls]
    return [user(asked), *(item.to_dict() for item in answer.output), *given]


@pytest.fixture
def live(emptied: Running) -> Running:
    return emptied


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon whose CLI does not try failed requests again."""
    with running_daemon(tmp_path_factory.mktemp("hasty"), settings={"cli_retries": "0", "spares": "2"}) as running:
        yield running


@BOTH_WAYS
def test_text_arrives_byte_for_byte(live: Running, stream: bool) -> None:
    answer = ask(live, f"echo: {TEXT}", stream=stream, instructions="You are brief.")
    assert (answer.output_text, answer.model, answer.status) == (TEXT, "sonnet", "completed")
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
    assert answer.instructions == "You are brief."


def test_pictures_and_documents_arrive_as_they_are(live: Running) -> None:
    document = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    ask(live, [{"role": "user", "content": [SHOWN, document, {"type": "input_text", "text": "What is it?"}]}])
    picture, read, _ = results(live.last())
    assert picture["source"]["data"] == PICTURE
    assert (read["title"], read["source"]["data"]) == ("a.pdf", PDF)


@pytest.mark.line_by_line
@BOTH_WAYS
def test_a_round_of_two_calls_goes_on_in_one_process(live: Running, stream: bool) -> None:
    asked = f"{stream}: call get_time and get_weather in Paris"
    answer = ask(live, asked, stream=stream, tools=TOOLS)
    assert calls_of(answer) == [("get_time", {"city": "Paris"}), ("get_weather", {"city": "Paris"})]
    assert waiting(live) == 1
    process = process_of(live.last())
    assert "noon" in ask(live, with_outputs(asked, answer, "noon"), stream=stream, tools=TOOLS).output_text
    assert process_of(live.last()) == process
    assert waiting(live) == 0


def test_an_output_may_be_a_picture(live: Running) -> None:
    asked = "a picture: call get_time in Paris"
    output = [{"type": "input_text", "text": "seen"}, SHOWN]
    ask(live, with_outputs(asked, ask(live, asked, tools=TOOLS), output), tools=TOOLS)
    [result] = results(live.last())
    text, picture = result["content"]
    assert (text["text"], picture["source"]["data"]) == ("seen", PICTURE)


def test_thoughts_travel_both_ways_live_replayed_and_after_a_restart(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"model": "opus", "tools": TOOLS, "reasoning": {"effort": "medium"}}
    asked = "think and call get_time and get_weather in Paris"
    with running_daemon(tmp_path / "first") as running:
        answer = ask(running, asked, stream=True, **fields)
        thought = answer.output[0]
        assert thought.type == "reasoning"
        assert "thinking" in thought.summary[0].text
        messages = with_outputs(asked, answer, "noon")
        ask(running, messages, **fields)
        first, second = (request.body for request in running.sent())
        assert process_of(first) == process_of(second)
        assert whole(second)[-2]["content"][0]["thinking"] == thought.summary[0].text
        unload(running, "opus")
        ask(running, messages, **fields)
        assert len(running.sent()) == 3
        assert whole(running.last()) == whole(second)
    with running_daemon(tmp_path / "second") as running:
        running.run(running.daemon.discovered.wait())
        assert ask(running, messages, stream=True, **fields).output[0].type == "reasoning"
        assert whole(running.last()) == whole(second)


@BOTH_WAYS
def test_a_format_makes_json(live: Running, stream: bool) -> None:
    wanted = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}}
    answer = ask(live, "Which city?", stream=stream, text=wanted)
    assert json.loads(answer.output_text).keys() == {"city"}
    assert live.last()["output_config"]["format"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("asked", "fields", "reason"),
    [
        ("[simulate: words 50]", {"max_output_tokens": 9}, "max_output_tokens"),
        ("[simulate: refusal after=2]", {}, "content_filter"),
    ],
)
@BOTH_WAYS
def test_an_answer_that_is_cut_off_is_incomplete(
    live: Running, asked: str, fields: dict[str, Any], reason: str, stream: bool
) -> None:
    answer = ask(live, asked, stream=stream, **fields)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == reason


def test_tokens_that_the_cache_held_are_counted(live: Running) -> None:
    instructions = "You know the following by heart. " + "All birds sing at dawn. " * 400
    first, second = (ask(live, text, instructions=instructions).usage for text in ("hello", "help"))
    assert first is not None
    assert second is not None
    assert first.input_tokens_details.cached_tokens == 0
    assert second.input_tokens_details.cached_tokens > 1000


CHOICES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "required": ({"tool_choice": "required"}, ["get_time"]),
    "named": ({"tool_choice": {"type": "function", "name": "get_weather"}}, ["get_weather"]),
    "none": ({"tool_choice": "none"}, []),
    "one at a time": ({"parallel_tool_calls": False}, ["get_time"]),
}


@pytest.mark.parametrize("kind", CHOICES)
def test_a_choice_of_tools_is_honoured(live: Running, kind: str) -> None:
    fields, called = CHOICES[kind]
    said = "hello" if kind in ("required", "named") else "call get_time and get_weather in Paris"
    assert [name for name, _ in calls_of(ask(live, said, model=OLDER, tools=TOOLS, **fields))] == called


def test_a_model_that_always_thinks_cannot_be_forced(live: Running) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot be forced to call a tool"):
        ask(live, "hello", tools=TOOLS, tool_choice="required")


def test_what_cannot_be_done_is_left_out_and_named(live: Running) -> None:
    tools = [{"type": "web_search"}, {"type": "local_shell"}, *TOOLS, {"type": "custom", "name": "apply_patch"}]
    with client_of(live) as client:
        raw = client.responses.with_raw_response.create(model="sonnet", input="call get_time in Paris", tools=tools)
    assert raw.headers["x-unsupported-options"] == "tools.web_search, tools.local_shell, tools.custom"
    assert calls_of(raw.parse()) == [("get_time", {"city": "Paris"})]


@pytest.mark.parametrize(
    ("directive", "error"),
    [
        ("status=400 message=odd", openai.BadRequestError),
        ("status=401", openai.AuthenticationError),
        ("status=429", openai.RateLimitError),
        ("status=529", openai.InternalServerError),
    ],
)
@BOTH_WAYS
def test_an_error_before_the_first_byte_is_raised(
    hasty: Running, directive: str, error: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(error):
        ask(hasty, f"hello [simulate: {directive}]", stream=stream)


@pytest.mark.parametrize(("directive", "words"), [("error after=2", "Overloaded"), ("cut after=3 rate=10", "")])
def test_an_error_in_the_stream_fails_the_response(hasty: Running, directive: str, words: str) -> None:
    answer = ask(hasty, f"hello [simulate: {directive}]", stream=True)
    assert answer.status == "failed"
    assert answer.error is not None
    assert answer.error.code == "server_error"
    assert words in answer.error.message


def test_nothing_is_stored(live: Running) -> None:
    answer = ask(live, "hello", store=True)
    assert answer.to_dict()["store"] is False
    with pytest.raises(openai.BadRequestError, match="send the whole conversation as input"):
        ask(live, "and?", previous_response_id=answer.id)


@BOTH_WAYS
def test_a_prompt_is_completed(live: Running, stream: bool) -> None:
    with client_of(live) as client:
        made = client.completions.create(model="sonnet", prompt=f"echo: {TEXT}", stream=stream)
        pieces = list(made) if stream else [made]
    choices = [choice for piece in pieces for choice in piece.choices]
    assert "".join(choice.text for choice in choices) == TEXT
    assert choices[-1].finish_reason == "stop"


def test_an_error_ends_a_completion(hasty: Running) -> None:
    with client_of(hasty) as client:
        with pytest.raises(openai.InternalServerError):
            client.completions.create(model="sonnet", prompt="hello [simulate: status=529]")
        with pytest.raises(openai.APIError, match="Overloaded"):
            list(client.completions.create(model="sonnet", prompt="hello [simulate: error after=2]", stream=True))
