"""The official clients through two daemons: the one behind stands in for a real Ollama, over the real CLI."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anthropic
import ollama
import openai
import pytest

from tests.support.asking import PATHS, Outcome, ask
from tests.support.chatting import png, sent
from tests.support.children import wait_until_none
from tests.support.running import Running, running_daemon, write_fake_cli

MODEL = "ollama/sonnet"
HELLO = [{"role": "user", "content": "echo: hello behind"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How warm it is.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = '[simulate: tool weather {"city": "Köln"}]'


@pytest.fixture(scope="module")
def front(shared: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon whose own CLI is a fake one, so that whatever comes of the simulator came from behind."""
    folder = tmp_path_factory.mktemp("front")
    cli, settings = write_fake_cli(folder), {"ollama_url": shared.url}
    with running_daemon(folder, cli=cli, settings=settings) as running:
        running.until(lambda: any(model.backend == "ollama" for model in running.daemon.catalog.models), "known")
        yield running
    wait_until_none(folder)


@pytest.fixture
def clients(front: Running) -> Iterator[tuple[Any, Any, Any]]:
    with ExitStack() as stack:
        native = ollama.Client(front.url, trust_env=False, verify=False)
        stack.callback(native._client.close)
        plain = openai.OpenAI(base_url=f"{front.url}/v1", api_key="none", max_retries=0)
        third = anthropic.Anthropic(base_url=front.url, api_key="none", max_retries=0)
        yield native, stack.enter_context(plain), stack.enter_context(third)


def test_all_three_clients_chat_whole(clients: tuple[Any, Any, Any]) -> None:
    native, plain, third = clients
    answer = native.chat(MODEL, HELLO)
    assert (answer.message.content, answer.model, answer.done_reason) == ("hello behind", MODEL, "stop")
    assert answer.prompt_eval_count > 0
    assert plain.chat.completions.create(model=MODEL, messages=HELLO).choices[0].message.content == "hello behind"
    [block] = third.messages.create(model=MODEL, max_tokens=100, messages=HELLO).content
    assert block.text == "hello behind"
    assert native.generate(MODEL, "echo: hello behind").response == "hello behind"
    assert plain.responses.create(model=MODEL, input="echo: hello behind").output_text == "hello behind"


def test_all_three_clients_chat_piece_by_piece(clients: tuple[Any, Any, Any]) -> None:
    native, plain, third = clients
    pieces = [piece.message.content for piece in native.chat(MODEL, HELLO, stream=True)]
    assert ("".join(pieces), len(pieces) > 2) == ("hello behind", True)
    chunks = plain.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello behind"
    with third.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == "hello behind"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", PATHS)
def test_an_answer_is_the_same_in_every_dialect(front: Running, dialect: str, stream: bool) -> None:
    with front.client() as client:
        assert ask(client, dialect, "echo: hello", stream=stream, model=MODEL) == Outcome(200, "hello", complete=True)


def test_tools_are_called_and_their_results_come_back(shared: Running, clients: tuple[Any, Any, Any]) -> None:
    native, plain, _ = clients
    question = {"role": "user", "content": CALL}
    first = native.chat(MODEL, [question], tools=[TOOL])
    [call] = first.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", {"city": "Köln"})
    result = {"role": "tool", "tool_name": "weather", "content": "12 degrees"}
    second = native.chat(MODEL, [question, first.message, result], tools=[TOOL])
    assert "12 degrees" in second.message.content
    told = [block["type"] for message in sent(shared.last()) for block in message["content"]]
    assert [kind for kind in told if kind.startswith("tool")] == ["tool_use", "tool_result"]
    [choice] = plain.chat.completions.create(model=MODEL, messages=[question], tools=[TOOL]).choices
    assert choice.finish_reason == "tool_calls"
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Köln"}


def test_calls_are_streamed(clients: tuple[Any, Any, Any]) -> None:
    _, plain, third = clients
    chunks = list(
        plain.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": CALL}], tools=[TOOL], stream=True
        )
    )
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert "".join(call.function.arguments or "" for call in calls) == '{"city":"Köln"}'
    function = TOOL["function"]
    assert isinstance(function, dict)
    tool = {"name": "weather", "input_schema": function["parameters"]}
    with third.messages.stream(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": CALL}], tools=[tool]
    ) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    assert final.content[-1].input == {"city": "Köln"}


def test_pictures_and_the_system_prompt_arrive(shared: Running, clients: tuple[Any, Any, Any]) -> None:
    native, _, third = clients
    picture = png(4, 4, 200)
    native.chat(MODEL, [{"role": "system", "content": "Be brief."}, HELLO[0] | {"images": [picture]}])
    blocks = [block for message in sent(shared.last()) for block in message["content"]]
    assert [block["source"]["data"] for block in blocks if block["type"] == "image"] == [picture]
    assert "Be brief." in json.dumps(shared.last()["system"])
    source = {"type": "base64", "media_type": "image/png", "data": picture}
    third.messages.create(
        model=MODEL,
        max_tokens=100,
        messages=[{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "so?"}]}],
    )
    blocks = [block for message in sent(shared.last()) for block in message["content"]]
    assert [block["source"]["data"] for block in blocks if block["type"] == "image"] == [picture]


def test_thinking_is_asked_for_and_shown(clients: tuple[Any, Any, Any]) -> None:
    native, plain, third = clients
    answer = native.chat(MODEL, HELLO, think="high")
    assert answer.message.thinking
    assert answer.message.content == "hello behind"
    made = plain.chat.completions.create(model=MODEL, messages=HELLO, reasoning_effort="high")
    assert made.choices[0].message.reasoning
    thinking = {"type": "enabled", "budget_tokens": 2000}
    message = third.messages.create(model=MODEL, max_tokens=4000, messages=HELLO, thinking=thinking)
    assert [block.type for block in message.content] == ["thinking", "text"]


def test_a_format_and_a_limit_hold(clients: tuple[Any, Any, Any]) -> None:
    native, plain, _ = clients
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    assert "age" in json.loads(native.chat(MODEL, HELLO, format=schema).message.content)
    short = plain.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "[simulate: max_tokens] hello"}], max_tokens=20
    )
    assert short.choices[0].finish_reason == "length"


def test_errors_from_behind_have_their_status_and_words(clients: tuple[Any, Any, Any]) -> None:
    native, plain, third = clients
    fault = [{"role": "user", "content": '[simulate: status 400 message="no such luck" times=9]'}]
    with pytest.raises(ollama.ResponseError, match="no such luck") as caught:
        native.chat(MODEL, fault)
    assert caught.value.status_code == 400
    with pytest.raises(openai.BadRequestError, match="no such luck"):
        plain.chat.completions.create(model=MODEL, messages=fault)
    with pytest.raises(anthropic.BadRequestError, match="no such luck"):
        third.messages.create(model=MODEL, max_tokens=100, messages=fault)


def test_a_model_of_one_s_own_can_be_made_from_one_behind(shared: Running, clients: tuple[Any, Any, Any]) -> None:
    native, _, _ = clients
    native.create("pirate", from_=MODEL, system="Talk like a pirate.")
    try:
        assert native.chat("pirate", HELLO).message.content == "hello behind"
        assert "Talk like a pirate." in json.dumps(shared.last()["system"])
        assert native.show("pirate").details.parent_model == f"{MODEL}:latest"
    finally:
        native.delete("pirate")
