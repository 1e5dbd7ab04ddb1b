"""max_tokens, sampling, thinking, effort, output format, stop sequences."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.body import Body
from proxy.simulator.errors import invalid
from proxy.simulator.models import ALL_EFFORTS, Model
from proxy.simulator.rules.context import check_context
from proxy.simulator.rules.fields import number, one_of, only, take, typed
from proxy.simulator.rules.output_schema import check_output_schema
from proxy.simulator.rules.thinking import check_block_binding

MINIMUM_BUDGET = 1024
THINKING_TOP_P = 0.95
_THINKING_FIELDS: Mapping[str, tuple[str, ...]] = {
    "adaptive": ("type", "display", "block_binding"),
    "disabled": ("type",),
    "enabled": ("type", "budget_tokens", "display", "block_binding"),
}


def check_parameters(body: Body, model: Model, *, counting: bool) -> None:
    """Everything at the top level but the conversation and its tools.

    Null is taken only where the API's own client libraries allow it.
    """
    if not counting:
        _max_tokens(body, model)
    if "stream" in body:
        typed(body["stream"], bool, "stream")
    if "service_tier" in body:
        one_of(body["service_tier"], ("auto", "standard_only"), "service_tier")
    if body.get("speed") is not None:
        one_of(body["speed"], ("standard", "fast"), "speed")
    if "metadata" in body:
        only(typed(body["metadata"], dict, "metadata"), ("user_id",), "metadata.")
    _stop_sequences(body)
    _output_config(body, model)
    thinks = _thinking(body, model)
    _sampling(body, model, thinks=thinks)
    check_context(body, thinks=thinks)


def _max_tokens(body: Body, model: Model) -> None:
    asked = take(body, "max_tokens", int)
    number(asked, "max_tokens", 1)
    if asked > model.max_output:
        raise invalid(
            f"max_tokens: {asked} > {model.max_output}, "
            "which is the maximum allowed number of output tokens for this model"
        )


def _stop_sequences(body: Body) -> None:
    for index, text in enumerate(typed(body.get("stop_sequences", []), list, "stop_sequences")):
        if not typed(text, str, f"stop_sequences.{index}").strip():
            raise invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _thinking(body: Body, model: Model) -> bool:
    """Whether the model thinks in this request."""
    thinks = model.thinks_unasked
    if "thinking" in body:
        thinking = typed(body["thinking"], dict, "thinking")
        kind = take(thinking, "type", str, "thinking.")
        one_of(kind, tuple(_THINKING_FIELDS), "thinking.type")
        only(thinking, _THINKING_FIELDS[kind], f"thinking.{kind}.")
        if thinking.get("display") is not None:
            one_of(thinking["display"], ("summarized", "omitted", "updates"), f"thinking.{kind}.display")
        check_block_binding(thinking, f"thinking.{kind}.")
        _thinking_type(kind, model)
        if kind == "enabled":
            _budget(thinking, body)
        thinks = kind != "disabled"
    effort = body.get("output_config", {}).get("effort")
    if not thinks and model.thinks_unasked and effort in ("xhigh", "max"):
        raise invalid(f"effort '{effort}' is not supported when thinking is disabled")
    if thinks and body.get("tool_choice", {}).get("type") in ("any", "tool"):
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    return thinks


def _thinking_type(kind: Any, model: Model) -> None:
    if kind in model.thinking:
        return
    if kind == "adaptive":
        raise invalid("adaptive thinking is not supported on this model")
    raise invalid(
        f'"thinking.type.{kind}" is not supported for this model. '
        'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
    )


def _budget(thinking: Mapping[str, Any], body: Body) -> None:
    budget = take(thinking, "budget_tokens", int, "thinking.enabled.")
    number(budget, "thinking.enabled.budget_tokens", MINIMUM_BUDGET)
    if budget >= body.get("max_tokens", budget + 1):
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _sampling(body: Body, model: Model, *, thinks: bool) -> None:
    given = {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body}
    for name, value in given.items():
        number(typed(value, int, name) if name == "top_k" else value, name, 0, None if name == "top_k" else 1)
        if model.sampling == "none" or (model.sampling == "default" and not _is_default(name, value)):
            raise invalid(f"`{name}` is deprecated for this model.")
    if model.sampling == "one" and {"temperature", "top_p"} <= given.keys():
        raise invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if not thinks:
        return
    when = "when thinking is enabled or in adaptive mode."
    if given.get("temperature", 1) != 1:
        raise invalid(f"`temperature` may only be set to 1 {when}")
    if given.get("top_p", 1) < THINKING_TOP_P:
        raise invalid(f"`top_p` must be greater than or equal to {THINKING_TOP_P} or unset {when}")
    if "top_k" in given:
        raise invalid(f"`top_k` must be unset {when}")


def _is_default(name: str, value: float) -> bool:
    return (name == "temperature" and value == 1) or (name == "top_p" and value >= THINKING_TOP_P)


def _output_config(body: Body, model: Model) -> None:
    config = typed(body.get("output_config", {}), dict, "output_config")
    only(config, ("effort", "format", "task_budget"), "output_config.")
    if (effort := config.get("effort")) is not None:
        one_of(effort, ALL_EFFORTS, "output_config.effort")
        if not model.efforts:
            raise invalid("This model does not support the effort parameter.")
        if effort not in model.efforts:
            raise invalid(f"This model does not support effort level '{effort}'.")
    wanted = config.get("format") or body.get("output_format")
    if wanted is not None:
        where = "output_config.format."
        one_of(take(typed(wanted, dict, "output_config.format"), "type", str, where), ("json_schema",), where + "type")
        check_output_schema(take(wanted, "schema", dict, where))
