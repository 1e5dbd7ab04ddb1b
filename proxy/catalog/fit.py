"""What of a client's wishes a model takes, and how they are put to it: the one place of policy by model.

Nothing is sent that the API would refuse. What was asked for and cannot be honoured, or not fully, is named; values
that client libraries send unasked are not.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

from proxy.catalog.models import Model
from proxy.catalog.tools import offer
from proxy.catalog.window import estimate, fits, holds_results, total, within
from proxy.core.contracts import Abilities, Structure, Target, Thinking
from proxy.core.errors import InvalidRequest, PromptTooLong
from proxy.core.names import thoughtless_text
from proxy.core.request import ChatRequest, Image, JsonFormat, Message, Options, Text, Think, ThinkLevel, ToolResult
from proxy.shape.schema import api_schema, check_size, instruction

EVERYTHING = Abilities()

_SAMPLING = ("temperature", "top_p", "top_k")

_LIBRARY_DEFAULTS = {"temperature": (0.8, 1.0), "top_p": (0.9, 1.0), "top_k": (40,)}
# What Ollama, and the libraries for it and for OpenAI, send when nobody chose anything.

_LEVELS: tuple[ThinkLevel, ...] = get_args(ThinkLevel)
_BUDGETS = {"low": 2048, "medium": 8192, "high": 16_384, "xhigh": 31_999, "max": 31_999}
_LEAST_BUDGET = 1024  # the API's

_THINKING_MAX_TOKENS = 32_000
# The bound of an answer with a thinking budget, which has to be below it, where the client set none.


@dataclass(frozen=True, slots=True)
class Fitted:
    """A request made to fit a model: what is left of its messages, and the target that it runs on.

    `unsupported` are the names of what was asked for and is not, or not fully, honoured: of `Options`, "think",
    "tool_choice", or "history" for earlier turns that reach the model told in words. `honoured` are those that this
    model takes and Claude's do not. `dropped` is how many messages
    were left out because the conversation is too long.
    """

    request: ChatRequest
    target: Target
    unsupported: tuple[str, ...] = ()
    dropped: int = 0
    honoured: frozenset[str] = frozenset()

    @property
    def tokens(self) -> int:
        """About how long the messages are, in tokens."""
        return total(self.request.messages)


def fit(
    request: ChatRequest,
    model: Model,
    default_think: Think,
    abilities: Abilities = EVERYTHING,
    recalls: Callable[[Target], bool] = lambda _target: True,
) -> Fitted:
    """Fit `request` to `model`; `default_think` is how much it thinks when the request does not say.

    What the backend is not able to do, no model takes. `recalls` says whether the model can be shown again what it
    thought before the calls that the request ends with the results of; it is asked only where that matters.

    Raises `InvalidRequest` for thinking, pictures or tools that the model does not have, for tools that cannot be
    declared and an assistant message last that it cannot continue, `PromptTooLong` for a conversation that is too long
    and may not, or cannot, be made shorter, `BackendFailed` for tools that the backend cannot take.
    """
    if request.think and model.thinking == "none":
        raise InvalidRequest(thoughtless_text(request.model))
    if "vision" not in model.capabilities and _shows(request):
        raise InvalidRequest(f'"{request.model}" does not support images')
    offered = offer(request, model, abilities)
    levels, model = model.effort_levels, _driven(model, abilities)
    prefill = bool(request.messages) and request.messages[-1].role == "assistant"
    max_tokens = _bound(request.options, model)
    think = _wish(request, model, default_think, prefill=prefill, forced=offered.forced)
    thinking = _thinking(think, model, max_tokens, request.think_budget)
    if offered.forced and thinking.mode != "off":
        raise InvalidRequest(
            f'"{request.model}" always thinks, and cannot be forced to call a tool: use tool_choice "auto"'
        )
    structure = _structure(request.format, model)
    offer_alone = Target(
        model.backend_model, structure=structure, tools=offered.tools, middle_system=model.middle_system
    )
    if thinking.mode == "budget" and _ends_with_results(request) and not recalls(offer_alone):
        # The API wants to see the thinking that came before the calls, or none at all.
        thinking = _thinking(False, model, max_tokens)
    if prefill:
        _check_prefill(request, model, thinking, forced=offered.forced)
    if thinking.budget is not None and max_tokens is None:
        max_tokens = _thinking_bound(model)
    if request.think_hidden:
        thinking = replace(thinking, shown=False)
    options, unsupported = _options(request.options, model, max_tokens, thinks=thinking.mode != "off")
    if request.think and (thinking.mode == "off" or (request.think is not True and levels != model.effort_levels)):
        unsupported.append("think")
    if request.tools and offered.choice != request.tool_choice:
        unsupported.append("tool_choice")
    unsupported += _beyond(request, abilities)
    told = estimate(Text(structure.instruction)) if structure is not None else 0
    messages, dropped = _shortened(request, model.context_length - told - offered.tokens, max_tokens or 0)
    return Fitted(
        replace(request, messages=messages) if dropped else request,
        Target(
            model.backend_model,
            options,
            thinking,
            structure,
            prefill,
            offered.tools,
            offered.choice,
            model.builtin_tools,
            model.middle_system,
        ),
        tuple(unsupported),
        dropped,
    )


def _shows(request: ChatRequest) -> bool:
    """There are pictures in the conversation, or in the results of calls."""
    parts = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    return any(isinstance(part, Image) for part in parts)


def _beyond(request: ChatRequest, abilities: Abilities) -> list[str]:
    """The names of what the backend does in a way of its own, whatever the model."""
    names = []
    if not abilities.history and any(message.role == "assistant" for message in request.messages):
        names.append("history")
    return names


def _wish(request: ChatRequest, model: Model, default: Think, *, prefill: bool, forced: bool) -> Think:
    """How much the model is to think, before it is known how much it can."""
    can_be_off = model.thinking_off or model.thinking == "budget"
    if forced and can_be_off:
        return False
    if request.think is not None:
        return request.think
    # What the client asks for wins over a default that does not go with it.
    wins = prefill or any(name in model.options for name in _asked(request.options))
    return False if wins and can_be_off else default


def _ends_with_results(request: ChatRequest) -> bool:
    last = next((message for message in reversed(request.messages) if message.role != "system"), None)
    return last is not None and holds_results(last)


def _driven(model: Model, abilities: Abilities) -> Model:
    """The model as a backend of those abilities can drive it."""
    if not abilities.effort:
        model = replace(model, effort_levels=())
    if not abilities.options:
        # Stop strings are watched for here as well.
        options = model.options & {"stop"}
        model = replace(model, options=options, thinking="none", prefill=False, structured_output=False)
    return model


def _bound(options: Options, model: Model) -> int | None:
    """The client's bound on the answer; one beyond the model's own is no bound."""
    if options.max_tokens is None or "num_predict" not in model.options:
        return None
    return min(options.max_tokens, model.max_output_tokens)


def _thinking_bound(model: Model) -> int:
    return min(_THINKING_MAX_TOKENS, model.max_output_tokens)


def _thinking(think: Think, model: Model, max_tokens: int | None, tokens: int | None = None) -> Thinking:
    """How much the model is to think; of `tokens`, if the client has counted them. What cannot be off thinks as little
    as it can, unseen."""
    if model.thinking == "none":
        return Thinking()
    level: ThinkLevel = "medium" if think is True else think or "low"
    if model.thinking == "adaptive":
        off = model.thinking_off and not think
        return Thinking("off" if off else "adaptive", effort=_effort(level, model), shown=bool(think))
    budget = _budget(level, tokens, model, max_tokens) if think else None
    if budget is None:
        return Thinking("off", effort=_effort("low", model))
    return Thinking("budget", budget, _effort(level, model), shown=True)


def _effort(level: ThinkLevel, model: Model) -> str | None:
    """The model's level that is nearest to `level`, of two the lower: more than was asked for costs more."""
    rank = _LEVELS.index(level)
    known = [index for index, name in enumerate(_LEVELS) if name in model.effort_levels]
    return _LEVELS[min(known, key=lambda index: (abs(index - rank), index))] if known else None


