"""What the simulated model answers: plain English, decided by the conversation alone, recognisably simulated."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from proxy.simulator.body import (
    JSON_ALONE,
    Block,
    Body,
    blocks_of,
    conversation,
    earlier_user_texts,
    last_user_blocks,
    pictures,
    text_of,
)
from proxy.simulator.calls import STRUCTURED_OUTPUT, choose_calls
from proxy.simulator.facts import find_chore, find_fact, find_sum
from proxy.simulator.images import Picture
from proxy.simulator.recall import find_recalled, quote
from proxy.simulator.schema import minimal_value
from proxy.simulator.script import AnswerBlock, Text

COUNT_LIMIT = 10_000
MARK = "Simulated answer: "
# So much of a long message's beginning and of its end is searched for a question.
READ_LENGTH = 2000

_ECHO = re.compile(r"\s*(?:please )?(?:echo|repeat after me): ?(.*)", re.IGNORECASE | re.DOTALL)
_EXACTLY = re.compile(
    r"(?:reply|respond|answer|say)(?: with)?(?: exactly| only| just)+(?: the words?)?:?\s+[\"'“]?(.+?)[\"'”]?[.!]?\s*$",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\bcount(?: from (\d+))?(?: up)? to (\d+)", re.IGNORECASE)
_GREETING = re.compile(r"\s*(hi|hello|hey|good (morning|evening|day))\b", re.IGNORECASE)
_IMAGE = re.compile(r"\b(image|picture|photo)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """The newest user message: its `text`, the part of that which is `read`, all its `blocks`, and the request."""

    body: Body
    text: str
    read: str
    blocks: list[Block]


def answer(body: Body, text: str) -> tuple[AnswerBlock, ...]:
    """The blocks of the answer to `text`, which is what the user wrote last."""
    read = text if len(text) <= 2 * READ_LENGTH else f"{text[:READ_LENGTH]}\n{text[-READ_LENGTH:]}"
    question = Question(body, text, read, last_user_blocks(body))
    if not _results(question.blocks) and (calls := choose_calls(body, read)):
        opening = () if calls[0].name == STRUCTURED_OUTPUT else (Text(f"{MARK}I will call {calls[0].name}."),)
        return (*opening, *calls)
    return (Text(answer_text(question)),)


def answer_text(question: Question) -> str:
    """The text of an answer that calls no tool; JSON where that and nothing else is asked for.

    The system prompt may ask for it, or the user's last text.
    """
    words = next(words for reply in _REPLIES if (words := reply(question)) is not None)
    places = [text_of(blocks_of(question.body.get("system"))), *_last_text(question)]
    wanted = JSON_ALONE.search("\n".join(places))
    if wanted is None or _is_json(words):
        return words
    schema = wanted[1]
    value = minimal_value(orjson.loads(schema)) if schema and _is_json(schema) else {"answer": words}
    return orjson.dumps(value).decode()


def _last_text(question: Question) -> list[str]:
    return [str(block["text"]) for block in last_user_blocks(question.body) if block.get("type") == "text"][-1:]


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def numbered_words(count: int) -> str:
    """`count` words: ``word1 word2 ...``."""
    return " ".join(f"word{number}" for number in range(1, count + 1))


def _structured(question: Question) -> str | None:
    wanted = (question.body.get("output_config") or {}).get("format") or question.body.get("output_format")
    if not wanted:
        return None
    return orjson.dumps(minimal_value(wanted["schema"])).decode()


def _tool_results(question: Question) -> str | None:
    results = _results(question.blocks)
    if not results:
        return None
    return f"{MARK}{'; '.join(map(_told, results))}."


def _results(blocks: list[Block]) -> list[Block]:
    return [block for block in blocks if block.get("type") == "tool_result"]


def _told(result: Block) -> str:
    content = blocks_of(result.get("content"))
    shown = "".join(f" and {_shown(picture)}" for picture in pictures(content))
    verb = "failed with" if result.get("is_error") else "returned"
    return f"the tool {verb} {quote(text_of(content))}{shown}"


def _echo(question: Question) -> str | None:
    found = _ECHO.match(question.text)
    return found[1] if found and found[1] else None


def _exactly(question: Question) -> str | None:
    found = _EXACTLY.search(question.read)
    return found[1] if found else None


def _chore(question: Question) -> str | None:
    return find_chore(question.read)


def _image(question: Question) -> str | None:
    here = list(pictures(question.blocks))
    if not here and _IMAGE.search(question.read):
        here = [p for message in conversation(question.body) for p in pictures(message["content"])]
    if not here:
        return None
    return f"{MARK}I see {' and '.join(map(_shown, here))}."


def _shown(picture: Picture) -> str:
    return f"an image ({picture.media_type}, {picture.width} x {picture.height} pixels)"


def _recalled(question: Question) -> str | None:
    found = find_recalled(question.body, question.read)
    return MARK + found if found else None


def _counted(question: Question) -> str | None:
    if not (found := _COUNT.search(question.read)):
        return None
    first = int(found[1] or 1)
    last = min(int(found[2]), first + COUNT_LIMIT)
    return MARK + ", ".join(map(str, range(first, last + 1)))


def _known(question: Question) -> str | None:
    found = find_fact(question.read) or find_sum(question.read)
    return MARK + found if found else None


def _greeting(question: Question) -> str | None:
    if not _GREETING.match(question.read) or len(question.read) > 40:
        return None
    return 'Hello! This is a simulated answer: no model was asked. Say "help" to see what I understand.'


def _help(question: Question) -> str | None:
    return _HELP if question.read.strip().lower().rstrip("!?.") == "help" else None


def _anything(question: Question) -> str:
    turn = len(earlier_user_texts(question.body)) + 1
    return f"This is a simulated answer to {quote(question.text)}. It is turn {turn} of our conversation."


_HELP = """This is a simulated model. It understands, for example:
- echo: any text
- count to 5
- what did I say first? what did I say before?
- my name is Ada … what is my name?
- how many messages are there?
- what is your system prompt?
- what is in the image?
- what is 12 multiplied by 15?
- why is the sky blue?
- [simulate: words 200], [simulate: status=529], [simulate: think 50], [simulate: cut after=3] and other directives"""

# The first that has something to say answers.
_REPLIES: tuple[Callable[[Question], str | None], ...] = (
    _structured,
    _tool_results,
    _chore,
    _echo,
    _exactly,
    _help,
    _recalled,
    _image,
    _counted,
    _known,
    _greeting,
    _anything,
)
