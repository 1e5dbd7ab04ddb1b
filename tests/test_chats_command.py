"""`claude-ollama-server chats`, and the daemon whose chats they are."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

import claude_ollama_server as entry
from config import ConfigError
from proxy.core.chats import Chat
from proxy.core.errors import ServerError
from proxy.store.on_demand import chats_on_demand
from tests.support.chats import ANN, BOB, answered, asked, everything, keep, make_chat
from tests.support.program import ROOT, own_environment, run_program
from tests.support.running import WAIT, running_daemon

ANYONE = "anonymous"
LONG = make_chat(
    ANYONE,
    "6f0c2f3e",
    asked("How do I\nread a file?", 1, "aGk=", "aGk="),
    answered("Use `open`:\n\n    with open(p) as f:", 2, thinking="hm"),
)
HOSTILE = make_chat(ANYONE, "hostile", asked("\x1b[31mred\x07\u202e \ud800 会話", 50), system="")
CHATS = [make_chat(ANN, "hers", asked("private", 9)), LONG, HOSTILE, make_chat(BOB, "6f0c2f3e", asked("his", 3))]

Printed = tuple[str, str]
Chats = Callable[..., Printed]


def fill(folder: Path, *chats: Chat, store: str = "sqlite") -> None:
    async def fill() -> None:
        async with aclosing(chats_on_demand(store, folder)) as kept:
            await keep(kept, *chats)

    asyncio.run(fill())


def held(folder: Path, store: str = "sqlite") -> list[Chat]:
    async def read() -> list[Chat]:
        async with aclosing(chats_on_demand(store, folder)) as kept:
            return await everything(kept)

    return asyncio.run(read())


@pytest.fixture
def chats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Chats:
    """Run the command on a state folder of the test's own; what it prints, on both streams."""

    def run(*arguments: object) -> Printed:
        command, *given = map(str, arguments)
        parsed = entry._parser().parse_args(["chats", command, "--state-folder", str(tmp_path), *given])
        asyncio.run(parsed.run(vars(parsed), {}))
        done = capsys.readouterr()
        return done.out, done.err

    return run


# Lists and single chats