def _budget(level: ThinkLevel, tokens: int | None, model: Model, max_tokens: int | None) -> int | None:
    """The tokens to think with, fewer than the whole answer may have; None where the API's least is too many.

    Of a bound that the client set at most half goes into thinking, unless it has counted the `tokens` itself: an answer
    shall follow.
    """
    bound = _thinking_bound(model) if max_tokens is None else max_tokens
    most = bound - 1 if max_tokens is None or tokens is not None else bound // 2
    wanted = _BUDGETS[level] if tokens is None else max(tokens, _LEAST_BUDGET)
    return min(wanted, most) if most >= _LEAST_BUDGET else None


def _check_prefill(request: ChatRequest, model: Model, thinking: Thinking, *, forced: bool) -> None:
    if not model.prefill:
        raise InvalidRequest(f'"{request.model}" cannot continue an assistant message: end with a user message')
    wishes = (
        (thinking.mode != "off", "thinking"),
        (request.format is not None, "a format"),
        (forced, "a call that it is forced to"),
    )
    for present, what in wishes:
        if present:
            raise InvalidRequest(
                f'"{request.model}" cannot continue an assistant message with {what}: they do not go together'
            )


def _asked(options: Options) -> dict[str, float]:
    """The sampling options that somebody chose and that ask for anything."""
    given = {name: getattr(options, name) for name in _SAMPLING}
    return {
        name: value
        for name, value in given.items()
        if value is not None and value not in _LIBRARY_DEFAULTS[name] and not _neutral(name, value)
    }


