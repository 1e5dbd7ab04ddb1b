"""What the conversation itself answers: earlier turns, counts, the system prompt. Tests prove with it what arrived."""

import re

from proxy.simulator.body import Body, conversation, earlier_user_texts, system_prompt

QUOTE_LENGTH = 400

_EARLIER = re.compile(
    r"what (did|have) i (say|said|ask|asked|tell|told|write|written)|\brecall\b|do you remember|"
    r"what was my (first|last|previous)|my (first|last|previous) (message|question|words)"
)
_MINE = re.compile(r"what(?:'s|’s| is| was) my (?!system|first|last|previous)([\w ]+?)\s*(?:\?|\.|$)")
_COUNT = re.compile(r"how many (messages|turns)")
_SYSTEM = re.compile(r"system prompt|your (instructions|role)|who are you|what are you\b")


def find_recalled(body: Body, text: str) -> str | None:
    """What the conversation says about that question; None when it does not ask about the conversation."""
    lowered = text.lower()
    if mine := _MINE.search(lowered):
        return _told_about(mine[1], earlier_user_texts(body))
    if _EARLIER.search(lowered):
        return _earlier(lowered, earlier_user_texts(body))
    if _COUNT.search(lowered):
        return _count(body)
    if _SYSTEM.search(lowered):
        prompt = system_prompt(body)
        return f"my system prompt is {quote(prompt)}." if prompt else "I am a simulated model without a system prompt."
    return None


def quote(text: str) -> str:
    """The text in quotation marks, cut when it is long."""
    text = text.strip()
    return f'"{text}"' if len(text) <= QUOTE_LENGTH else f'"{text[:QUOTE_LENGTH]}…" ({len(text)} characters)'


def _told_about(subject: str, earlier: list[str]) -> str:
    told = re.compile(rf"\bmy {re.escape(subject)}(?:'s|’s| is|:)\s*([^.!?\n,]+)", re.IGNORECASE)
    for text in reversed(earlier):
        if found := told.search(text):
            return f"your {subject} is {found[1].strip()}."
    return f"you have not told me your {subject}."


def _earlier(question: str, earlier: list[str]) -> str:
    if not earlier:
        return "this is your first message; you have said nothing before."
    if "first" in question:
        return f"first you said {quote(earlier[0])}."
    if re.search(r"\blast\b|previous|before", question):
        return f"before that you said {quote(earlier[-1])}."
    return "you said " + ", then ".join(map(quote, earlier)) + "."


def _count(body: Body) -> str:
    messages = conversation(body)
    yours = sum(message["role"] == "user" for message in messages)
    return f"this conversation has {len(messages)} messages: {yours} from you and {len(messages) - yours} from me."
