"""A chat takes one message after the other, and keeps a message with its whole answer, or neither."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from proxy.chats.keeper import MOST_WAITING, Keeper
from proxy.chats.prompt import DEFAULT, SystemPrompt
from proxy.core.chats import ChatMessage
from proxy.core.errors import Busy, ServerError, TimedOut
from tests.support.chat_memory import MemoryChats
from tests.support.running import WAIT

OWNER, ID = "ann", "holiday"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
QUESTION = ChatMessage("user", "hello", NOON)
ANSWER = ChatMessage("assistant", "Hello!", NOON + timedelta(seconds=1), model="sonnet")


@pytest.fixture
def store() -> MemoryChats:
    return MemoryChats()


@pytest.fixture
def keeper(store: MemoryChats, tmp_path: Path) -> Keeper:
    return Keeper(store, SystemPrompt(tmp_path / "system_prompt.txt"), WAIT)


async def say(keeper: Keeper, keep: int | None = None) -> tuple[ChatMessage, ...]:
    """One message and its answer; what was there before them."""
    async with keeper.opened(OWNER, ID, keep) as chat:
        await keeper.keep(chat, QUESTION, ANSWER)
    return chat.messages


async def test_a_message_is_kept_with_its_answer_and_the_next_one_finds_both(
    keeper: Keeper, store: MemoryChats
) -> None:
    assert await say(keeper) == ()
    assert await say(keeper) == (QUESTION, ANSWER)
    kept = await keeper.load(OWNER, ID)
    assert kept is not None
    assert (kept.system, kept.messages) == (DEFAULT, (QUESTION, ANSWER) * 2)
    assert [chat.message_count for chat in await keeper.summaries(OWNER)] == [4]
    assert await keeper.load("bob", ID) is None
    assert keeper.wanted == 0


async def test_a_chat_keeps_the_system_prompt_that_it_started_with(keeper: Keeper, tmp_path: Path) -> None:
    await say(keeper)
    (tmp_path / "system_prompt.txt").write_text("Be brief.")
    async with keeper.opened(OWNER, ID) as old, keeper.opened(OWNER, "other") as new:
        assert (old.system, new.system) == (DEFAULT, "Be brief.")


async def test_with_keep_only_so_many_messages_stay_and_only_once_there_is_an_answer(keeper: Keeper) -> None:
    for _ in range(3):
        await say(keeper)
    async with keeper.opened(OWNER, ID, 2) as chat:
        assert chat.messages == (QUESTION, ANSWER)
    kept = await keeper.load(OWNER, ID)
    assert kept is not None
    assert len(kept.messages) == 6
    assert await say(keeper, 2) == (QUESTION, ANSWER)
    assert await say(keeper, 99) == (QUESTION, ANSWER) * 2


async def test_two_messages_to_one_chat_are_taken_in_turn_and_those_to_others_are_not_held_up(keeper: Keeper) -> None:
    seen: list[str] = []
    go_on, waiting = anyio.Event(), anyio.Event()

    async def first() -> None:
        async with keeper.opened(OWNER, ID) as chat:
            waiting.set()
            await go_on.wait()
            await keeper.keep(chat, QUESTION, ANSWER)
            seen.append("first")

    async def second() -> None:
        assert await say(keeper) == (QUESTION, ANSWER)
        seen.append("second")

    with anyio.fail_after(WAIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await waiting.wait()
            tasks.start_soon(second)
            while keeper.wanted < 2:
                await checkpoint()
            async with keeper.opened(OWNER, "other"), keeper.opened("bob", ID):
                assert seen == []
            go_on.set()
    assert seen == ["first", "second"]
    assert keeper.wanted == 0


async def test_one_that_waits_too_long_is_told_so(store: MemoryChats, tmp_path: Path) -> None:
    keeper = Keeper(store, SystemPrompt(tmp_path / "system_prompt.txt"), 0.01)

    async def too_late() -> None:
        with pytest.raises(TimedOut):
            await say(keeper)
        with pytest.raises(TimedOut):
            await keeper.delete(OWNER, ID)
        told.set()

    told = anyio.Event()
    with anyio.fail_after(WAIT):
        async with anyio.create_task_group() as tasks, keeper.opened(OWNER, ID):
            tasks.start_soon(too_late)
            await told.wait()
    assert (keeper.wanted, store.chats) == (0, {})


async def test_one_behind_too_many_is_told_so_and_those_that_go_away_leave_nothing(
    keeper: Keeper, store: MemoryChats
) -> None:
    with anyio.fail_after(WAIT):
        async with anyio.create_task_group() as tasks, keeper.opened(OWNER, ID):
            for _ in range(MOST_WAITING):
                tasks.start_soon(say, keeper)
            while keeper.wanted <= MOST_WAITING:
                await checkpoint()
            with pytest.raises(Busy):
                await say(keeper)
            tasks.cancel_scope.cancel()
    assert (keeper.wanted, store.chats) == (0, {})


async def test_whoever_is_cancelled_while_an_answer_is_kept_comes_too_late(keeper: Keeper, store: MemoryChats) -> None:
    with anyio.CancelScope() as scope:
        async with keeper.opened(OWNER, ID) as chat:
            scope.cancel()
            await keeper.keep(chat, QUESTION, ANSWER)
    assert len(store.chats[OWNER, ID].messages) == 2


async def test_a_store_that_fails_keeps_nothing_and_says_so(keeper: Keeper, store: MemoryChats) -> None:
    store.fault = ServerError("the disk is full")
    with pytest.raises(ServerError, match="the disk is full"):
        await say(keeper)
    assert keeper.wanted == 0


async def test_a_chat_is_deleted_after_the_message_that_has_its_turn(keeper: Keeper, store: MemoryChats) -> None:
    async with anyio.create_task_group() as tasks, keeper.opened(OWNER, ID) as chat:
        tasks.start_soon(keeper.delete, OWNER, ID)
        while keeper.wanted < 2:
            await checkpoint()
        await keeper.keep(chat, QUESTION, ANSWER)
        assert store.chats
    assert not await keeper.delete(OWNER, ID)
    assert store.chats == {}
