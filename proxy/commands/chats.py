"""`claude-ollama-server chats list | show | export | import | delete`: the kept chats; a daemon may run meanwhile."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from config import ConfigError, add_flags, load
from proxy.commands.columns import print_columns
from proxy.core.chats import Chat, ChatMessage, ChatStore
from proxy.core.files import whole
from proxy.core.request import Caller
from proxy.observe.log import configure_log
from proxy.store.export import ExportWriter, chats_of
from proxy.store.on_demand import chats_on_demand, place_of

CHATS = """\
Chats that clients had kept by the daemon: docs/chats.md. What an owner is: the
name of the key that a client has, or anonymous without one.
"""

LIST = """\
List an owner's chats, the last one that was used first. Times are in UTC.
"""

SHOW = """\
Print a chat: its system prompt and its messages. Characters that would steer a
terminal are printed as escapes.
"""

EXPORT = """\
Write chats as lines of JSON, to keep them elsewhere or to import them into
another store: those of every owner, with their images.
"""

IMPORT = """\
Keep the chats of an export, in the store of the settings: move them with
  claude-ollama-server chats export --chats sqlite --output FILE
  claude-ollama-server chats import FILE --chats files
A file that is not whole is refused before anything is kept. A chat that is
there already, and is another one in the file, stays as it is.
"""

DELETE = """\
Delete a chat of an owner. There is no way back but an export.
"""

ANYONE = Caller().name
"""The owner of the chats of clients without a key."""

_HEADINGS = ("ID", "LAST UPDATED", "CREATED", "MESSAGES", "TITLE")
_SETTINGS = ("state_folder", "chats")
_SHOWN_ALIKE = 5
# Chats that are named one by one; of more only the number is told.

Act = Callable[[ChatStore, argparse.Namespace, str], Awaitable[None]]
"""A command: the store, the flags, and where the store lies."""


def add_chats_commands(parser: argparse.ArgumentParser, formatter: Any) -> None:
    """Give the parser of ``chats`` its commands."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, summary: str, text: str, act: Act) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=text, formatter_class=formatter)
        made.set_defaults(run=_running(act))
        return made

    def owned(made: argparse.ArgumentParser, default: str | None = ANYONE) -> None:
        shown = default or "all"
        made.add_argument("--owner", default=default, metavar="NAME", help=f"whose chats (default: {shown})")

    listing = command("list", "list chats", LIST, list_chats)
    listing.add_argument("--containing", default="", metavar="TEXT", help="only those in which this was said")
    owned(listing)
    showing = command("show", "print a chat", SHOW, show)
    exporting = command("export", "write chats to a file", EXPORT, export)
    exporting.add_argument("--output", type=Path, metavar="FILE", help="where to write them (default: stdout)")
    owned(exporting, None)
    importing = command("import", "keep the chats of an export", IMPORT, import_chats)
    importing.add_argument("file", type=Path, metavar="FILE", help="an export")
    importing.add_argument("--replace", action="store_true", help="take the file's chats in place of those there")
    deleting = command("delete", "delete a chat", DELETE, delete)
    for made in (showing, deleting):
        made.add_argument("id", metavar="ID", help="id of a chat")
        owned(made)
    for made in (listing, showing, exporting, importing, deleting):
        add_flags(made, only=_SETTINGS)


