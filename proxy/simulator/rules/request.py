"""The order in which a request is checked."""

from typing import Any

from proxy.simulator.body import Body
from proxy.simulator.errors import ApiError, invalid
from proxy.simulator.models import Model, find_model
from proxy.simulator.rules.attachments import check_attachments
from proxy.simulator.rules.caching import check_caching
from proxy.simulator.rules.fields import only, take
from proxy.simulator.rules.messages import check_messages
from proxy.simulator.rules.parameters import check_parameters
from proxy.simulator.rules.thinking import check_bound_thinking
from proxy.simulator.rules.tools import check_tools
from proxy.simulator.tokens import count_prompt

# What everyone may send, and what the CLI sends beside it with a beta header; those headers are not checked.
FIELDS = frozenset(
    (
        *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "metadata", "stream", "service_tier"),
        *("temperature", "top_p", "top_k", "stop_sequences", "thinking", "output_config", "output_format", "speed"),
        *("cache_control", "container", "context_management", "diagnostics", "inference_geo", "mcp_servers"),
        *("fallbacks", "fallback_credit_token", "user_profile_id", "workspace_id", "compaction", "thread"),
        "billing_policy",
    )
)


def check_request(body: Any, *, counting: bool = False) -> Model:
    """The model that a request runs on. Raises `ApiError` for what the API refuses.

    `counting` is for `count_tokens`, where `max_tokens` is not required and no prompt is too long.
    """
    if not isinstance(body, dict):
        raise invalid("Input should be a valid dictionary or object to extract fields from")
    only(body, FIELDS)
    model = _model(body)
    check_messages(body, model)
    check_attachments(body, model)
    check_tools(body)
    check_parameters(body, model, counting=counting)
    check_caching(body)
    check_bound_thinking(body, model)
    if not counting and (tokens := count_prompt(body)) > model.context:
        raise invalid(f"prompt is too long: {tokens} tokens > {model.context} maximum")
    return model


def _model(body: Body) -> Model:
    name = take(body, "model", str)
    model = find_model(name)
    if model is None:
        raise ApiError(404, f"model: {name}")
    return model
