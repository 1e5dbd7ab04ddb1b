import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from proxy.access.key_store import KeyStore, KeysUnusable
from proxy.access.keyring import LOOK_AGAIN, Keyring
from proxy.access.keys import KeyLimits
from tests.support.keys import MADE, keep, make_key, secret_of

FULL = make_key(
    "ann",
    expires_at=MADE + timedelta(days=30),
    admin=True,
    models=("sonnet", "me/mine:v1"),
    limits=KeyLimits(requests=10, tokens=0, dollars=1.5, at_once=2),
)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    keys = (FULL, make_key("bob"))
    assert keep(tmp_path / "state", keys).load() == keys


def test_without_a_file_there_are_no_keys_which_is_not_the_same_as_none_in_it(tmp_path: Path) -> None:
    assert KeyStore(tmp_path).load() is None
    assert keep(tmp_path, ()).load() == ()


def test_the_file_is_for_its_owner_alone_and_holds_no_secret(tmp_path: Path) -> None:
    store = keep(tmp_path / "state", [FULL])
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert secret_of("ann") not in store.path.read_text()
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_the_file_stays_the_folders_owners_when_root_writes_it(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root writes for others")
    os.chown(tmp_path, 12345, 12345)
    assert keep(tmp_path, [FULL]).path.stat().st_uid == 12345


def changed(**fields: Any) -> str:
    key = {"id": FULL.id, "name": "ann", "digest": FULL.digest, "created_at": "2026-01-02T00:00:00Z"}
    return json.dumps({"format": 1, "keys": [key | fields]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00" * 100,
        "[" * 100_000,
        '{"format": 1}',
        '{"format": 2, "keys": []}',
        '{"format": 1, "keys": [{}]}',
        '{"format": 1, "keys": [], "open": true}',
        changed(digest="sk-cos-not-a-digest"),
        changed(digest=None),
        changed(name="a\nb"),
        changed(id="../../etc"),
        changed(created_at="2026-01-02T00:00:00"),
        changed(expires_at="soon"),
        changed(admin="perhaps"),
        changed(limits={"requests": -1}),
        changed(models="sonnet!!"),
        changed().replace("]", ', {"name": "ann"}]'),
    ],
    ids=lambda text: text[:40],
)
def test_a_file_that_makes_no_sense_is_an_error_that_quotes_nothing_of_it(tmp_path: Path, text: str) -> None:
    store = KeyStore(tmp_path)
    store.path.write_text(text)
    with pytest.raises(KeysUnusable, match=r"keys\.json make no sense") as caught:
        store.load()
    assert "sk-cos" not in str(caught.value)
    assert FULL.digest not in str(caught.value)


def test_two_keys_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match="two have the same name"):
        keep(tmp_path, [make_key("ann"), replace(make_key("bob"), name="ann")]).load()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.path.mkdir()
    with pytest.raises(KeysUnusable, match="cannot be read"):
        store.load()


def test_keys_that_are_added_at_once_are_all_there(tmp_path: Path) -> None:
    def add(number: int) -> None:
        KeyStore(tmp_path).change(lambda keys: (*keys, make_key(f"key{number}")))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(24)))
    assert len(KeyStore(tmp_path).load() or ()) == 24


class Clock:
    """Monotonic seconds that stand still."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ring(store: KeyStore) -> tuple[Keyring, Clock]:
    clock = Clock()
    keyring = Keyring(store, clock)
    keyring.load()
    return keyring, clock


def test_what_is_added_and_revoked_is_noticed_within_a_second(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    keyring, clock = ring(store)
    needed = [keyring.required]
    keep(tmp_path, [FULL])
    clock.now += LOOK_AGAIN
    needed.append(keyring.required)
    assert needed == [False, True]
    assert keyring.holder(secret_of("ann")) == keyring.find(FULL.id) == FULL
    keep(tmp_path, [make_key("bob")])
    clock.now += LOOK_AGAIN
    assert keyring.holder(secret_of("ann")) is None
    assert keyring.holder(secret_of("bob")) is not None


def test_the_file_is_looked_at_once_a_second_at_most(tmp_path: Path) -> None:
    store = keep(tmp_path, [FULL])
    keyring, clock = ring(store)
    keep(tmp_path, [])
    clock.now += LOOK_AGAIN / 2
    assert keyring.keys == (FULL,)


@pytest.mark.parametrize("text", [None, "", "{", '{"format": 1, "keys": [], "more": 1}'])
def test_a_file_that_is_removed_or_spoiled_opens_nothing(tmp_path: Path, text: str | None) -> None:
    store = keep(tmp_path, [FULL])
    keyring, clock = ring(store)
    if text is None:
        store.path.unlink()
    else:
        store.path.write_text(text)
    for _ in range(2):
        clock.now += LOOK_AGAIN
        assert keyring.required
    # Of a spoiled file the last good state counts, a removed one has no keys.
    assert list(keyring.keys) == ([] if text is None else [FULL])
    keep(tmp_path, [make_key("bob")]) if text is None else store.path.unlink()
    clock.now += LOOK_AGAIN
    assert keyring.holder(secret_of("ann")) is None


def test_without_a_store_no_key_is_needed() -> None:
    keyring = Keyring()
    keyring.load()
    assert (keyring.required, list(keyring.keys)) == (False, [])
