import math
import random

import pytest

from proxy.catalog.residency import Residency

DEFAULT = 300.0
FOREVER = math.inf


def after_requests(*keep_alives: float | None, model: str = "opus") -> Residency:
    """One request after the other, each from second 0 to second 10."""
    residency = Residency(DEFAULT)
    for keep_alive in keep_alives:
        residency.enter(model, keep_alive)
        residency.leave(model, 10.0)
    return residency


def test_at_first_nothing_is_loaded() -> None:
    residency = Residency(DEFAULT)
    assert (residency.loaded(0.0), residency.expire(0.0), residency.next_end()) == ({}, [], math.inf)


@pytest.mark.parametrize(
    ("keep_alives", "stays"),
    [
        ([None], DEFAULT),
        ([60.0], 60.0),
        ([60.0, None], 60.0),
        ([None, 60.0], 60.0),
        ([60.0, 900.0], 900.0),
        ([900.0, 60.0, None], 60.0),
        ([FOREVER], FOREVER),
        ([FOREVER, None], FOREVER),
        ([FOREVER, 60.0], 60.0),
    ],
)
def test_a_model_stays_as_long_as_a_request_said_last(keep_alives: list[float | None], stays: float) -> None:
    residency = after_requests(*keep_alives)
    assert residency.loaded(10.0) == {"opus": stays}
    assert residency.next_end() == 10.0 + stays


@pytest.mark.parametrize(("now", "loaded"), [(10.0, {"opus": 60.0}), (69.5, {"opus": 0.5}), (70.0, {}), (99.0, {})])
def test_the_stay_runs_down_once_the_last_request_has_ended(now: float, loaded: dict[str, float]) -> None:
    residency = after_requests(60.0)
    assert residency.loaded(now) == loaded
    assert residency.expire(now) == ([] if loaded else ["opus"])
    assert residency.next_end() == (70.0 if loaded else math.inf)


def test_what_has_expired_expires_once() -> None:
    residency = after_requests(60.0)
    assert [residency.expire(now) for now in (70.0, 70.0, 99.0)] == [["opus"], [], []]


def test_a_model_is_loaded_as_long_as_a_request_runs() -> None:
    residency = Residency(DEFAULT)
    residency.enter("opus", 60.0)
    residency.enter("opus", None)
    residency.leave("opus", 5.0)
    assert (residency.loaded(9999.0), residency.expire(9999.0), residency.next_end()) == ({"opus": 60.0}, [], math.inf)
    residency.leave("opus", 9999.0)
    assert (residency.loaded(9999.0), residency.next_end()) == ({"opus": 60.0}, 10059.0)


def test_a_new_request_begins_the_stay_anew() -> None:
    residency = after_requests(60.0)
    residency.enter("opus", None)
    assert residency.expire(70.0) == []
    residency.leave("opus", 80.0)
    assert (residency.expire(139.0), residency.expire(140.0)) == ([], ["opus"])


def test_an_expired_model_has_the_default_again() -> None:
    residency = after_requests(60.0)
    residency.expire(70.0)
    residency.enter("opus", None)
    residency.leave("opus", 100.0)
    assert residency.loaded(100.0) == {"opus": DEFAULT}


def test_with_no_stay_a_model_goes_with_its_last_request() -> None:
    residency = Residency(DEFAULT)
    residency.enter("opus", 0.0)
    residency.enter("opus", None)
    residency.leave("opus", 5.0)
    assert (residency.loaded(5.0), residency.expire(5.0)) == ({"opus": 0.0}, [])
    residency.leave("opus", 6.0)
    assert (residency.loaded(6.0), residency.next_end(), residency.expire(6.0)) == ({}, 6.0, ["opus"])


def test_a_model_that_has_to_go_goes_at_once() -> None:
    residency = after_requests(FOREVER)
    residency.unload("opus", 20.0)
    assert (residency.loaded(20.0), residency.next_end(), residency.expire(20.0)) == ({}, 20.0, ["opus"])


def test_a_model_that_has_to_go_goes_when_its_requests_have_ended() -> None:
    residency = Residency(DEFAULT)
    residency.enter("opus", FOREVER)
    residency.unload("opus", 5.0)
    assert (residency.loaded(5.0), residency.expire(5.0)) == ({"opus": 0.0}, [])
    residency.leave("opus", 8.0)
    assert residency.expire(8.0) == ["opus"]


def test_a_request_that_says_how_long_keeps_a_model_that_had_to_go() -> None:
    residency = Residency(DEFAULT)
    residency.enter("opus", None)
    residency.unload("opus", 5.0)
    residency.enter("opus", 60.0)
    residency.leave("opus", 8.0)
    residency.leave("opus", 9.0)
    assert residency.loaded(9.0) == {"opus": 60.0}


def test_to_unload_what_is_not_loaded_changes_nothing() -> None:
    residency = Residency(DEFAULT)
    residency.unload("opus", 5.0)
    assert (residency.loaded(5.0), residency.expire(5.0)) == ({}, [])


def test_models_have_stays_of_their_own() -> None:
    residency = after_requests(60.0)
    residency.enter("haiku", 20.0)
    residency.leave("haiku", 10.0)
    residency.enter("sonnet", FOREVER)
    residency.leave("sonnet", 10.0)
    residency.unload("unknown", 10.0)
    assert residency.loaded(20.0) == {"opus": 50.0, "haiku": 10.0, "sonnet": FOREVER}
    assert residency.next_end() == 30.0
    assert (residency.expire(30.0), residency.next_end()) == (["haiku"], 70.0)
    assert (residency.expire(1e12), residency.next_end()) == (["opus"], math.inf)
    assert residency.loaded(1e12) == {"sonnet": FOREVER}


def test_what_is_loaded_is_exactly_what_has_not_expired() -> None:
    chance = random.Random(7)
    for _ in range(200):
        residency, running, now = Residency(5.0), [], 0.0
        for _ in range(50):
            now += chance.choice((0.0, 1.0, 3.0))
            match chance.randrange(3):
                case 0:
                    running.append(chance.choice("abc"))
                    residency.enter(running[-1], chance.choice((None, 0.0, 2.0, FOREVER)))
                case 1 if running:
                    residency.leave(running.pop(chance.randrange(len(running))), now)
                case _:
                    residency.unload(chance.choice("abc"), now)
            loaded = set(residency.loaded(now))
            assert set(running) <= loaded
            assert loaded.isdisjoint(residency.expire(now))
            assert set(residency.loaded(now)) == loaded
            assert residency.next_end() > now
