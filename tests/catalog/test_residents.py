import math

from proxy.catalog.residents import Residents
from proxy.core.request import Caller

ANN, BOB = Caller("ann"), Caller("bob")


def loaded_by_both() -> Residents:
    residents = Residents(300.0)
    for caller, keep_alive in ((ANN, 60.0), (BOB, None)):
        residents.enter(caller, "opus", keep_alive)
        residents.leave(caller, "opus", 0.0)
    return residents


def test_each_caller_has_loaded_what_it_asked_and_all_together_the_longest_stays() -> None:
    residents = loaded_by_both()
    assert residents.loaded(ANN, 10.0) == {"opus": 50.0}
    assert residents.loaded(BOB, 10.0) == residents.loaded(None, 10.0) == {"opus": 290.0}
    assert residents.loaded(Caller(), 10.0) == {}
    assert residents.next_end() == 60.0


def test_one_callers_stay_ends_without_the_others() -> None:
    residents = loaded_by_both()
    assert residents.expire(60.0) == [(ANN, "opus")]
    residents.unload(ANN, "opus", 61.0)
    assert residents.loaded(BOB, 61.0) == {"opus": 239.0}


def test_what_is_unloaded_for_all_goes_for_all() -> None:
    residents = loaded_by_both()
    residents.unload(None, "opus", 1.0)
    assert residents.expire(1.0) == [(ANN, "opus"), (BOB, "opus")]
    assert (residents.expire(2.0), residents.next_end()) == ([], math.inf)


def test_what_runs_is_not_unloaded_before_it_ends() -> None:
    residents = Residents(300.0)
    residents.enter(ANN, "opus", None)
    residents.unload(ANN, "opus", 1.0)
    assert residents.expire(2.0) == []
    residents.leave(ANN, "opus", 3.0)
    assert residents.expire(3.0) == [(ANN, "opus")]
