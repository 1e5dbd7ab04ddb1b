"""What a directive makes of an answer."""

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from proxy.simulator.answers import answer, numbered_words
from proxy.simulator.body import Body
from proxy.simulator.calls import call_id, full_name
from proxy.simulator.directives import Directive
from proxy.simulator.errors import ERROR_TEXTS, ERROR_TYPES, ApiError, invalid
from proxy.simulator.pieces import split_text
from proxy.simulator.script import AnswerBlock, Fault, Script, Text, ToolUse

FAULTS = frozenset({"error", "cut", "hang", "duplicate_start", "garbage", "no_stop", "no_delta"})
DEFAULT_WORDS = 20
CUT_SHORT_WORDS = 5
# Text deltas that a faulty answer would still have had.
WORDS_AFTER_FAULT = 10
REFUSAL_TEXT = "This request was declined by a simulated safety classifier."


def scripted(directive: Directive, body: Body, text: str) -> Script:
    """The answer that the directive asks for; `text` is what else the user wrote. Raises `ApiError` for ``status``."""
    if directive.kind in FAULTS:
        return _faulty(directive, body, text)
    write = _KINDS.get(directive.kind)
    return write(directive, body, text) if write else Script(answer(body, text))


def _faulty(directive: Directive, body: Body, text: str) -> Script:
    kind = directive.kind
    after = directive.option("after", 0)
    kind_of_error = directive.options.get("type", "overloaded_error")
    message = directive.options.get("message", ERROR_TEXTS.get(kind_of_error, "Error"))
    fault = Fault(cast(Any, kind), after, kind_of_error, message)
    silent = kind == "hang" and "after" not in directive.options
    return Script(_long_enough(answer(body, text), after, directive), fault=fault, silent=silent)


def _long_enough(blocks: tuple[AnswerBlock, ...], deltas: int, directive: Directive) -> tuple[AnswerBlock, ...]:
    """Those blocks, or numbered words when they have no more than `deltas` text deltas."""
    size = max(1, directive.option("deltas", 1))
    found = sum(len(split_text(block.text, size)) for block in blocks if isinstance(block, Text))
    return blocks if found > deltas else (Text(numbered_words((deltas + WORDS_AFTER_FAULT) * size)),)


def _status(directive: Directive, _body: Body, _text: str) -> Script:
    status = directive.number(500)
    options = directive.options
    kind = options.get("type") or ERROR_TYPES.get(status) or "api_error"
    headers: dict[str, str] = {}
    if "retry_after" in options:
        headers["retry-after"] = options["retry_after"]
    if "reset" in options:
        headers |= {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": str(_moment(options["reset"], directive)),
            "anthropic-ratelimit-unified-representative-claim": options.get("claim", "five_hour"),
        }
    if not 400 <= status <= 599:
        raise invalid(f"simulate: status must be 400 to 599: {directive.source}")
    raise ApiError(status, options.get("message", ERROR_TEXTS.get(kind, "Error")), kind=kind, headers=headers)


def _moment(reset: str, directive: Directive) -> int:
    """Unix seconds; ``+60`` is in a minute."""
    try:
        return int(reset) + (int(time.time()) if reset.startswith("+") else 0)
    except ValueError:
        raise invalid(f"simulate: reset must be seconds: {directive.source}") from None


def _refusal(directive: Directive, body: Body, text: str) -> Script:
    blocks: tuple[AnswerBlock, ...] = ()
    if after := directive.option("after", 0):
        size = max(1, directive.option("deltas", 1))
        full = Script(_long_enough(answer(body, text), after, directive)).text
        blocks = (Text("".join(split_text(full, size)[:after])),)
    details = {
        "type": "refusal",
        "category": directive.options.get("category", "general_harms"),
        "explanation": REFUSAL_TEXT,
    }
    return Script(blocks, "refusal", stop_details=details)


def _tool(directive: Directive, body: Body, _text: str) -> Script:
    opening = directive.options.get("text")
    broken = directive.options.get("broken", "0") not in ("0", "false", "no")
    calls: list[ToolUse] = []
    names = [value for value in directive.values if isinstance(value, str)]
    if not names:
        raise invalid(f"simulate: tool needs a name: {directive.source}")
    for index, value in enumerate(directive.values):
        if isinstance(value, str):
            following = directive.values[index + 1 : index + 2]
            given = following[0] if following and isinstance(following[0], dict) else {}
            calls.append(ToolUse(call_id(body, len(calls)), full_name(body, value), given, broken))
    return Script(((Text(opening),) if opening else ()) + tuple(calls), "tool_use")


def _words(directive: Directive, _body: Body, _text: str) -> Script:
    return Script((Text(numbered_words(directive.number(DEFAULT_WORDS))),))


def _verbatim(directive: Directive, _body: Body, _text: str) -> Script:
    text = " ".join(map(str, directive.values))
    return Script((Text(text),) if text else ())


def _max_tokens(directive: Directive, body: Body, text: str) -> Script:
    count = directive.number(CUT_SHORT_WORDS)
    full = Script(_long_enough(answer(body, text), count, directive)).text
    return Script((Text("".join(split_text(full)[:count])),), "max_tokens")


_KINDS: Mapping[str, Callable[[Directive, Body, str], Script]] = {
    "status": _status,
    "max_tokens": _max_tokens,
    "refusal": _refusal,
    "tool": _tool,
    "words": _words,
    "text": _verbatim,
}
