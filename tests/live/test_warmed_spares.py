"""Spares that were told ahead: the Messages API gets the same from them, and nothing more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.claude_cli.plan import State
from proxy.backends.claude_cli.strategies import Strategies
from tests.conftest import MakeDaemon
from tests.support.chatting import ask, assistant, spoken, system, user
from tests.support.children import wait_until_none
from tests.support.probing import write_api_cli
from tests.support.running import Running, running_daemon
from tests.support.tools import TOOLS

TALK = [user("my name is Ann"), assistant("Hello Ann."), user("what is my name?")]
BRIEF = system("Be brief.")

CHATS: dict[str, dict[str, Any]] = {
    "nothing but a question": {"messages": [user("hello")]},
    "a system prompt": {"messages": [BRIEF, user("hello")]},
    "a history": {"messages": [BRIEF, *TALK]},
    "tools": {"messages": [BRIEF, *TALK], "tools": TOOLS},
    "tools alone": {"messages": [user("hello")], "tools": TOOLS},
    "thinking": {"messages": [BRIEF, user("hello")], "think": "high"},
    "another model": {"messages": [BRIEF, user("hello")], "model": "haiku"},
    "an older model": {
        "messages": [BRIEF, user("hello")],
        "model": "claude-sonnet-4-5",
        "options": {"temperature": 0.5},
    },
}


async def adopt(running: Running) -> None:
    """Have the spares of a daemon told ahead, as when the CLI was found to allow it."""
    running.daemon.backend.adopt(Strategies())


def warmed(running: Running) -> bool:
    """Whether every spare was told ahead."""
    spares = [child for child in running.daemon.pool._children if child.state is State.SPARE]
    return bool(spares) and all(child.session is not None and child.session.warmed for child in spares)


Pair = tuple[Running, Running]


@pytest.fixture(scope="module")
def make_daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A daemon whose spares are told ahead, and one whose spares are told nothing; neither keeps a process for long."""
    settings = {"spares": "1", "max_conversations": "0", "max_turns_per_process": "2"}
    ahead, nothing = tmp_path_factory.mktemp("ahead"), tmp_path_factory.mktemp("nothing")
    with running_daemon(ahead, settings=settings) as one, running_daemon(nothing, settings=settings) as other:
        one.until_idle()
        one.run(adopt(one))
        one.until(lambda: warmed(one), "told ahead")
        yield one, other
    wait_until_none(ahead)
    wait_until_none(nothing)


def asked(running: Running, chat: dict[str, Any]) -> dict[str, Any]:
    """What the API gets of a chat, but for whose it is: the id of a process is new each time."""
    before = len(running.sent())
    ask(running, **chat)
    assert len(running.sent()) == before + 1
    return {name: value for name, value in running.last().items() if name != "metadata"}


@pytest.mark.parametrize("what", CHATS)
def test_the_api_gets_what_it_would_get_from_a_spare_that_was_told_nothing(make_daemons: Pair, what: str) -> None:
    told_ahead, told_nothing = make_daemons
    told_ahead.until_idle()
    assert warmed(told_ahead)
    assert asked(told_ahead, CHATS[what]) == asked(told_nothing, CHATS[what])


def test_what_was_told_ahead_is_in_no_conversation_that_follows(make_daemons: Pair) -> None:
    told_ahead, _ = make_daemons
    told_ahead.until_idle()
    first = ask(told_ahead, [BRIEF, user("how many messages are there?")]).json()["message"]
    assert "1" in first["content"]
    asked(told_ahead, {"messages": [BRIEF, user("how many messages are there?"), first, user("and now?")]})
    assert [message["role"] for message in spoken(told_ahead.last())] == ["user", "assistant", "user"]


@pytest.mark.line_by_line
def test_a_process_that_boots_for_a_request_that_waits_is_told_nothing_ahead(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"spares": "0"})
    running.run(adopt(running))
    ask(running, [BRIEF, user("hello")])
    running.until_idle()
    (session,) = [child.session for child in running.daemon.pool._children if child.state is State.LIVE]
    assert session is not None
    assert not session.warmed


def test_a_cli_that_cannot_be_told_ahead_costs_one_spare_and_is_left_as_it_is(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    running = make_daemon(cli=write_api_cli(tmp_path, "rewind"), settings={"spares": "1"})
    running.until_idle()
    before = {child.session.process.pid for child in running.daemon.pool._children if child.session}
    running.run(adopt(running))
    running.until_idle()
    assert not warmed(running)
    after = {child.session.process.pid for child in running.daemon.pool._children if child.session}
    assert after
    assert after != before
    ask(running, [BRIEF, user("hello")])


def test_who_is_not_logged_in_gets_spares_that_will_look_again(make_daemon: MakeDaemon, tmp_path: Path) -> None:
    running = make_daemon(cli=write_api_cli(tmp_path, "depth"), settings={"spares": "1"})
    running.until_idle()
    running.daemon.backend._logged_in = False
    running.run(adopt(running))
    running.until_idle()
    assert not warmed(running)
