"""Exports: what is read is what was written, and what is not whole is known for it."""

import io
import json

import pytest

from proxy.core.chats import Chat
from proxy.store import document, export, rules
from proxy.store.export import ExportWriter, chats_of
from tests.support.chats import ANN, BOB, answered, asked, make_chat

CHATS = [
    make_chat(ANN, "a", asked("hello\nü \u2028 会話 💬", 1, "aGk="), answered("hi", 2, thinking="hm")),
    make_chat(BOB, "half", asked("\ud800 \0")),
    make_chat("", "", answered(""), system=""),
]
BEGIN, END = b'{"export": "claude-ollama-server chats", "version": 1}\n', b'{"end": true, "chats": %d}\n'
LINE = document.encode(CHATS[0]) + b"\n"


def written(chats: list[Chat]) -> bytes:
    file = io.BytesIO()
    writer = ExportWriter(file)
    for chat in chats:
        writer.add(chat)
    writer.finish()
    return file.getvalue()


def read(data: bytes) -> list[Chat]:
    return list(chats_of(io.BytesIO(data)))


@pytest.mark.parametrize("count", range(4))
def test_what_is_read_is_what_was_written(count: int) -> None:
    data = written(CHATS[:count])
    assert read(data) == CHATS[:count]
    assert len(data.split(b"\n")) == count + 3
    assert data.startswith(BEGIN)
    assert data.endswith(END % count)


def test_each_line_is_json_for_other_programs() -> None:
    _first, chat, *_rest = map(json.loads, written(CHATS).splitlines())
    assert (chat["format"], chat["owner"], chat["id"]) == (1, ANN, "a")
    assert chat["messages"][0]["images"] == ["aGk="]


def test_an_export_that_is_cut_off_anywhere_is_known_for_it() -> None:
    data = written(CHATS)
    for end in range(len(data) - 1):
        with pytest.raises(ValueError):
            read(data[:end])
    assert read(data[:-1]) == CHATS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin as an export"),
        (b"root:x:0:0\n", "does not begin as an export"),
        (b"[1]\n", "does not begin as an export"),
        (b'{"export": "other", "version": 1}\n', "does not begin as an export"),
        (b"[" * 100_000 + b"\n", "does not begin as an export"),
        (BEGIN.replace(b"1", b"2"), "it is of version 2, and this program reads version 1"),
        (BEGIN, "it is cut off after line 1"),
        (BEGIN + LINE, "it is cut off after line 2"),
        (BEGIN + LINE + END % 2, "line 3: it ends there, with 2 chats, but has others"),
        (BEGIN + LINE + END % 1 + LINE, "line 3: it ends there"),
        (BEGIN + b"{}\n" + END % 1, "line 2: it lacks 'format'"),
        (BEGIN + b"\n" + END % 1, "line 2: it is no JSON"),
        (BEGIN + b'{"end": 1}\n', "line 2: it is no end"),
        (BEGIN + LINE.replace(b'"user"', b'"root"') + END % 1, "line 2: 'root' is no role"),
        (BEGIN + LINE.replace(b'"a"', b"7") + END % 1, "line 2: it is no chat: '7' is no text"),
        (BEGIN + LINE.replace(b"+00:00", b"") + END % 1, "line 2: '2026.*' has no time zone"),
        (BEGIN + LINE.replace(b"2026-", b"20x6-") + END % 1, "line 2: .*isoformat"),
        (
            BEGIN + LINE.replace(b"2026-01-02T03", b"0001-01-01T00").replace(b"+00:00", b"+23:00") + END % 1,
            "line 2: .*calendar",
        ),
        (BEGIN + LINE.replace(b'"a"', b'"%s"' % (b"x" * 257)) + END % 1, "line 2: the id or the owner .* too long"),
    ],
)
def test_what_is_no_export_is_told_of_with_its_line(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(data)


def test_a_line_or_a_chat_that_is_too_long_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST_BYTES", 200)
    with pytest.raises(ValueError, match="it has a line of more than 200 bytes"):
        read(written(CHATS))
    monkeypatch.undo()
    monkeypatch.setattr(rules, "MOST_CHARACTERS", 10)
    with pytest.raises(ValueError, match="line 2: the chat is too large"):
        read(written(CHATS))
