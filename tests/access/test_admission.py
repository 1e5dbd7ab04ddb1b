from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.access.admission import Admission, until_tomorrow
from proxy.access.keyring import Keyring
from proxy.access.keys import Key, KeyLimits
from proxy.access.ledger import Ledger
from proxy.core.contracts import Spent
from proxy.core.errors import Busy, InvalidRequest, LimitReached, NotLoggedIn, ServerError
from proxy.core.events import Usage
from proxy.core.request import Caller
from tests.support.keys import keep, make_key

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
Begin = Callable[..., AbstractContextManager[None]]


class Gate:
    """An admission of one key with `limits`, beside another one without."""

    def __init__(
        self, folder: Path, *, max_requests: int | None = None, max_dollars: float | None = None, **limits: Any
    ):
        self.key, self.other = make_key("ann", limits=KeyLimits(**limits)), make_key("bob")
        self.now = NOON
        self.admission = self._made(folder, [self.key, self.other], max_requests, max_dollars)

    def _made(self, folder: Path, keys: list[Key], requests: int | None, dollars: float | None) -> Admission:
        keyring = Keyring(keep(folder, keys))
        keyring.load()
        return Admission(keyring, Ledger(now=lambda: self.now), max_requests=requests, max_dollars=dollars)

    def begin(self, tokens: int = 10, *, other: bool = False) -> AbstractContextManager[None]:
        caller = Caller((self.other if other else self.key).id)
        return self.admission.admitted(caller, lambda: tokens)

    def run(self, tokens: int = 10, dollars: float = 0.0, *, other: bool = False) -> None:
        """A whole request, which used so much."""
        with self.begin(other=other):
            pass
        caller = Caller((self.other if other else self.key).id)
        self.admission.spent(caller, Spent(Usage(tokens - 1, 1), dollars))

    def refused(self, **options: Any) -> ServerError:
        with pytest.raises(ServerError) as caught, self.begin(**options):
            pass
        return caught.value


def test_requests_a_day_are_counted_exactly_and_come_back_the_next_day(tmp_path: Path) -> None:
    gate = Gate(tmp_path, requests=2)
    gate.run()
    gate.run()
    error = gate.refused()
    assert isinstance(error, LimitReached)
    assert error.message == "this API key's limit of 2 requests a day is reached; it starts anew at 00:00 UTC"
    assert (error.status, error.fault, error.retry_after, error.should_retry) == (429, "client", 12 * 3600, False)
    gate.run(other=True)
    gate.now = NOON.replace(day=2)
    gate.run()


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"tokens": 100}, "100 tokens"), ({"dollars": 0.5}, "0.5 US dollars"), ({"requests": 1}, "1 request a day")],
)
def test_what_was_used_keeps_the_next_request_out(tmp_path: Path, limits: dict[str, Any], words: str) -> None:
    gate = Gate(tmp_path, **limits)
    gate.run(100, 0.5)
    assert words in gate.refused().message


def test_a_limit_of_nothing_lets_nobody_in(tmp_path: Path) -> None:
    for limits in ({"requests": 0}, {"tokens": 0}, {"dollars": 0}, {"at_once": 0}):
        assert Gate(tmp_path, **limits).refused().status == 429


def test_twenty_requests_at_once_get_in_as_far_as_their_prompts_fit(tmp_path: Path) -> None:
    gate = Gate(tmp_path, tokens=100)
    with ExitStack() as running:
        let_in = 0
        for _ in range(20):
            try:
                running.enter_context(gate.begin(30))
            except LimitReached:
                continue
            let_in += 1
        assert (let_in, gate.admission.running(Caller(gate.key.id))) == (3, 3)
    gate.run(30)


def test_one_request_gets_in_while_anything_is_left_however_long_it_seems(tmp_path: Path) -> None:
    gate = Gate(tmp_path, tokens=100)
    gate.run(99)
    with gate.begin(1000):
        assert gate.refused(tokens=1).status == 429


def at_once_beside(gate: Gate) -> int:
    """How many requests get in beside one that runs."""
    error = gate.refused()
    assert (error.message, error.retry_after) == ("this API key may have 1 request at once", 1)
    gate.run(other=True)
    return 0


def test_requests_at_once_are_free_again_however_they_end(tmp_path: Path) -> None:
    gate = Gate(tmp_path, at_once=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.begin():
            1 / at_once_beside(gate)


def test_the_ceiling_of_the_daemon_is_for_all_and_needs_no_keys(tmp_path: Path) -> None:
    gate = Gate(tmp_path, max_dollars=1)
    gate.run(dollars=0.6)
    gate.run(dollars=0.4, other=True)
    error = gate.refused(other=True)
    assert (error.status, error.fault) == (429, "operator")
    assert "this server's limit of 1 US dollars a day" in error.message
    alone = Admission(max_dollars=0.5)
    alone.spent(Caller(), Spent(dollars=0.5))
    with pytest.raises(LimitReached), alone.admitted(Caller(), lambda: 1):
        pass


def test_too_many_requests_of_all_together_are_a_full_queue(tmp_path: Path) -> None:
    gate = Gate(tmp_path, max_requests=2)
    with gate.begin(), gate.begin(other=True):
        error = gate.refused()
    assert isinstance(error, Busy)
    assert error.message == "server busy, please try again.  maximum pending requests exceeded"
    gate.run()


def test_who_is_refused_counts_for_nothing(tmp_path: Path) -> None:
    gate = Gate(tmp_path, requests=1, at_once=1)
    with gate.begin():
        gate.refused()
    assert gate.admission.ledger.of(gate.key.id).requests == 1


def test_a_prompt_is_measured_only_where_tokens_are_limited(tmp_path: Path) -> None:
    gate = Gate(tmp_path, requests=5)
    with gate.admission.admitted(Caller(gate.key.id), lambda: pytest.fail("measured")):
        pass


def test_a_correction_downwards_lets_the_caller_in_again(tmp_path: Path) -> None:
    gate = Gate(tmp_path, dollars=1)
    gate.run(dollars=1.2)
    gate.refused()
    gate.admission.spent(Caller(gate.key.id), Spent(dollars=-0.7))
    gate.run()


@pytest.mark.parametrize("name", ["anonymous", "key_00000000"])
def test_where_keys_are_needed_nobody_else_gets_in(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotLoggedIn) as caught, Gate(tmp_path).admission.admitted(Caller(name), lambda: 1):
        pass
    assert (caught.value.status, caught.value.fault) == (401, "client")


def test_a_model_that_is_not_a_keys_is_forbidden(tmp_path: Path) -> None:
    key = make_key("ann", models=("sonnet",))
    keyring = Keyring(keep(tmp_path, [key]))
    keyring.load()
    admission = Admission(keyring)
    admission.permit(Caller(key.id), "sonnet")
    with pytest.raises(InvalidRequest) as caught:
        admission.permit(Caller(key.id), "opus")
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (NOON, 12 * 3600),
        (NOON.replace(hour=0), 24 * 3600),
        (NOON.replace(hour=23, minute=59, second=59, microsecond=999_999), 1),
    ],
)
def test_it_starts_anew_at_midnight_of_utc(now: datetime, seconds: int) -> None:
    assert until_tomorrow(now) == seconds