def _neutral(name: str, value: float) -> bool:
    """Whether a value takes nothing away: a nucleus of everything, no `top_k`."""
    return (name == "top_p" and value >= 1) or (name == "top_k" and value <= 0)


def _options(options: Options, model: Model, max_tokens: int | None, *, thinks: bool) -> tuple[Options, list[str]]:
    """The options for the model, and the names of those that were asked for and are not taken as they are."""
    asked = _asked(options)
    sampling = {} if thinks else _sampling(options, model, asked)
    unsupported = [name for name, value in asked.items() if sampling.get(name) != value]
    stop = options.stop if "stop" in model.options else ()
    if options.stop and not stop:
        unsupported.append("stop")
    if options.max_tokens is not None and "num_predict" not in model.options:
        unsupported.append("max_tokens")
    return Options(**sampling, stop=stop, max_tokens=max_tokens), unsupported


def _sampling(options: Options, model: Model, asked: dict[str, float]) -> dict[str, Any]:
    """The sampling options that the model takes, within the API's bounds, as long as it does not think."""
    taken: dict[str, Any] = {}
    for name in _SAMPLING:
        value = getattr(options, name)
        if value is not None and name in model.options and not _neutral(name, value):
            taken[name] = value if name == "top_k" else min(max(value, 0.0), 1.0)
    if {"temperature", "top_p"} <= taken.keys():
        # The API takes one of them. A temperature that nobody chose does not push out a choice.
        del taken["temperature" if "top_p" in asked and "temperature" not in asked else "top_p"]
    return taken


def _structure(wanted: JsonFormat | None, model: Model) -> Structure | None:
    if wanted is None:
        return None
    if wanted.schema is not None:
        check_size(wanted.schema)
    native = api_schema(wanted.schema) if model.structured_output and wanted.schema is not None else None
    return Structure(wanted.schema, native, "" if native is not None else instruction(wanted.schema))


def _shortened(request: ChatRequest, window: int, max_tokens: int) -> tuple[tuple[Message, ...], int]:
    """The messages that fit the window beside the answer, and how many do not.

    For the answer its bound is set aside, but no more than a quarter of the window. What cannot be made short enough is
    left to the API to measure, unless it is more than twice too long by our estimate.
    """
    room = window - min(max_tokens, window // 4)
    messages, dropped = within(request.messages, room) if request.truncate else (request.messages, 0)
    if not fits(messages, 2 * window if request.truncate else room):
        numbers = f"about {total(messages)} tokens, {room} fit"
        raise PromptTooLong(f"the input length exceeds the context length: {numbers}", should_retry=False)
    return messages, dropped
