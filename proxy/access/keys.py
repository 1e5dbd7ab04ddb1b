"""A key: who may ask, for which models, and how much. Pure, but for making a secret.

Of a secret only the SHA-256 is kept. That is right because it is no password: 256 random bits cannot be guessed or
looked up, however fast the digest is, so a slow one would only slow the daemon down.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from proxy.core.names import parse_name
from proxy.core.request import Caller

SECRET_PREFIX = "sk-cos-"  # noqa: S105 - what every secret begins with
_SECRET_BYTES = 32

_ID = re.compile(r"key_[0-9a-f]{8}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")
NAME_WORDS = "1 to 64 letters, digits and . _ - + @, a letter or digit first"


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may use: `requests`, `tokens`, `dollars` a day of UTC, and requests `at_once`; None for no limit."""

    requests: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        given = (self.requests, self.tokens, self.dollars, self.at_once)
        if not all(limit is None or 0 <= limit < float("inf") for limit in given):
            raise ValueError("a limit is a number that is not negative")


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret: `digest` is the SHA-256 of that, in hex.

    `models` are the names that it may ask for, empty for all. An `admin` may change the models of the daemon, and see
    what everyone uses. Times are aware of their zone. Raises ValueError for what is no key.
    """

    id: str
    name: str
    digest: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    admin: bool = False
    models: tuple[str, ...] = ()
    limits: KeyLimits = KeyLimits()

    def __post_init__(self) -> None:
        if not (_ID.fullmatch(self.id) and _DIGEST.fullmatch(self.digest)):
            raise ValueError("id or digest is none")
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name has to be {NAME_WORDS}")
        if wrong := next((name for name in self.models if parse_name(name) is None), None):
            raise ValueError(f"{wrong!r} is no name of a model")
        if any(time is not None and time.tzinfo is None for time in (self.created_at, self.expires_at)):
            raise ValueError("a time has no zone")

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def may_use(self, model: str) -> bool:
        """Whether it may ask for the model of that name, however it is spelled."""
        asked = parse_name(model)
        allowed = (parse_name(name) for name in self.models)
        return not self.models or (asked is not None and asked.key in (name.key for name in allowed if name))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from: the holder of `key`. Without one it is anyone: where that is `free` they may do
    everything, else nothing that needs a key."""

    key: Key | None = None
    free: bool = True

    @property
    def caller(self) -> Caller:
        """As the core knows them."""
        return Caller() if self.key is None else Caller(self.key.id)

    @property
    def admin(self) -> bool:
        """They may change the models of the daemon, and see and unload what others have loaded."""
        return self.free if self.key is None else self.key.admin

    def may_use(self, model: str) -> bool:
        """They may ask for the model of that name."""
        return self.free if self.key is None else self.key.may_use(model)


def new_id() -> str:
    """An id for a new key; it is no secret."""
    return f"key_{secrets.token_hex(4)}"


def new_secret() -> str:
    """A secret for a new key: 256 random bits."""
    return SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def holder(keys: Iterable[Key], secret: str) -> Key | None:
    """The key of a `secret`. It takes as long whichever it is, and if there is none."""
    digest = digest_of(secret)
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found
