"""Thinking is found again by its caller and prefix alone, and has a bound."""

from proxy.backends.claude_cli.thinking_cache import ThinkingCache
from proxy.core.request import Caller

ME, OTHER = Caller("me"), Caller("other")
THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
TEXT = {"type": "text", "text": "x"}


def test_an_answer_is_found_by_its_caller_and_prefix_alone() -> None:
    cache = ThinkingCache()
    cache.keep(ME, b"prefix", [THINKING, TEXT])
    assert cache.recall(ME, b"prefix") == [THINKING, TEXT]
    assert cache.recall(OTHER, b"prefix") is None
    assert cache.recall(ME, b"other") is None


def test_an_answer_without_thinking_is_not_kept() -> None:
    cache = ThinkingCache()
    cache.keep(ME, b"prefix", [TEXT])
    assert cache.recall(ME, b"prefix") is None


def test_the_longest_unused_answer_goes_when_there_is_no_room() -> None:
    cache = ThinkingCache(2 * len(str([THINKING])))
    for name in (b"a", b"b"):
        cache.keep(ME, name, [THINKING])
    cache.recall(ME, b"a")
    cache.keep(ME, b"c", [THINKING])
    assert [cache.recall(ME, name) is not None for name in (b"a", b"b", b"c")] == [True, False, True]


def test_an_answer_that_is_kept_again_counts_once() -> None:
    cache = ThinkingCache(2 * len(str([THINKING])))
    cache.keep(ME, b"a", [THINKING])
    for _ in range(3):
        cache.keep(ME, b"b", [THINKING])
    assert cache.recall(ME, b"a") is not None
    assert cache.recall(ME, b"b") is not None
