from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.observe.ring import Ring


def ring_of(size: int, added: int) -> Ring[int]:
    ring: Ring[int] = Ring(size)
    for value in range(1, added + 1):
        ring.add(value)
    return ring


@pytest.mark.parametrize(
    ("added", "number", "fresh"),
    [
        (0, 0, []),
        (2, 0, [1, 2]),
        (3, 1, [2, 3]),
        (3, 3, []),
        (5, 0, [3, 4, 5]),
        (5, 3, [4, 5]),
        (5, 9, []),
    ],
)
def test_what_is_new_is_told_by_number_as_far_as_it_is_still_here(added: int, number: int, fresh: list[int]) -> None:
    assert ring_of(3, added).after(number) == (fresh, added)


def test_the_newest_come_first() -> None:
    assert ring_of(3, 5).newest(2) == [5, 4]
    assert ring_of(3, 5).newest(10) == [5, 4, 3]


def add_all(ring: Ring[int]) -> None:
    for value in range(1000):
        ring.add(value)


def test_whoever_follows_misses_nothing_that_other_threads_add() -> None:
    ring: Ring[int] = Ring(4000)
    seen: list[int] = []
    with ThreadPoolExecutor(4) as threads:
        writers = [threads.submit(lambda: add_all(ring)) for _ in range(4)]
        number = 0
        while not all(writer.done() for writer in writers) or number < ring.last:
            fresh, number = ring.after(number)
            seen += fresh
    assert sorted(seen) == sorted(list(range(1000)) * 4)
