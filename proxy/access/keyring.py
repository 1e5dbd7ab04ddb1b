"""The keys as the running daemon knows them: those that are added or revoked are noticed without a word."""

import time
from collections.abc import Callable, Sequence

import structlog

from proxy.access.key_store import KeyStore, KeysUnusable, Stamp
from proxy.access.keys import Key, holder

log = structlog.get_logger()

LOOK_AGAIN = 1.0
"""Seconds between two looks at the file: so long a revoked key may still be taken."""


class Keyring:
    """The keys of a `store`; without one there are none, and none are needed.

    Once there was a file of keys, one is needed, whatever becomes of the file: to remove it, or to spoil it, opens
    nothing. `now` are monotonic seconds.
    """

    def __init__(self, store: KeyStore | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._keys: tuple[Key, ...] = ()
        self._required = False
        self._stamp: Stamp | None = None
        self._looked_at = 0.0

    def load(self) -> None:
        """Read the keys. Raises `KeysUnusable`; then what was read before still counts."""
        if self._store is None:
            return
        # The file's stamp comes first: if it is replaced in between, the next look sees that.
        self._stamp, self._looked_at = self._store.stamp(), self._now()
        keys = self._store.load()
        self._keys = keys or ()
        self._required = self._required or keys is not None

    @property
    def required(self) -> bool:
        """A key is needed."""
        self._look()
        return self._required

    @property
    def keys(self) -> Sequence[Key]:
        """All of them, expired ones too."""
        self._look()
        return self._keys

    def holder(self, secret: str) -> Key | None:
        """The key of a secret, which may have expired."""
        return holder(self.keys, secret)

    def find(self, key_id: str) -> Key | None:
        """The key of an id."""
        return next((key for key in self.keys if key.id == key_id), None)

    def _look(self) -> None:
        """Read the file if it is another one than it was."""
        if self._store is None or self._now() - self._looked_at < LOOK_AGAIN:
            return
        self._looked_at = self._now()
        if self._store.stamp() == self._stamp:
            return
        try:
            self.load()
        except KeysUnusable as error:
            log.error("keys_unusable", error=str(error), meaning="the keys that were read before still count")
        else:
            log.info("keys_read", keys=len(self._keys))
