import pytest

from proxy.catalog.window import estimate, fits, total, within
from proxy.core.request import Document, Image, Message, Part, Role, Text, Tool, ToolCall, ToolResult


def message(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def conversation(roles: str) -> tuple[Message, ...]:
    """A message of 100 tokens for each letter: ``s`` of the system, ``u`` of the user, ``a`` of the assistant.

    ``c`` is the assistant's with a call, ``r`` the user's with a result. Each says its own place, so that no two are
    equal.
    """
    return tuple(numbered(index, letter) for index, letter in enumerate(roles))


def numbered(index: int, letter: str) -> Message:
    roles: dict[str, Role] = {"s": "system", "u": "user", "a": "assistant", "c": "assistant", "r": "user"}
    parts: dict[str, Part] = {"c": ToolCall("1", "find", {"a": 1}), "r": ToolResult("1", (Text("found"),))}
    extra = (parts[letter],) if letter in parts else ()
    tokens = 96 - sum(map(estimate, extra))
    return Message(roles[letter], (*extra, Text(f"{index:03}".ljust(4 * tokens, "."))))


def places(messages: tuple[Message, ...]) -> list[int]:
    return [int(item.text[:3]) for item in messages]


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text(""), 0),
        (Text("a"), 1),
        (Text("four"), 1),
        (Text("fives"), 2),
        (Text("x" * 4000), 1000),
        (Text("é"), 1),
        (Text("ééé"), 2),
        (Text("日本語"), 3),
        (Text("🙂" * 10), 10),
        (Text("\ud83d"), 1),
        (Image("image/png", "A" * 1_000_000), 1600),
        (Document("A" * 4000, "a.pdf"), 60),
        (Document("A" * 4004), 61),
        (ToolCall("1", "find"), 10),
        (ToolCall("1", "find", {"a": "x" * 4000}), 1011),
        (ToolCall("1", "find", {"a": "日" * 400}), 311),
        (ToolCall("1", "find", {"a": 10**100}), 36),
        (ToolResult("1"), 8),
        (ToolResult("1", (Text("fives"), Image("image/png", "A"))), 1610),
        (Tool("find", "x" * 400, {"type": "object"}), 114),
        (Message("user"), 4),
        (Message("user", (Text("fives"), Text("a"), Image("image/png", "A"))), 1607),
    ],
)
def test_tokens_are_estimated_from_bytes_images_and_pages(part: Part | Message | Tool, tokens: int) -> None:
    assert estimate(part) == tokens


def test_a_conversation_is_as_long_as_its_messages() -> None:
    assert total(()) == 0
    assert total(conversation("sua")) == 300


@pytest.mark.parametrize(
    "messages",
    [
        conversation("su"),
        (message("user", "日本" * 500), Message("assistant"), message("user", "ok")),
        (message("user", "🙂" * 1000),),
        (Message("user", (Image("image/png", "A"), Document("A" * 40_000))),),
        (Message("assistant", (ToolCall("1", "日本", {"a": "日本" * 50}),)), message("user", "ok")),
        (Message("user", (ToolResult("1", (Text("日本" * 500), Image("image/png", "A"), Text("🙂" * 9))),)),),
    ],
    ids=["ascii", "japanese", "four bytes a character", "files", "calls", "results"],
)
def test_what_fits_is_decided_by_the_estimate_alone(messages: tuple[Message, ...]) -> None:
    tokens = total(messages)
    assert [fits(messages, tokens + more) for more in (-1, 0, 1)] == [False, True, True]


@pytest.mark.parametrize(
    ("roles", "room", "kept"),
    [
        ("suau", 400, [0, 1, 2, 3]),
        ("suau", 399, [0, 3]),
        ("uauau", 499, [2, 3, 4]),
        ("uauau", 300, [2, 3, 4]),
        ("uauau", 299, [4]),
        ("uauau", 200, [4]),
        ("uuauu", 400, [1, 2, 3, 4]),
        ("uuauu", 399, [3, 4]),
        ("uuauu", 199, [4]),
        ("auau", 300, [1, 2, 3]),
        ("auau", 400, [0, 1, 2, 3]),
        ("usuasuau", 600, [1, 4, 5, 6, 7]),
        ("uaua", 399, [2, 3]),
        ("uaua", 100, [2, 3]),
        ("uauaa", 300, [2, 3, 4]),
        ("uaus", 300, [2, 3]),
        ("suas", 300, [0, 1, 2, 3]),
        ("aaa", 100, [2]),
        ("ss", 100, [0, 1]),
        ("u", 1, [0]),
        ("uaucrcra", 700, [2, 3, 4, 5, 6, 7]),
        ("uaucrcrau", 600, [8]),
        ("uaucrcr", 699, [2, 3, 4, 5, 6]),
        ("uaucrcr", 100, [2, 3, 4, 5, 6]),
        ("ucrasucrs", 400, [4, 5, 6, 7, 8]),
        ("ucracra", 300, [0, 1, 2, 3, 4, 5, 6]),
        ("ucrau", 400, [4]),
        ("ucruu", 300, [3, 4]),
        ("cr", 100, [0, 1]),
        ("scrs", 100, [0, 1, 2, 3]),
        ("cra", 100, [2]),
        ("", 0, []),
    ],
)
def test_the_oldest_turns_go(roles: str, room: int, kept: list[int]) -> None:
    messages, dropped = within(conversation(roles), room)
    assert places(messages) == kept
    assert dropped == len(roles) - len(kept)


@pytest.mark.parametrize("room", range(0, 1300, 50))
def test_what_stays_fits_and_one_turn_more_would_not(room: int) -> None:
    whole = conversation("suauauausuau")
    messages, dropped = within(whole, room)
    spoken = [item.role for item in messages if item.role != "system"]
    assert spoken[0] == "user"
    assert messages[-1] is whole[-1]
    assert sum(item.role == "system" for item in messages) == 2
    if total(messages) > room:
        assert len(messages) == 3
    elif dropped:
        assert total(messages) + 200 > room


@pytest.mark.parametrize("room", range(0, 1700, 50))
@pytest.mark.parametrize("roles", ["suacrcrasuacrau", "ucrcrucruacrcrcr", "uaucrsucras"])
def test_results_stay_with_their_calls(roles: str, room: int) -> None:
    messages, dropped = within(conversation(roles), room)
    kept = [roles[place] for place in places(messages) if roles[place] != "s"]
    assert kept[0] == "u"
    assert kept.count("c") == kept.count("r")
    assert places(messages)[-1] == len(roles) - 1
    assert dropped == len(roles) - len(messages)


def test_a_conversation_that_fits_is_given_back_as_it_is() -> None:
    messages = conversation("suau")
    assert within(messages, 400)[0] is messages


def test_a_long_history_keeps_its_end() -> None:
    messages = conversation("ua" * 499 + "u")
    kept, dropped = within(messages, 10_000)
    assert (places(kept), dropped) == (list(range(900, 999)), 900)
