"""A few things that a simulated model knows, so that a conversation and common smoke tests look right."""

import re
from collections.abc import Callable, Mapping

_SKY = (
    "the sky is blue because of Rayleigh scattering: air molecules scatter the short wavelengths of sunlight, "
    "blue, much more than the long ones, red."
)
_FACTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"sky.*\bblue|blue.*\bsky", re.DOTALL), _SKY),
    (re.compile(r"capital (city )?of japan"), "the capital of Japan is Tokyo."),
    (re.compile(r"capital (city )?of france"), "the capital of France is Paris."),
    (re.compile(r"capital (city )?of (the )?(germany|deutschland)"), "the capital of Germany is Berlin."),
    (re.compile(r"capital (city )?of (the )?(uk|united kingdom|england)"), "the capital is London."),
    (re.compile(r"capital (city )?of (the )?(usa?|united states)"), "the capital is Washington, D.C."),
)
# What chat programs ask beside the conversation; they expect JSON.
_CHORES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'\{\s*"title":'), '{"title": "Simulated conversation"}'),
    (re.compile(r'\{\s*"tags":'), '{"tags": ["Simulated"]}'),
    (re.compile(r'\{\s*"follow_ups":'), '{"follow_ups": ["What did I say before?"]}'),
    (re.compile(r'\{\s*"queries":'), '{"queries": []}'),
)
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_OPERATIONS: Mapping[str, Callable[[float, float], float]] = {
    r"\s*(?:multiplied by|times|x|×|\*)\s*": lambda a, b: a * b,
    r"\s*(?:plus|added to|\+)\s*": lambda a, b: a + b,
    r"\s*(?:divided by|over|/|÷)\s*": lambda a, b: a / b,
    r"\s*(?:minus|-|−)\s*": lambda a, b: a - b,
}
_SUMS = tuple((re.compile(_NUMBER + words + _NUMBER), operation) for words, operation in _OPERATIONS.items())


def find_fact(text: str) -> str | None:
    """What the model knows about that, as the end of a sentence."""
    lowered = text.lower()
    return next((fact for pattern, fact in _FACTS if pattern.search(lowered)), None)


def find_chore(text: str) -> str | None:
    """The JSON that a chat program asks for beside the conversation: a title, tags, follow-up questions."""
    if not text.lstrip().startswith("### Task:"):
        return None
    return next((reply for pattern, reply in _CHORES if pattern.search(text)), None)


def find_sum(text: str) -> str | None:
    """The result of the first simple sum in the text."""
    for pattern, operation in _SUMS:
        if found := pattern.search(text.lower()):
            left, right = float(found[1]), float(found[2])
            try:
                result = operation(left, right)
            except ZeroDivisionError:
                return f"{found[0]} has no result."
            return f"{found[0]} = {int(result) if result == int(result) else round(result, 6)}"
    return None