def test_the_list_shows_an_owners_chats_and_no_others(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    out, said = chats("list")
    assert [re.split(" {2,}", line) for line in out.splitlines()] == [
        ["ID", "LAST UPDATED", "CREATED", "MESSAGES", "TITLE"],
        ["hostile", "2026-01-02 03:54", "2026-01-02 03:54", "1", r"\x1b[31mred\x07\u202e \ud800 会話"],
        ["6f0c2f3e", "2026-01-02 03:06", "2026-01-02 03:05", "2", "How do I read a file?"],
    ]
    assert said == ""
    assert chats("list", "--owner", BOB)[0].splitlines()[1].startswith("6f0c2f3e ")


def test_the_list_can_be_of_those_in_which_something_was_said(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    out, _ = chats("list", "--containing", "WITH OPEN")
    assert [line.split()[0] for line in out.splitlines()] == ["ID", "6f0c2f3e"]
    out, said = chats("list", "--containing", "private")
    assert (out, said) == ("", f"there is no chat with 'private' in it of anonymous in {tmp_path}/chats.sqlite3\n")


@pytest.mark.parametrize(("store", "place"), [("sqlite", "chats.sqlite3"), ("files", "chats")])
def test_where_there_is_no_chat_it_says_where_it_looked(chats: Chats, tmp_path: Path, store: str, place: str) -> None:
    assert chats("list", "--chats", store) == ("", f"there is no chat of anonymous in {tmp_path / place}\n")


def test_a_chat_is_shown_with_all_that_was_said(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    assert chats("show", "6f0c2f3e")[0] == (
        "6f0c2f3e of anonymous, from 2026-01-02 03:05 to 2026-01-02 03:06 UTC\n"
        "\nsystem\n  Be brief.\n"
        "\nuser, 2026-01-02 03:05, 2 images\n  How do I\n  read a file?\n"
        "\nassistant, sonnet, 2026-01-02 03:06, with thoughts\n  Use `open`:\n\n      with open(p) as f:\n"
    )
    assert "private" in chats("show", "hers", "--owner", ANN)[0]


def test_what_was_said_cannot_steer_the_terminal(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    for out, _said in (chats("show", "hostile"), chats("list")):
        assert all(character.isprintable() or character == "\n" for character in out)
        assert "会話" in out


def test_on_a_terminal_of_few_characters_the_others_are_escapes(tmp_path: Path) -> None:
    fill(tmp_path / "state", *CHATS)
    command = [sys.executable, "claude_ollama_server.py", "chats", "show", "hostile"]
    environ = own_environment(tmp_path) | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [*command, "--state-folder", tmp_path / "state"], cwd=ROOT, env=environ, capture_output=True, timeout=WAIT
    )
    assert rb"\x1b[31mred\x07\u202e \ud800 \u4f1a\u8a71" in done.stdout


def test_a_deleted_chat_is_gone_and_its_namesake_is_not(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    assert chats("delete", "6f0c2f3e") == ("", "chat 6f0c2f3e of anonymous is deleted\n")
    assert held(tmp_path) == [chat for chat in CHATS if chat is not LONG]


@pytest.mark.parametrize("command", ["show", "delete"])
def test_a_chat_that_is_not_there_is_told_of(chats: Chats, tmp_path: Path, command: str) -> None:
    fill(tmp_path, *CHATS)
    with pytest.raises(ConfigError, match=r"there is no chat 'hers' of anonymous in .*: `.* list --owner anonymous`"):
        chats(command, "hers")


# Exports


def test_an_export_of_sqlite_is_imported_into_files_and_back_and_is_equal(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    names = [tmp_path / name for name in ("first.jsonl", "second.jsonl", "third.jsonl")]
    empty = ("--state-folder", tmp_path / "other")
    assert chats("export", "--output", names[0]) == ("", f"exported 4 chats of {tmp_path}/chats.sqlite3\n")
    imported = chats("import", names[0], "--chats", "files", *empty)
    assert imported == ("", f"imported 4 chats into {tmp_path}/other/chats\n")
    chats("export", "--output", names[1], "--chats", "files", *empty)
    chats("import", names[1], *empty)
    chats("export", "--output", names[2], *empty)
    assert len({name.read_bytes() for name in names}) == 1
    assert held(tmp_path / "other") == held(tmp_path / "other", "files") == CHATS
    assert {name.stat().st_mode & 0o777 for name in names} == {0o600}
    assert not list(tmp_path.glob("*.writing"))


def test_an_export_to_stdout_has_an_owners_chats_alone(tmp_path: Path) -> None:
    fill(tmp_path / "state", *CHATS)
    done = run_program(tmp_path, "chats", "export", "--owner", ANN, "--state-folder", tmp_path / "state")
    first, chat, last = done.stdout.splitlines()
    assert first == '{"export": "claude-ollama-server chats", "version": 1}'
    assert '"id": "hers"' in chat
    assert last == '{"end": true, "chats": 1}'
    assert done.stderr == f"exported 1 chat of {tmp_path}/state/chats.sqlite3\n"


def test_an_import_leaves_what_is_there_unless_it_is_told_to_replace_it(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    chats("export", "--output", tmp_path / "export")
    changed = make_chat(ANYONE, "hostile", *HOSTILE.messages, answered("later", 60))
    fill(tmp_path, make_chat(ANYONE, "hostile", answered("later", 60)), make_chat(ANYONE, "more", asked("more")))
    chats("delete", "hers", "--owner", ANN)
    _, said = chats("import", tmp_path / "export")
    assert said.splitlines() == [
        f"imported 1 chat into {tmp_path}/chats.sqlite3",
        "there already, just as in the file: 2 chats",
        "left as they are, since they are there and differ: hostile of anonymous; --replace takes the file's",
    ]
    assert [len(chat.messages) for chat in held(tmp_path) if chat.id == "hostile"] == [len(changed.messages)]
    _, said = chats("import", tmp_path / "export", "--replace")
    assert said.splitlines()[0] == f"imported 1 chat into {tmp_path}/chats.sqlite3"
    assert [chat for chat in held(tmp_path) if chat.id != "more"] == CHATS


def test_of_many_chats_that_differ_only_some_are_named(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *(make_chat(ANN, f"chat-{number}", asked("then")) for number in range(8)))
    chats("export", "--output", tmp_path / "export")
    fill(tmp_path, *(make_chat(ANN, f"chat-{number}", asked("now", 2)) for number in range(8)))
    assert (
        "differ: chat-0 of ann, chat-1 of ann, chat-2 of ann, chat-3 of ann, chat-4 of ann and 3 more; --rep"
        in (chats("import", tmp_path / "export")[1])
    )


def test_of_a_file_that_is_not_whole_nothing_is_imported(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS)
    chats("export", "--output", tmp_path / "export")
    (tmp_path / "cut").write_bytes((tmp_path / "export").read_bytes()[:-27])
    with pytest.raises(ConfigError, match=f"{tmp_path}/cut cannot be imported: it is cut off after line 5"):
        chats("import", tmp_path / "cut", "--chats", "files")
    assert held(tmp_path, "files") == []
    for file, words in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=f"{file} cannot be imported: {words}"):
            chats("import", file)


def test_an_export_that_fails_leaves_what_was_at_its_place(chats: Chats, tmp_path: Path) -> None:
    fill(tmp_path, *CHATS, store="files")
    next((tmp_path / "chats").glob("ann.hers.*")).write_bytes(b"{")
    (tmp_path / "export").write_text("yesterday's")
    with pytest.raises(ServerError, match=r"ann\.hers\..* cannot be read"):
        chats("export", "--chats", "files", "--output", tmp_path / "export")
    assert (tmp_path / "export").read_text() == "yesterday's"
    assert not list(tmp_path.glob("*.writing"))


# The program


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("list", "--chats", "mysql://ann:geheim@host/x"),
            entry.EXIT_SETTINGS,
            "chats from flag --chats: a value that",
        ),
        (("list", "--chats", "sqlite:///relative"), entry.EXIT_SETTINGS, "allowed: sqlite, files, or a URL"),
        (("show", "none"), entry.EXIT_SETTINGS, "there is no chat 'none' of anonymous"),
        (("import", "/dev/null"), entry.EXIT_SETTINGS, "/dev/null cannot be imported: it does not begin"),
        (("list", "--chats", "sqlite:////dev/null/x"), entry.EXIT_FAILURE, "the database /dev/null/x cannot be used"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run_program(tmp_path, "chats", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(rf"claude-ollama-server: .*{re.escape(words)}.*\n", done.stderr)
    assert "geheim" not in done.stderr


def test_the_help_of_the_command_is_not_that_of_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "show", "export", "import", "delete"):
        with pytest.raises(SystemExit, match="0"):
            entry.main(["chats", command, "--help"])
        told = capsys.readouterr().out
        assert "--chats STORE" in told
        assert "--spares" not in told
        assert max(map(len, told.splitlines())) <= 110


# The daemon


@pytest.mark.parametrize("store", ["sqlite", "files"])
def test_the_daemon_keeps_chats_where_the_command_finds_them(chats: Chats, tmp_path: Path, store: str) -> None:
    state = tmp_path / "state"
    with running_daemon(tmp_path, settings={"chats": store}) as running, running.client() as client:
        assert not (state / "chats.sqlite3").exists(), "it is opened when it is first used"
        client.post("/chat", json={"message": "echo: safe", "chat_id": "a1"}).raise_for_status()
        [kept] = held(state, store)
        assert (kept.owner, kept.id) == (ANYONE, "a1")
        assert [message.content for message in kept.messages] == ["echo: safe", "safe"]
        out, _ = chats("list", "--chats", store, "--state-folder", state)
        assert "a1" in out
        chats("delete", "a1", "--chats", store, "--state-folder", state)
        assert client.get("/chat/history/a1").status_code == 404
    assert not list(state.glob("chats.sqlite3-*")), "it was closed"
