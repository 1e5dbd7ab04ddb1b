"""The `ollama` command: every request that it makes, as it makes it, and what it has to find in the answers."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.support.chatting import texts, unload
from tests.support.ollama_command import (
    SHORTEST_DIGEST,
    Command,
    Refused,
    pulls,
    says,
    shows,
)
from tests.support.running import Running

METRICS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count")

PULL_MISSING = "pull model manifest: file does not exist"


@pytest.fixture
def command(live: Running) -> Iterator[Command]:
    with live.client() as client:
        yield Command(client)


def check_details(details: dict[str, Any]) -> None:
    for name in ("parent_model", "format", "family", "parameter_size", "quantization_level"):
        assert type(details[name]) is str, name
        assert details[name], name


def check_answer(lines: list[Any], text: str) -> None:
    """Whole, at its end done, and with the numbers that ``--verbose`` prints."""
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["done_reason"] == "stop"
    for name in (*METRICS, "eval_duration"):
        assert type(lines[-1][name]) is int, name
        assert lines[-1][name] > 0, name
    assert text in said(lines)
    for line in lines:
        assert datetime.fromisoformat(line["created_at"]).tzinfo


def said(lines: list[Any], field: str = "content") -> str:
    """The text, or the thinking, of a streamed answer."""
    parts = [line["message"] if "message" in line else line | {"content": line["response"]} for line in lines]
    return "".join(part.get(field, "") for part in parts)


# What there is


def test_version_is_three_numbers(command: Command) -> None:
    version = command.call("GET", "/api/version")["version"]
    assert [part.isdecimal() for part in version.split(".")] == [True] * 3


def test_list_has_what_it_prints_of_every_model(command: Command) -> None:
    command.begin()
    models = command.call("GET", "/api/tags")["models"]
    assert {"opus:latest", "sonnet:latest", "haiku:latest"} <= {model["name"] for model in models}
    for model in models:
        assert model["model"] == model["name"]
        assert len(model["digest"]) >= SHORTEST_DIGEST
        assert int(model["digest"], 16)
        assert type(model["size"]) is int
        assert model["size"] > 0
        assert datetime.fromisoformat(model["modified_at"]).tzinfo
        check_details(model["details"])
        # With either of them it would print no size, and neither load nor stop the model.
        assert not {"remote_model", "remote_host"} & set(model)
    assert len({model["digest"] for model in models}) == len(models)


def test_ps_has_what_it_prints_of_a_loaded_model(command: Command, live: Running) -> None:
    command.generate("haiku", keep_alive="10m0s")
    command.begin()
    [model] = [each for each in command.call("GET", "/api/ps")["models"] if each["name"] == "haiku:latest"]
    assert len(model["digest"]) >= SHORTEST_DIGEST
    for name in ("size", "size_vram", "context_length"):
        assert type(model[name]) is int, name
    assert datetime.fromisoformat(model["expires_at"]) > datetime.now().astimezone()
    unload(live, "haiku")


def test_show_has_numbers_where_it_computes(command: Command) -> None:
    command.begin()
    shown = command.show("sonnet")
    information = shown["model_info"]
    architecture = information["general.architecture"]
    assert type(information[f"{architecture}.context_length"]) is int
    assert information[f"{architecture}.context_length"] > 0
    assert {"completion", "tools", "thinking", "vision"} <= set(shown["capabilities"])
    # It would ask for embeddings, or refuse to run the model.
    assert not {"embedding", "image"} & set(shown["capabilities"])
    check_details(shown["details"])
    for name in ("license", "modelfile", "parameters", "template"):
        assert type(shown[name]) is str, name
        assert shown[name], name
    assert datetime.fromisoformat(shown["modified_at"]).tzinfo


def test_an_unknown_model_is_not_found_in_the_words_that_it_looks_for(command: Command) -> None:
    with pytest.raises(Refused, match="404 model 'nope:latest' not found"):
        command.show("nope")
    with pytest.raises(Refused, match="404 model 'nope' not found"):
        command.generate("nope", keep_alive="0s")
    with pytest.raises(Refused, match="404 model 'nope' not found"):
        command.delete("nope")


# Talking


@pytest.mark.parametrize("model", ["sonnet", "haiku"])
def test_run_with_a_prompt_answers_it(command: Command, live: Running, model: str) -> None:
    command.begin()
    thinks = "thinking" in command.show(model, by_name=False)["capabilities"]
    more = {"think": True} if thinks else {}
    lines = command.generate(model, "Step by step: what is 12 multiplied by 15? <&>", options={}, **more)
    check_answer(lines, "180")
    assert bool(said(lines, "thinking")) is thinks
    assert texts(live.last())[-1] == ("user", "Step by step: what is 12 multiplied by 15? <&>")


def test_run_with_all_its_flags_answers_in_json(command: Command, live: Running) -> None:
    more = {"format": "json", "keep_alive": "10m0s", "think": False}
    check_answer(command.generate("sonnet", 'echo: {"a": 1}', options={}, **more), '{"a": 1}')
    unload(live)


def test_run_of_an_unknown_model_pulls_it_and_is_told_that_there_is_none(command: Command) -> None:
    command.begin()
    with pytest.raises(Refused) as caught:
        command.show("llama3.2", by_name=False)
    assert caught.value.status == 404
    with pytest.raises(Refused) as caught:
        command.stream("/api/pull", pulls("llama3.2"))
    # With these words it looks for a model of that name in the cloud.
    assert caught.value.text == PULL_MISSING
    with pytest.raises(Refused) as caught:
        command.call("POST", "/api/show", shows("llama3.2:cloud", by_name=False))
    assert caught.value.status == 403


def test_run_pulls_a_model_and_shows_it_then(command: Command) -> None:
    command.progress("/api/pull", pulls("sonnet"))
    assert command.show("sonnet", by_name=False)["capabilities"]


def test_an_interactive_session_thinks_takes_a_new_system_prompt_and_is_saved_and_loaded(
    command: Command, live: Running
) -> None:
    command.begin()
    before = len(live.sent())
    parent = load(command, "sonnet")
    assert len(live.sent()) == before

    messages = [says("user", "think: my cat is called Mint")]
    lines = command.stream("/api/chat", {"model": "sonnet", "messages": messages, "options": {}, "think": True})
    check_answer(lines, "Mint")
    thinking = said(lines, "thinking")
    assert thinking
    first = said(lines)
    messages += [says("assistant", first, thinking=thinking), says("system", "Speak like a pirate."), says("user", "b")]
    asked = {"model": "sonnet", "messages": messages, "options": {"temperature": 1}, "think": False}
    live.until_idle()
    lines = command.stream("/api/chat", asked)
    check_answer(lines, "")
    assert texts(live.last())[-1] == ("user", "b")
    assert "Speak like a pirate." in json.dumps(live.last())
    messages.append(says("assistant", said(lines)))

    shown = command.show("sonnet", system="Speak like a pirate.", options={"temperature": 1})
    assert shown["system"] == "Speak like a pirate."
    save = {
        "model": "pirate",
        "from": parent,
        "system": "Speak like a pirate.",
        "parameters": {"temperature": 1},
        "messages": messages,
        "name": "",
    }
    with pytest.raises(Refused, match="400 invalid model name"):
        command.stream("/api/create", save | {"model": "no name"})
    command.progress("/api/create", save)
    assert "pirate:latest" in command.names()

    sent = len(live.sent())
    load(command, "pirate")
    assert len(live.sent()) == sent
    loaded = command.show("pirate", by_name=False)
    assert loaded["messages"] == [{"role": each["role"], "content": each["content"]} for each in messages]
    lines = command.stream(
        "/api/chat",
        {"model": "pirate", "messages": [says("user", "what is my cat called?")], "options": {}, "think": True},
    )
    check_answer(lines, "")
    told = [each["content"] for each in messages if each["role"] != "system"]
    assert [text for _, text in texts(live.last())] == [*told, "what is my cat called?"]
    assert "Speak like a pirate." in live.last()["system"][-1]["text"]
    live.until_idle()
    command.remove("pirate")
    unload(live)


def load(command: Command, model: str) -> str:
    """What an interactive session begins with, and ``/load``; the model that ``/save`` will name."""
    command.show(model, by_name=False)
    parent: str = command.show(model, by_name=False)["details"]["parent_model"]
    [line] = command.generate(model)
    assert (line["done"], line["done_reason"]) == (True, "load")
    return parent


def test_run_of_a_model_for_embeddings_is_told_that_there_is_none(command: Command) -> None:
    with pytest.raises(Refused, match="does not support embeddings"):
        command.call("POST", "/api/embed", {"model": "sonnet", "input": "t", "options": None})


def test_stop_asks_the_api_for_nothing_and_lets_the_model_go(command: Command, live: Running) -> None:
    command.generate("sonnet", "hello", options={})
    live.until_idle()
    before = len(live.sent())
    command.begin()
    command.show("sonnet")
    [line] = command.generate("sonnet", keep_alive="0s")
    assert (line["done"], line["done_reason"]) == (True, "unload")
    live.until_idle()
    assert "sonnet:latest" not in {model["name"] for model in command.call("GET", "/api/ps")["models"]}
    assert len(live.sent()) == before


def test_launch_finds_the_models_and_no_cloud(command: Command) -> None:
    command.begin()
    names = command.names()
    for name in sorted(names):
        assert command.show(name, by_name=False)["capabilities"]
    assert type(command.call("GET", "/api/ps")["models"]) is list
    with pytest.raises(Refused, match="401 "):
        command.call("POST", "/api/me")
    assert command.call("GET", "/api/status")["cloud"]["disabled"] is True
    recommended = command.call("GET", "/api/experimental/model-recommendations")["recommendations"]
    assert recommended
    for each in recommended:
        assert f"{each['model']}:latest" in names
        assert each["description"]
        assert type(each["context_length"]) is type(each["max_output_tokens"]) is int
