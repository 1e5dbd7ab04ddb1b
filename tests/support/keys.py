"""Keys for tests: made, and put where a daemon finds them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy.access.key_store import KeyStore
from proxy.access.keys import Key, KeyLimits, digest_of

MADE = datetime(2026, 1, 2, tzinfo=UTC)


def secret_of(name: str) -> str:
    """The secret of the key of that name, in the shape of a real one."""
    return "sk-cos-" + name.ljust(43, "_")


def make_key(name: str, *, limits: KeyLimits | None = None, **fields: Any) -> Key:
    """A key, with `limits` or none, whose secret is `secret_of` its name."""
    return Key(
        f"key_{digest_of(name)[:8]}", name, digest_of(secret_of(name)), MADE, limits=limits or KeyLimits(), **fields
    )


def keep(folder: Path, keys: Iterable[Key]) -> KeyStore:
    """Keep `keys`, and no others, in a state folder."""
    store = KeyStore(folder)
    store.change(lambda _before: tuple(keys))
    return store


def bearer(name: str) -> dict[str, str]:
    """The header with the secret of the key of that name."""
    return {"authorization": f"Bearer {secret_of(name)}"}
