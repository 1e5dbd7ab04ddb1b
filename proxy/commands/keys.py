"""`claude-ollama-server keys add | list | revoke`: who may use the daemon. A running one notices by itself."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from config import ConfigError, Settings, add_flags, load, seconds_in
from proxy.access.journal import Journal
from proxy.access.key_store import KeyStore, KeysUnusable
from proxy.access.keys import Key, KeyLimits, digest_of, new_id, new_secret
from proxy.access.usage import Use
from proxy.commands.columns import print_columns

_DAY = 24 * 3600

_HEADINGS: tuple[str, ...] = (
    *("ID", "NAME", "EXPIRES", "MODELS", "REQUESTS TODAY", "TOKENS TODAY", "DOLLARS TODAY", "AT ONCE", "ADMIN"),
)

KEYS = """\
Keys decide who may use the daemon. As soon as there is one, every request needs
one, as "Authorization: Bearer" or "x-api-key". A running daemon notices within
a second what is added or revoked.
"""

ADD = """\
Add a key, and print its secret: once, since only a digest of it is kept. What
else is said goes to stderr, so that SECRET=$(claude-ollama-server keys add ...)
works. Days are those of UTC.
"""

LIST = """\
List the keys, with what they have used today (in UTC). Dollars are at the API's
list prices.
"""

REVOKE = """\
Revoke a key. Answers that are under way are finished. When no key is left,
nobody is served until there is one.
"""

Act = Callable[[argparse.Namespace, Settings], None]


def add_keys_commands(parser: argparse.ArgumentParser, formatter: Any) -> None:
    """Give the parser of ``keys`` its commands."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, summary: str, text: str, act: Act) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=text, formatter_class=formatter)
        made.set_defaults(run=_running(act))
        return made

    _add_options(command("add", "add a key, and print its secret", ADD, add))
    add_flags(command("list", "list the keys, with today's use", LIST, list_keys), only=("state_folder",))
    revoking = command("revoke", "revoke a key", REVOKE, revoke)
    revoking.add_argument("key", metavar="KEY", help="name or id of a key")
    add_flags(revoking, only=("state_folder",))


def _add_options(parser: argparse.ArgumentParser) -> None:
    def number(flag: str, text: str) -> None:
        parser.add_argument(flag, type=_count, metavar="N", help=f"{text} (default: no limit)")

    parser.add_argument("--name", required=True, help="what to call it: letters, digits and . _ - + @")
    parser.add_argument("--expires", type=_lifetime, metavar="TIME", help="when it expires: 30d, 12h (default: never)")
    # Not `models`, which is a setting.
    parser.add_argument("--models", dest="only_models", metavar="NAME,...", help="models it may use (default: all)")
    number("--requests-a-day", "requests a day")
    number("--tokens-a-day", "tokens a day, of prompts and answers")
    parser.add_argument("--dollars-a-day", type=_dollars, metavar="X", help="US dollars a day (default: no limit)")
    number("--at-once", "requests at a time")
    parser.add_argument("--admin", action="store_true", help="it may change models, and see what all keys use")
    add_flags(parser, only=("state_folder",))


def _running(act: Act) -> Callable[..., Any]:
    async def run(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        try:
            act(argparse.Namespace(**arguments), load(arguments, environ))
        except (KeysUnusable, ValueError) as error:
            raise ConfigError(str(error)) from None

    return run


def add(arguments: argparse.Namespace, settings: Settings) -> None:
    """Add a key, and print its secret. Raises ValueError, `KeysUnusable` and OSError."""
    secret, now = new_secret(), datetime.now(UTC).replace(microsecond=0)
    key = Key(
        id=new_id(),
        name=arguments.name,
        digest=digest_of(secret),
        created_at=now,
        expires_at=None if arguments.expires is None else now + arguments.expires,
        admin=arguments.admin,
        models=tuple(name.strip() for name in (arguments.only_models or "").split(",") if name.strip()),
        limits=KeyLimits(
            requests=arguments.requests_a_day,
            tokens=arguments.tokens_a_day,
            dollars=arguments.dollars_a_day,
            at_once=arguments.at_once,
        ),
    )
    store = KeyStore(settings.state_folder)
    store.change(lambda keys: _with(keys, key))
    print(f"key {key.id} ({key.name}) is in {store.path}; its secret is shown this once:", file=sys.stderr, flush=True)
    print(secret)


def list_keys(_arguments: argparse.Namespace, settings: Settings) -> None:
    """Print the keys as a table. Raises `KeysUnusable` and OSError."""
    store, now = KeyStore(settings.state_folder), datetime.now(UTC)
    keys = store.load()
    if not keys:
        print(f"there are no keys in {store.path}", file=sys.stderr)
        return
    used = Journal(settings.state_folder).read(now.date())
    rows = [_HEADINGS, *(_row(key, used.get(key.id, Use()), now) for key in keys)]
    print_columns(rows)


def revoke(arguments: argparse.Namespace, settings: Settings) -> None:
    """Take a key out. Raises ValueError for one that is not there, `KeysUnusable` and OSError."""
    store = KeyStore(settings.state_folder)
    left: Sequence[Key] = ()

    def without(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        nonlocal left
        left = [key for key in keys if arguments.key not in (key.id, key.name)]
        if len(left) == len(keys):
            raise ValueError(f"there is no key {arguments.key!r}: `claude-ollama-server keys list` shows them")
        return tuple(left)

    store.change(without)
    print(f"key {arguments.key} is revoked", file=sys.stderr)
    if not left:
        print(
            f"that was the last one: nobody is served until a key is added; to open the daemon to everyone, stop it "
            f"and remove {store.path}",
            file=sys.stderr,
        )


def _with(keys: tuple[Key, ...], key: Key) -> tuple[Key, ...]:
    if any(key.name in (other.name, other.id) for other in keys):
        raise ValueError(f"there is a key {key.name!r} already")
    taken = {other.id for other in keys}
    while key.id in taken:
        key = replace(key, id=new_id())
    return (*keys, key)


def _row(key: Key, used: Use, now: datetime) -> tuple[str, ...]:
    limits = key.limits
    expires = "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}"
    return (
        key.id,
        key.name,
        "expired" if key.expired(now) else expires,
        ", ".join(key.models) or "all",
        _of(f"{used.requests:,}", limits.requests),
        _of(f"{used.tokens:,}", limits.tokens),
        _of(f"{max(0.0, used.dollars):.4f}", limits.dollars),
        "no limit" if limits.at_once is None else str(limits.at_once),
        "yes" if key.admin else "no",
    )


def _of(used: str, limit: float | None) -> str:
    return used if limit is None else f"{used} of {limit:,}"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _dollars(text: str) -> float:
    try:
        dollars = float(text.removeprefix("$"))
    except ValueError:
        dollars = -1
    if not 0 <= dollars < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of dollars")
    return dollars


def _lifetime(text: str) -> timedelta:
    days = text.removesuffix("d")
    try:
        seconds = float(days) * _DAY if days != text and days.isascii() and days.isdecimal() else seconds_in(text)
        made = timedelta(seconds=seconds)
        datetime.now(UTC) + made  # it may lie beyond every calendar
    except (ValueError, OverflowError):
        made = timedelta()
    if made <= timedelta():
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 30d, 12h or 90m")
    return made
