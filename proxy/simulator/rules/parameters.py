"""max_tokens, sampling, thinking, effort, output format, stop sequences."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.body import Body
from proxy.simulator.errors import invalid
from proxy.simulator.models import ALL_EFFORTS, Model
from proxy.simulator.rules.fields import number, one_of, only, take, typed

MINIMUM_BUDGET = 1024
THINKING_TOP_P = 0.95
# What structured output does not take in a schema.
_NUMBER_LIMITS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_STRING_LIMITS = ("maxLength", "minLength")


def check_parameters(body: Body, model: Model, *, counting: bool) -> None:
    """Everything at the top level but the conversation and its tools."""
    if not counting:
        _max_tokens(body, model)
    if body.get("stream") is not None:
        typed(body["stream"], bool, "stream")
    for name, allowed in (("service_tier", ("auto", "standard_only")), ("speed", ("standard", "fast"))):
        if body.get(name) is not None:
            one_of(body[name], allowed, name)
    if body.get("metadata") is not None:
        only(typed(body["metadata"], dict, "metadata"), ("user_id",), "metadata.")
    _stop_sequences(body)
    thinks = _thinking(body, model)
    _sampling(body, model, thinks=thinks)
    _output_config(body, model)


def _max_tokens(body: Body, model: Model) -> None:
    asked = take(body, "max_tokens", int)
    number(asked, "max_tokens", 1)
    if asked > model.max_output:
        raise invalid(
            f"max_tokens: {asked} > {model.max_output}, "
            "which is the maximum allowed number of output tokens for this model"
        )


def _stop_sequences(body: Body) -> None:
    for index, text in enumerate(typed(body.get("stop_sequences") or [], list, "stop_sequences")):
        if not typed(text, str, f"stop_sequences.{index}").strip():
            raise invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _thinking(body: Body, model: Model) -> bool:
    """Whether the model thinks in this request."""
    thinking = body.get("thinking")
    thinks = model.thinks_unasked
    if thinking is not None:
        kind = take(typed(thinking, dict, "thinking"), "type", str, "thinking.")
        one_of(kind, ("adaptive", "disabled", "enabled"), "thinking.type")
        _thinking_type(kind, model)
        if kind == "enabled":
            _budget(thinking, body)
        thinks = kind != "disabled"
    effort = (body.get("output_config") or {}).get("effort")
    if not thinks and model.thinks_unasked and effort in ("xhigh", "max"):
        raise invalid(f"effort '{effort}' is not supported when thinking is disabled")
    if thinks and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
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
    given = {name: body[name] for name in ("temperature", "top_p", "top_k") if body.get(name) is not None}
    for name, value in given.items():
        number(value, name, 0, None if name == "top_k" else 1)
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
    config = typed(body.get("output_config") or {}, dict, "output_config")
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
        _output_schema(take(wanted, "schema", dict, where))


def _output_schema(schema: object) -> None:
    """Refuse what structured output cannot hold a model to, at any depth."""
    if isinstance(schema, list):
        for part in schema:
            _output_schema(part)
    if not isinstance(schema, dict):
        return
    where = "output_config.format.schema"
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise invalid(f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    limits = _STRING_LIMITS if kind == "string" else _NUMBER_LIMITS if kind in ("integer", "number") else ()
    if found := [name for name in limits if name in schema]:
        raise invalid(f"{where}: For '{kind}' type, properties {', '.join(found)} are not supported")
    if kind == "array" and schema.get("minItems", 0) not in (0, 1):
        raise invalid(f"{where}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    for name, part in schema.items():
        if name in ("properties", "$defs", "definitions") and isinstance(part, dict):
            _output_schema(list(part.values()))
        elif name in ("items", "anyOf", "allOf"):
            _output_schema(part)
