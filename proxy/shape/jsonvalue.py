"""Lets through the one JSON value of an answer, without the words and fences around it."""

import re

_BLANKS = " \t\n\r"
_LITERALS = ("true", "false", "null")
_OPEN = "open"
_FENCED = re.compile(r"```[a-z]*\n(.*?)\n?```", re.DOTALL)
_MARK = re.compile(r'["\[\]{}]')
_MARK_IN_STRING = re.compile(r'["\\]')


class JsonFilter:
    """Takes an answer in deltas and gives back its first JSON object or array, token by token.

    What stands before it and after it is dropped: words, Markdown fences, other values. A bracket opens the value if
    what follows it can be JSON, blanks aside: after ``{`` a string or ``}``, after ``[`` a value or ``]``; else it is
    a word, as in "Here is {your} JSON [see below]". Until that is known the bracket is held back. Inside the value
    only strings and the depth of brackets are followed: whether it is valid JSON is for `schema.Validator`.

    `complete`: the value is closed, and the rest of the answer is dropped.
    """

    def __init__(self, opens: str = "{[") -> None:
        self._opens = opens
        self.complete = False
        self._parts: list[str] = []
        self._state = ""
        self._held: list[str] = []
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def text(self) -> str:
        """All that was let through."""
        return "".join(self._parts)

    def feed(self, text: str) -> str:
        """What may be sent now."""
        if not self._depth and not self.complete:
            text = self._opening(text)
        if not text or self.complete:
            return ""
        sent = text[: self._end(text)]
        self._parts.append(sent)
        return sent

    def rest(self) -> str:
        """What was held back, once the answer has ended: nothing, for no value has begun there."""
        return ""

    def _opening(self, text: str) -> str:
        """The text from the value's first bracket on, empty until it is known to be one."""
        start = 0
        for at, char in enumerate(text):
            state = _following(self._state, char)
            if state == _OPEN:
                return "".join((*self._held, text[start:]))
            if not state:
                state, start = char if char in self._opens else "", at
                self._held.clear()
            self._state = state
        if self._state:
            self._held.append(text[start:])
        return ""

    def _end(self, text: str) -> int:
        """How much of `text` belongs to the value. The text is not empty."""
        at, self._escaped = int(self._escaped), False
        while found := (_MARK_IN_STRING if self._in_string else _MARK).search(text, at):
            at, mark = found.end(), found[0]
            if mark == "\\":
                self._escaped = at == len(text)
                at += 1
            elif mark == '"':
                self._in_string = not self._in_string
            elif mark in "[{":
                self._depth += 1
            else:
                self._depth -= 1
                self.complete = not self._depth
                if self.complete:
                    return at
        return len(text)


def _following(state: str, char: str) -> str:
    """What is known of an opening after one more character: `_OPEN`, or "" if it is none.

    A state is the last bracket, or what came of a value after it.
    """
    if state and state in "[{" and char in _BLANKS:
        return state
    match state:
        case "{":
            return _OPEN if char in '"}' else ""
        case "[":
            return _OPEN if char in '"]0123456789' else char if char in "[{-tfn" else ""
        case "-":
            return _OPEN if char in "0123456789" else ""
        case "true" | "false" | "null":
            return _OPEN if char in _BLANKS or char in ",]" else ""
    begun = state + char
    return begun if state and any(word.startswith(begun) for word in _LITERALS) else ""


class ValueFilter:
    """Takes an answer whose JSON value need not be an object or array, such as one word of a list, and holds it back.

    Where a number or a word ends is known only at the end of the answer. Then a Markdown fence around it is taken off.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.text = ""

    @property
    def complete(self) -> bool:
        """Whether there is a value; where it would have ended nobody knows."""
        return False

    def feed(self, text: str) -> str:
        """Nothing yet."""
        self._parts.append(text)
        return ""

    def rest(self) -> str:
        """The value, once the answer has ended."""
        text = "".join(self._parts).strip()
        fenced = _FENCED.fullmatch(text)
        self.text = fenced[1] if fenced else text
        return self.text
