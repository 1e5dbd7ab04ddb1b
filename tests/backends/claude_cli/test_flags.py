"""The settings of a turn: for each target exactly what the CLI is given."""

import json
from typing import Any

import pytest

from proxy.backends.claude_cli.flags import make_flags
from proxy.backends.claude_cli.tools import Naming
from proxy.core.contracts import Structure, Target, Thinking
from proxy.core.request import Options, ToolChoice

OFF = {"thinking": {"type": "disabled"}, "context_management": {"edits": []}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def flags(target: Target, *whole: dict[str, Any]) -> dict[str, Any]:
    """The settings, the body that is merged into the API request as an object."""
    settings = make_flags(target, whole=whole)
    body = json.loads(settings["env"].pop("CLAUDE_CODE_EXTRA_BODY"))
    return settings | {"body": body}


def body(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = flags(Target("claude-x", **fields))["body"]
    return found


@pytest.mark.parametrize(
    ("target", "settings"),
    [
        (
            Target("claude-x"),
            {
                "model": "claude-x",
                "effortLevel": "medium",
                "env": {},
                "body": OFF,
            },
        ),
        (
            Target(
                "claude-old",
                Options(temperature=0.5, top_p=0.9, top_k=40, stop=("END",), max_tokens=128),
                Thinking("budget", budget=2048, shown=True),
            ),
            {
                "model": "claude-old",
                "effortLevel": "medium",
                "env": {},
                "body": {
                    "thinking": {"type": "enabled", "budget_tokens": 2048},
                    "temperature": 0.5,
                    "top_p": 0.9,
                    "top_k": 40,
                    "max_tokens": 128,
                    "stop_sequences": ["END"],
                },
            },
        ),
        (
            Target(
                "claude-new",
                Options(stop=("\n\n", "END", " ")),
                Thinking("adaptive", effort="xhigh", shown=True),
                Structure(SCHEMA, SCHEMA),
            ),
            {
                "model": "claude-new",
                "effortLevel": "xhigh",
                "env": {},
                "body": {
                    "thinking": {"type": "adaptive", "display": "summarized"},
                    "stop_sequences": ["END"],
                    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
                },
            },
        ),
    ],
    ids=["nothing asked", "an older model", "the newest model"],
)
def test_the_settings_are_these_and_no_others(target: Target, settings: dict[str, Any]) -> None:
    assert flags(target) == settings


@pytest.mark.parametrize(
    ("thinking", "merged"),
    [
        (Thinking(), OFF),
        (Thinking("off", effort="low"), OFF),
        (Thinking("budget", budget=1024), {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (Thinking("adaptive", shown=True), {"thinking": {"type": "adaptive", "display": "summarized"}}),
        (Thinking("adaptive", shown=False), {"thinking": {"type": "adaptive", "display": "omitted"}}),
    ],
)
def test_how_the_model_thinks_is_always_said(thinking: Thinking, merged: dict[str, Any]) -> None:
    assert body(thinking=thinking) == merged


@pytest.mark.parametrize("mode", ["off", "adaptive"])
@pytest.mark.parametrize(("effort", "level"), [("low", "low"), ("max", "max"), (None, "medium")])
def test_the_effort_is_a_setting_of_its_own(mode: Any, effort: str | None, level: str) -> None:
    assert flags(Target("claude-x", thinking=Thinking(mode, effort=effort)))["effortLevel"] == level


@pytest.mark.parametrize(
    ("options", "merged"),
    [
        (Options(), {}),
        (Options(temperature=0.0, top_p=0.0, top_k=0), {"temperature": 0.0, "top_p": 0.0, "top_k": 0}),
        (Options(temperature=1.0), {"temperature": 1.0}),
        (Options(top_k=1), {"top_k": 1}),
        (Options(stop=("a", "b ")), {"stop_sequences": ["a", "b "]}),
        (Options(stop=("\n", " \t", "")), {}),
        (Options(stop=("\n", "###")), {"stop_sequences": ["###"]}),
        (Options(stop=("\ud83d",)), {"stop_sequences": ["\ud83d"]}),
        (Options(max_tokens=9), {"max_tokens": 9}),
    ],
)
def test_only_the_options_that_are_set_are_sent(options: Options, merged: dict[str, Any]) -> None:
    assert body(options=options) == OFF | merged


@pytest.mark.parametrize(
    ("structure", "merged"),
    [
        (None, {}),
        (Structure(), {}),
        (Structure(SCHEMA, None, "Answer in JSON."), {}),
        (Structure(SCHEMA, SCHEMA), {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
        (Structure(None, {}), {"output_config": {"format": {"type": "json_schema", "schema": {}}}}),
    ],
)
def test_the_decoder_is_held_to_a_schema_where_there_is_a_native_one(
    structure: Structure | None, merged: dict[str, Any]
) -> None:
    assert body(structure=structure) == OFF | merged


ADD = {"type": "tool", "name": "add"}
ONE = {"disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("choice", "merged"),
    [
        (ToolChoice(), {}),
        (ToolChoice("none"), {"tool_choice": {"type": "none"}}),
        (ToolChoice("none", parallel=False), {"tool_choice": {"type": "none"}}),
        (ToolChoice("required"), {"tool_choice": {"type": "any"}}),
        (ToolChoice("named", "add"), {"tool_choice": ADD}),
        (ToolChoice(parallel=False), {"tool_choice": {"type": "auto"} | ONE}),
        (ToolChoice("required", parallel=False), {"tool_choice": {"type": "any"} | ONE}),
        (ToolChoice("named", "add", parallel=False), {"tool_choice": ADD | ONE}),
    ],
)
def test_a_choice_of_tools_is_said_where_it_is_not_the_apis_own(choice: ToolChoice, merged: dict[str, Any]) -> None:
    assert body(tool_choice=choice) == OFF | merged


@pytest.mark.parametrize("name", ["add", "add.two"])
def test_a_tool_is_chosen_under_the_name_that_the_api_knows(name: str) -> None:
    naming = Naming("mcp__client__")
    settings = make_flags(Target("claude-x", tool_choice=ToolChoice("named", name)), naming)
    chosen = json.loads(settings["env"]["CLAUDE_CODE_EXTRA_BODY"])["tool_choice"]
    assert chosen == {"type": "tool", "name": naming.api_name(name)}


def test_an_answer_that_is_begun_replaces_the_messages() -> None:
    content = [{"type": "text", "text": "hi \u2028"}]
    whole: list[dict[str, Any]] = [{"role": "user", "content": content}, {"role": "assistant", "content": content}]
    assert flags(Target("claude-x", prefill=True), *whole)["body"] == {**OFF, "messages": whole}


def test_tools_that_the_api_has_to_get_exactly_replace_those_of_the_process() -> None:
    tools = [{"name": "add", "description": "\u200b", "input_schema": {"type": "object"}}]
    settings = make_flags(Target("claude-x"), tools=tools)
    assert json.loads(settings["env"]["CLAUDE_CODE_EXTRA_BODY"]) == {**OFF, "tools": tools}
    assert "tools" not in body()


def test_where_no_answer_is_begun_the_messages_are_the_processs_own() -> None:
    assert "messages" not in body(prefill=True)


@pytest.mark.parametrize(
    "target",
    [
        Target("claude-x"),
        Target("claude-x", Options(max_tokens=1, stop=("a",), temperature=1.0)),
        Target("claude-x", thinking=Thinking("adaptive", effort="high", shown=True)),
        Target("claude-x", structure=Structure(SCHEMA, SCHEMA)),
    ],
)
def test_every_call_sets_everything_so_that_nothing_outlives_its_turn(target: Target) -> None:
    settings = make_flags(target)
    assert set(settings) == {"model", "effortLevel", "env"}
    assert set(settings["env"]) == {"CLAUDE_CODE_EXTRA_BODY"}
    assert all(isinstance(value, str) for value in settings["env"].values())
    assert settings["env"]["CLAUDE_CODE_EXTRA_BODY"].isascii()