def _running(act: Act) -> Callable[..., Any]:
    async def run(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        settings = load(arguments, environ)
        configure_log("warning", settings.log_format)
        async with aclosing(chats_on_demand(settings.chats, settings.state_folder)) as store:
            await act(store, argparse.Namespace(**arguments), place_of(settings.chats, settings.state_folder))

    return run


async def list_chats(store: ChatStore, arguments: argparse.Namespace, place: str) -> None:
    """Print a table. Raises `ServerError`."""
    summaries = await store.summaries(arguments.owner, arguments.containing)
    if not summaries:
        what = f"with {plain(arguments.containing)!r} in it " if arguments.containing else ""
        _say(f"there is no chat {what}of {plain(arguments.owner)} in {place}")
        return
    rows = [_HEADINGS] + [
        (
            plain(summary.id),
            _minute(summary.last_updated),
            _minute(summary.created_at),
            f"{summary.message_count:,}",
            plain(summary.title),
        )
        for summary in summaries
    ]
    print_columns(rows)


async def show(store: ChatStore, arguments: argparse.Namespace, place: str) -> None:
    """Print a chat. Raises `ConfigError` for one that is not there, and `ServerError`."""
    chat = await store.load(arguments.owner, arguments.id)
    if chat is None:
        raise _unknown(arguments, place)
    print(
        f"{plain(chat.id)} of {plain(chat.owner)}, from {_minute(chat.created_at)} to {_minute(chat.last_updated)} UTC"
    )
    if chat.system:
        print(f"\nsystem\n{_indented(chat.system)}")
    for message in chat.messages:
        print(f"\n{_heading(message)}\n{_indented(message.content)}")


async def export(store: ChatStore, arguments: argparse.Namespace, place: str) -> None:
    """Write an export. Raises `ServerError` and OSError."""
    with _output(arguments.output) as file:
        writer = ExportWriter(file)
        async for chat in store.everything():
            if arguments.owner in (None, chat.owner):
                writer.add(chat)
        writer.finish()
    _say(f"exported {_chats_in_words(writer.count)} of {place}")


async def import_chats(store: ChatStore, arguments: argparse.Namespace, place: str) -> None:
    """Keep the chats of an export. Raises `ConfigError` for a file that is none, and `ServerError`."""
    try:
        # All of it is looked at before anything is kept.
        for _chat in _chats_in(arguments.file):
            pass
    except (ValueError, OSError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(f"{arguments.file} cannot be imported: {words}") from None
    kept, same, left = 0, 0, []
    for chat in _chats_in(arguments.file):
        there = await store.load(chat.owner, chat.id)
        if there == chat:
            same += 1
        elif there is not None and not arguments.replace:
            left.append(chat)
        else:
            await store.restore(chat)
            kept += 1
    _say(f"imported {_chats_in_words(kept)} into {place}")
    if same:
        _say(f"there already, just as in the file: {_chats_in_words(same)}")
    if left:
        names = ", ".join(plain(f"{chat.id} of {chat.owner}") for chat in left[:_SHOWN_ALIKE])
        more = f" and {len(left) - _SHOWN_ALIKE} more" if len(left) > _SHOWN_ALIKE else ""
        _say(f"left as they are, since they are there and differ: {names}{more}; --replace takes the file's")


async def delete(store: ChatStore, arguments: argparse.Namespace, place: str) -> None:
    """Delete a chat. Raises `ConfigError` for one that is not there, and `ServerError`."""
    if not await store.delete(arguments.owner, arguments.id):
        raise _unknown(arguments, place)
    _say(f"chat {plain(arguments.id)} of {plain(arguments.owner)} is deleted")


def _unknown(arguments: argparse.Namespace, place: str) -> ConfigError:
    owner = plain(arguments.owner)
    return ConfigError(
        f"there is no chat {plain(arguments.id)!r} of {owner} in {place}: "
        f"`claude-ollama-server chats list --owner {owner}` shows them"
    )


def plain(text: str) -> str:
    """Text without the characters that would steer a terminal, or that it cannot show: as escapes."""
    harmless = "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1] for character in text
    )
    encoding = sys.stdout.encoding or "utf-8"
    return harmless.encode(encoding, "backslashreplace").decode(encoding)


def _heading(message: ChatMessage) -> str:
    images = f"{len(message.images)} images" if len(message.images) > 1 else "an image" if message.images else ""
    thoughts = "with thoughts" if message.thinking else ""
    parts = (message.role, plain(message.model), _minute(message.timestamp), images, thoughts)
    return ", ".join(part for part in parts if part)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in plain(text).split("\n"))


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _chats_in_words(count: int) -> str:
    return "1 chat" if count == 1 else f"{count:,} chats"


def _say(words: str) -> None:
    print(words, file=sys.stderr)


def _chats_in(path: Path) -> Iterator[Chat]:
    with path.open("rb") as file:
        yield from chats_of(file)


@contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """What to write to: stdout, or a file that is there when it is whole, for its owner's eyes alone."""
    if path is None:
        yield sys.stdout.buffer
        return
    with whole(path) as file:
        yield file
