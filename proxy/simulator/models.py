"""The simulated models and what each takes, as the API documents them and the CLI's own table has them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Thinking = Literal["adaptive", "enabled", "disabled"]
Sampling = Literal["any", "one", "default", "none"]

ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Sizes are in tokens.

    `thinking` holds the accepted `thinking.type`s, `thinks_unasked` whether an absent `thinking` means adaptive,
    `shows_thinking` the default of `thinking.display`. `sampling`: "any" parameter, "one" of temperature and top_p,
    only their "default" values, or "none" at all. `turn_effort`: a system message may carry `output_config.effort`.
    `binds_thinking`: a thinking block goes only with the conversation that it was thought in.
    """

    id: str
    display_name: str
    context: int = 1_000_000
    max_output: int = 128_000
    thinking: frozenset[Thinking] = frozenset({"adaptive"})
    thinks_unasked: bool = True
    shows_thinking: bool = False
    sampling: Sampling = "none"
    prefill: bool = False
    system_messages: bool = True
    turn_effort: bool = True
    binds_thinking: bool = False
    efforts: tuple[str, ...] = ALL_EFFORTS


def _adaptive(model_id: str, name: str) -> Model:
    """A current model: thinking cannot be off, no sampling parameters, no prefill."""
    return Model(model_id, name, binds_thinking=True)


def _switchable(model_id: str, name: str, *, thinks_unasked: bool, system_messages: bool = True) -> Model:
    """A model of the generation before: adaptive thinking that can be turned off, sampling at its defaults only."""
    return Model(
        model_id,
        name,
        thinking=frozenset({"adaptive", "disabled"}),
        thinks_unasked=thinks_unasked,
        sampling="default",
        system_messages=system_messages,
        turn_effort=False,
    )


def _budgeted(model_id: str, name: str, *, max_output: int, efforts: tuple[str, ...] = ()) -> Model:
    """An older model: thinking by budget or off, sampling parameters and prefill taken."""
    return Model(
        model_id,
        name,
        context=200_000,
        max_output=max_output,
        thinking=frozenset({"enabled", "disabled"}),
        thinks_unasked=False,
        shows_thinking=True,
        sampling="one",
        prefill=True,
        system_messages=False,
        turn_effort=False,
        efforts=efforts,
    )


def _bridging(model_id: str, name: str) -> Model:
    """The 4.6 generation: adaptive thinking or budgets, sampling parameters, no prefill."""
    return replace(
        _budgeted(model_id, name, max_output=128_000, efforts=("low", "medium", "high", "max")),
        context=1_000_000,
        thinking=frozenset({"adaptive", "enabled", "disabled"}),
        prefill=False,
    )


MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        _adaptive("claude-opus-5-5", "Claude Opus 5.5"),
        _adaptive("claude-sonnet-5-5", "Claude Sonnet 5.5"),
        _adaptive("claude-haiku-5-5", "Claude Haiku 5.5"),
        _adaptive("claude-fable-5-2", "Claude Fable 5.2"),
        _adaptive("claude-fable-5-1", "Claude Fable 5.1"),
        replace(_adaptive("claude-fable-5", "Claude Fable 5"), turn_effort=False, binds_thinking=False),
        _switchable("claude-opus-5", "Claude Opus 5", thinks_unasked=True),
        _switchable("claude-sonnet-5", "Claude Sonnet 5", thinks_unasked=True),
        _switchable("claude-opus-4-8", "Claude Opus 4.8", thinks_unasked=False),
        _switchable("claude-opus-4-7", "Claude Opus 4.7", thinks_unasked=False, system_messages=False),
        _bridging("claude-opus-4-6", "Claude Opus 4.6"),
        _bridging("claude-sonnet-4-6", "Claude Sonnet 4.6"),
        _budgeted("claude-opus-4-5-20251101", "Claude Opus 4.5", max_output=64_000, efforts=("low", "medium", "high")),
        _budgeted("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", max_output=64_000),
        _budgeted("claude-haiku-4-5-20251001", "Claude Haiku 4.5", max_output=64_000),
        _budgeted("claude-opus-4-1-20250805", "Claude Opus 4.1", max_output=32_000),
    )
}
ALIASES: Mapping[str, str] = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-1": "claude-opus-4-1-20250805",
}


def find_model(name: str) -> Model | None:
    """The model of that id or alias; None where the API answers 404."""
    return MODELS.get(ALIASES.get(name, name))
