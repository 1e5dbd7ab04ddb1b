"""The settings of one turn, as `apply_flag_settings` gives them to a live process. Pure.

Settings merge and outlive a turn: each one is set every time, to nothing when it has no value. Sampling, stop strings,
thinking and the answer's format are fields of the API request that the CLI merges in (`CLAUDE_CODE_EXTRA_BODY`).
"""

import json
from collections.abc import Sequence
from typing import Any

from proxy.backends.claude_cli.codec import JsonObject
from proxy.core.contracts import Target, Thinking

_ANY_EFFORT = "medium"
# For models that take none: it is not sent for them, but it must not outlive another model's turn.


def make_flags(target: Target, whole: Sequence[JsonObject] = ()) -> JsonObject:
    """The settings for a turn on `target`; `whole` replaces the messages of the API request."""
    body = _extra_body(target) | ({"messages": list(whole)} if whole else {})
    limit = target.options.max_tokens
    return {
        "model": target.model,
        "effortLevel": target.thinking.effort or _ANY_EFFORT,
        "env": {
            "CLAUDE_CODE_EXTRA_BODY": json.dumps(body, separators=(",", ":")),
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "" if limit is None else str(limit),
        },
    }


def _extra_body(target: Target) -> JsonObject:
    options = target.options
    body: dict[str, Any] = _thinking(target.thinking)
    sampling = {"temperature": options.temperature, "top_p": options.top_p, "top_k": options.top_k}
    body |= {name: value for name, value in sampling.items() if value is not None}
    # The API refuses blank ones; those are watched for here alone.
    if stops := [stop for stop in options.stop if stop.strip()]:
        body["stop_sequences"] = stops
    if target.structure is not None and target.structure.native is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": target.structure.native}}
    return body


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
