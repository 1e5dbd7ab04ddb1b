import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxy.access.keys import Identity, KeyLimits, digest_of, holder, new_id, new_secret
from proxy.core.request import Caller
from tests.support.keys import make_key, secret_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_secret_has_256_random_bits_and_its_digest_is_all_that_is_kept() -> None:
    secret = new_secret()
    assert re.fullmatch(r"sk-cos-[A-Za-z0-9_-]{43}", secret)
    assert secret != new_secret()
    assert re.fullmatch("[0-9a-f]{64}", digest_of(secret))
    assert secret not in repr(make_key("ann"))


def test_a_secret_finds_its_key_and_no_other_text_finds_one() -> None:
    ann, bob = make_key("ann"), make_key("bob")
    assert holder((ann, bob), secret_of("bob")) is bob
    for wrong in ("", secret_of("eve"), secret_of("ann")[:-1], secret_of("ann") + "_", ann.digest, ann.id, "\udcff"):
        assert holder((ann, bob), wrong) is None
    assert holder((), secret_of("ann")) is None


@pytest.mark.parametrize(("expires", "expired"), [(None, False), (NOW + timedelta(seconds=1), False), (NOW, True)])
def test_a_key_expires_when_its_time_has_come(expires: datetime | None, expired: bool) -> None:
    assert make_key("ann", expires_at=expires).expired(NOW) is expired


@pytest.mark.parametrize(
    ("models", "asked", "allowed"),
    [
        ((), "anything", True),
        (("sonnet",), "sonnet", True),
        (("sonnet",), "Sonnet:latest", True),
        (("library/SONNET:latest",), "sonnet", True),
        (("sonnet", "opus"), "opus", True),
        (("sonnet",), "sonnet:large", False),
        (("sonnet",), "opus", False),
        (("sonnet",), "not a name", False),
    ],
)
def test_a_key_may_use_its_models_however_they_are_spelled(models: Any, asked: str, allowed: bool) -> None:
    assert make_key("ann", models=models).may_use(asked) is allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "two words"},
        {"name": "a\x1b[31m"},
        {"name": "x" * 65},
        {"models": ("not a name",)},
        {"expires_at": NOW.replace(tzinfo=None)},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_no_key(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        make_key(**{"name": "ann", **wrong})


@pytest.mark.parametrize("wrong", [{"requests": -1}, {"tokens": -1}, {"dollars": float("nan")}, {"at_once": -1}])
def test_a_limit_is_a_number_that_is_not_negative(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        KeyLimits(**wrong)


def test_who_has_a_key_is_known_by_its_id() -> None:
    key = make_key("ann", models=("sonnet",))
    ann = Identity(key)
    assert (ann.caller, ann.admin, ann.may_use("opus")) == (Caller(key.id), False, False)
    assert Identity(make_key("root", admin=True)).admin
    assert re.fullmatch("key_[0-9a-f]{8}", new_id())


def test_who_has_none_may_do_everything_or_nothing() -> None:
    anyone, nobody = Identity(), Identity(free=False)
    assert (anyone.caller, anyone.admin, anyone.may_use("opus")) == (Caller(), True, True)
    assert (nobody.admin, nobody.may_use("opus")) == (False, False)
