"""Tokens, and what the prompt cache does with a prefix that comes again."""

from typing import Any

import pytest

from proxy.simulator.cache import LOOKBACK, PromptCache, PromptUsage
from proxy.simulator.script import Script, Text, Thinking, ToolUse
from proxy.simulator.tokens import count_answer, count_prompt, count_text, prompt_parts

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
LONG = "x" * 4096


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def ask(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*blocks]}], **fields}


def use(cache: PromptCache, body: dict[str, Any], model: str = "m") -> PromptUsage:
    return cache.use(model, prompt_parts(body))


@pytest.mark.parametrize(("words", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("ééé", 2), ("👍", 1)])
def test_a_token_is_four_bytes(words: str, tokens: int) -> None:
    assert count_text(words) == tokens


def test_a_prompt_is_the_sum_of_its_parts() -> None:
    tool = {"name": "a", "input_schema": {"type": "object"}}
    png = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg"
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}}
    counts = [
        count_prompt(body)
        for body in (
            ask(text("abcd")),
            ask(text("abcd"), text("abcd")),
            ask(text("abcd"), system="abcd"),
            ask(text("abcd"), tools=[tool]),
            ask(image),
            ask({"type": "tool_result", "tool_use_id": "t", "content": "abcd"}),
        )
    ]
    assert counts == [5, 6, 10, 5 + 4 + 12, 4 + 410, 9]


def test_an_answer_counts_thinking_text_and_calls() -> None:
    blocks = (Thinking("abcd", shown=False), Text("abcd"), ToolUse("t", "abcd", {}))
    assert count_answer(Script(blocks)) == 1 + 1 + 4 + 1 + 1
    assert count_answer(Script(())) == 1


def test_without_a_breakpoint_nothing_is_cached() -> None:
    cache = PromptCache(Clock())
    assert [use(cache, ask(text(LONG))) for _ in range(2)] == [PromptUsage(1028), PromptUsage(1028)]


def test_a_prefix_is_written_once_and_read_afterwards() -> None:
    cache = PromptCache(Clock())
    body = ask(text(LONG, **MARK), text("abcd"))
    assert use(cache, body) == PromptUsage(uncached=1, written_5m=1028)
    assert use(cache, body) == PromptUsage(uncached=1, read=1028)


def test_moving_the_breakpoint_to_the_newest_block_reads_the_older_prefix() -> None:
    cache = PromptCache(Clock())
    use(cache, ask(text(LONG, **MARK)))
    grown = ask(text(LONG), text("abcd" * 10, **MARK))
    assert use(cache, grown) == PromptUsage(read=1028, written_5m=10)


@pytest.mark.parametrize(
    "other",
    [
        ask(text(LONG + "y", **MARK)),
        ask(text(LONG, **MARK), system="z"),
        ask(text(LONG, **MARK), tools=[{"name": "a"}]),
    ],
)
def test_another_prefix_does_not_hit(other: dict[str, Any]) -> None:
    cache = PromptCache(Clock())
    use(cache, ask(text(LONG, **MARK)))
    assert use(cache, other).read == 0


def test_another_model_does_not_hit() -> None:
    cache = PromptCache(Clock())
    use(cache, ask(text(LONG, **MARK)))
    assert use(cache, ask(text(LONG, **MARK)), model="n").read == 0


def test_a_short_prefix_is_not_cached() -> None:
    cache = PromptCache(Clock())
    assert [use(cache, ask(text("abcd", **MARK))).written for _ in range(2)] == [0, 0]


def test_the_minimum_can_be_lifted() -> None:
    cache = PromptCache(Clock(), minimum=0)
    assert [use(cache, ask(text("abcd", **MARK))).read for _ in range(2)] == [0, 5]


def test_lifetimes_are_counted_apart_and_end() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    body = ask(text(LONG, **MARK), system=[text(LONG, **HOUR)])
    assert use(cache, body) == PromptUsage(written_1h=1028, written_5m=1028)
    clock.now = 301.0
    assert use(cache, body) == PromptUsage(read=1028, written_5m=1028)
    clock.now = 4000.0
    assert use(cache, body).read == 0


def test_the_api_looks_back_only_so_far() -> None:
    near, far = ([text("abcd")] * count for count in (LOOKBACK - 1, LOOKBACK))
    for blocks, read in ((near, 1028), (far, 0)):
        cache = PromptCache(Clock())
        use(cache, ask(text(LONG, **MARK)))
        assert use(cache, ask(text(LONG), *blocks, text("end", **MARK))).read == read


def test_a_breakpoint_of_the_request_itself_stands_on_its_last_block() -> None:
    cache = PromptCache(Clock())
    assert use(cache, ask(text(LONG), **MARK)).written == 1028


def test_the_oldest_prefix_is_forgotten() -> None:
    cache = PromptCache(Clock(), limit=1)
    use(cache, ask(text(LONG, **MARK)))
    use(cache, ask(text(LONG + "y", **MARK)))
    assert use(cache, ask(text(LONG, **MARK))).read == 0
