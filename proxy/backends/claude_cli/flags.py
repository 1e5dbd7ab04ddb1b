"""The settings of one turn, as `apply_flag_settings` gives them to a live process. Pure.

Settings merge and outlive a turn: each one is set whenever any of them changes, to nothing when it has no value.
Sampling, stop strings, limits, thinking, the choice of tools and the answer's format are fields of the API request
that the CLI merges in (`CLAUDE_CODE_EXTRA_BODY`).
"""

import json
from collections.abc import Sequence
from typing import Any

from proxy.backends.claude_cli.codec import JsonObject
from proxy.backends.claude_cli.tools import PLAIN, Naming
from proxy.core.contracts import Target, Thinking
from proxy.core.request import ToolChoice

_ANY_EFFORT = "medium"
# For models that take none: it is not sent for them, but it must not outlive another model's turn.


def make_flags(
    target: Target, naming: Naming = PLAIN, whole: Sequence[JsonObject] = (), tools: Sequence[JsonObject] = ()
) -> JsonObject:
    """The settings for a turn on `target`; `whole` replaces the messages of the API request, `tools` its tools."""
    body = extra_body(target, naming)
    body |= {name: list(values) for name, values in (("messages", whole), ("tools", tools)) if values}
    return body_flags(target, json.dumps(body, separators=(",", ":")))


def body_flags(target: Target, body: str) -> JsonObject:
    """The settings for a turn on `target` whose API body is `body`, a JSON object."""
    return {
        "model": target.model,
        "effortLevel": target.thinking.effort or _ANY_EFFORT,
        "env": {"CLAUDE_CODE_EXTRA_BODY": body},
    }


def extra_body(target: Target, naming: Naming) -> JsonObject:
    """The fields of the API request that follow from `target`, messages and tools left out."""
    options = target.options
    body: dict[str, Any] = _thinking(target.thinking)
    # The CLI has a variable for `max_tokens`, but a turn that waits for the results of calls does not look at it again.
    given = {name: getattr(options, name) for name in ("temperature", "top_p", "top_k", "max_tokens")}
    body |= {name: value for name, value in given.items() if value is not None}
    if (choice := _tool_choice(target.tool_choice, naming)) is not None:
        body["tool_choice"] = choice
    # The API refuses blank ones; those are watched for here alone.
    if stops := [stop for stop in options.stop if stop.strip()]:
        body["stop_sequences"] = stops
    if target.structure is not None and target.structure.native is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": target.structure.native}}
    return body


def _tool_choice(choice: ToolChoice, naming: Naming) -> JsonObject | None:
    """None where the API's default is meant."""
    match choice.mode:
        case "none":
            return {"type": "none"}
        case "auto" if choice.parallel:
            return None
        case "named":
            chosen = {"type": "tool", "name": naming.api_name(choice.name)}
        case mode:
            chosen = {"type": "any" if mode == "required" else "auto"}
    return chosen | ({} if choice.parallel else {"disable_parallel_tool_use": True})


def _thinking(thinking: Thinking) -> JsonObject:
    match thinking.mode:
        case "budget":
            return {"thinking": {"type": "enabled", "budget_tokens": thinking.budget}}
        case "adaptive":
            # Without a display of its own the CLI would ask for one that is still in beta.
            return {"thinking": {"type": "adaptive", "display": "summarized" if thinking.shown else "omitted"}}
        case _:
            # The CLI believes that the model thinks, and asks for the clearing of thoughts, which the API then refuses.
            return {"thinking": {"type": "disabled"}, "context_management": {"edits": []}}
