"""Conversations over the real CLI: replayed, live, branched, mixed; asserted on what reached the Messages API."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from proxy.core.reply import fold
from proxy.core.request import Caller, ChatRequest, Message, Text
from tests.conftest import MakeDaemon
from tests.support.chatting import (
    Messages,
    ask,
    assistant,
    chat,
    converse,
    forget,
    png,
    process_of,
    sent,
    spoken,
    system,
    texts,
    thoughts,
    unload,
    user,
)
from tests.support.running import Running

OLDER, NEWEST = "claude-sonnet-4-5", "opus"

TWELVE: Messages = [
    system("You look at pictures."),
    user("What is this?", png(20, 10)),
    assistant("A red picture."),
    user("And these?", png(30, 10, 60), png(40, 10, 90)),
    assistant("Two more."),
    user("My cat is called Mint."),
    assistant("A fine name."),
    user("  two  blanks \n"),
    assistant("\nyes \n\n"),
    user("/cost"),
    assistant("see @/etc/hostname"),
    user("What did I say first?", png(50, 10, 120)),
]


def block(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def picture(data: str) -> dict[str, object]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def as_sent(messages: Messages) -> Messages:
    """What the API has to get for messages of /api/chat: pictures before the text."""
    return [
        {"role": m["role"], "content": [*map(picture, m.get("images", ())), block(m["content"])]}
        for m in messages
        if m["role"] != "system"
    ]


@pytest.mark.parametrize("model", [OLDER, NEWEST])
@pytest.mark.parametrize("login", ["api-key", "oauth-token"])
def test_a_conversation_is_replayed_turn_by_turn_and_then_goes_on_live(
    make_daemon: MakeDaemon, model: str, login: str
) -> None:
    token = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-simulated"}
    running = make_daemon(environ=token if login == "oauth-token" else {})
    first = chat(running, TWELVE, model)
    replayed = running.last()
    assert spoken(replayed) == as_sent(TWELVE)
    assert replayed["system"][-1]["text"] == "You look at pictures."
    running.until_idle()

    messages = [*TWELVE, assistant(first), user("go on")]
    second = chat(running, messages, model)
    live = running.last()
    assert process_of(live) == process_of(replayed)
    assert spoken(live) == as_sent(messages)
    assert sent(live)[: len(sent(replayed))] == sent(replayed)
    running.until_idle()

    # Somewhere else, told everything anew: not a byte of the messages differs.
    unload(running, model)
    running.until_idle()
    assert chat(running, messages, model) == second
    # Without --bare the CLI tells the date, where a process is first asked.
    what_counts = sent if login == "api-key" else spoken
    assert what_counts(running.last()) == what_counts(live)
    assert running.last()["system"] == live["system"]


def test_a_conversation_goes_on_where_it_is_held(fresh: Running) -> None:
    running = fresh
    converse(running, [f"echo: number {n}\n" for n in range(5)])
    bodies = [request.body for request in running.sent()]
    assert len(bodies) == 5
    assert len({process_of(body) for body in bodies}) == 1
    for body, following in pairwise(bodies):
        assert sent(following)[: len(sent(body))] == sent(body)


def test_every_way_to_leave_a_conversation_gives_the_right_answer(fresh: Running) -> None:
    running = fresh
    held = converse(running, ["my name is Ann", "echo: two", "echo: three"])
    ways = {
        "again": held[:-1],
        "an edited question": [*held[:-2], user("echo: changed")],
        "an earlier branch": [*held[:2], user("what is my name?")],
        "an edited answer": [*held[:1], assistant("Something else."), user("what is my name?")],
        "an edited beginning": [user("my name is Bob"), *held[1:], user("what is my name?")],
        "another system prompt": [system("Be brief."), *held, user("what is my name?")],
        "on": [*held, user("what is my name?")],
    }
    for way, messages in ways.items():
        chat(running, messages)
        assert spoken(running.last()) == as_sent(messages), way
        running.until_idle()


def test_two_identical_requests_at_once_are_both_right(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"spares": "2"})
    held = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    messages = [*held, user("what is my name?")]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: chat(running, messages), range(2)))
    assert answers[0] == answers[1]
    first, second = (request.body for request in running.sent()[-2:])
    assert spoken(first) == spoken(second) == as_sent(messages)
    assert process_of(first) != process_of(second)


def test_a_stopped_answer_leaves_the_conversation_as_it_was(fresh: Running) -> None:
    running = fresh
    held = converse(running, ["my name is Ann", "echo: two"])
    running.until_idle()
    with running.client() as client:
        body = {"model": "sonnet", "messages": [*held, user("[simulate: hang after=2]")]}
        with client.stream("POST", "/api/chat", json=body) as response:
            next(response.iter_lines())
    running.until_idle()
    messages = [*held, user("what is my name?")]
    assert "Ann" in chat(running, messages)
    assert spoken(running.last()) == as_sent(messages)
    assert len({process_of(request.body) for request in running.sent()}) == 1


def test_callers_with_different_histories_never_see_a_word_of_one_another(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_processes": "3", "spares": "1", "max_conversations": "1"})
    names = ["Ann", "Bob", "Cid", "Dee"]

    def talk(name: str) -> Messages:
        said = [f"my name is {name}", f"echo: secret of {name}", "what is my name?"]
        return converse(running, said, alone=False)

    with ThreadPoolExecutor(len(names)) as threads:
        ends = list(threads.map(talk, names))
    for name, messages in zip(names, ends, strict=True):
        assert name in messages[-1]["content"]
    for request in running.sent():
        owners = {name for name in names if name in str(request.body["messages"])}
        assert len(owners) == 1, owners
        assert len(spoken(request.body)) % 2 == 1


@pytest.mark.line_by_line
def test_two_callers_of_one_conversation_do_not_share_a_process(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"spares": "2"})
    asked = ("my name is Ann", "echo: two", "what is my name?")
    messages: list[Message] = []

    async def turn(name: str) -> str:
        request = ChatRequest("sonnet", tuple(messages), Caller(name))
        async with running.daemon.engine.open(running.daemon.engine.fit(request)) as turn:
            return fold([event async for batch in turn for event in batch]).text

    for text in asked:
        messages.append(Message("user", (Text(text),)))
        first = running.run(turn("ann"))
        running.until_idle()
        assert running.run(turn("bob")) == first
        running.until_idle()
        messages.append(Message("assistant", (Text(first),)))
    by_turn = [process_of(request.body) for request in running.sent()]
    assert by_turn[2] == by_turn[4] != by_turn[3] == by_turn[5]


@pytest.mark.line_by_line
def test_the_least_recently_used_conversation_goes_first(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_conversations": "2", "max_processes": "6"})
    names = ("Ann", "Bob", "Cid")
    talks = [converse(running, [f"think: my name is {name}", "think: two"], think=True) for name in names]
    running.until_idle()
    states = [view.state.value for view in running.daemon.pool.processes]
    assert states.count("live") == 2
    for index, live in ((2, True), (1, True), (0, False)):
        forget(running)
        chat(running, [*talks[index], user("go on")], think=True)
        assert (thoughts(running.last()) > 0) is live, names[index]
        running.until_idle()


def test_questions_asked_once_do_not_cost_a_process_each(make_daemon: MakeDaemon) -> None:
    running = make_daemon()
    running.until_idle()
    for number in range(6):
        chat(running, [user(f"echo: {number}")])
        running.until_idle()
    bodies = [request.body for request in running.sent()]
    assert [len(spoken(body)) for body in bodies] == [1] * 6
    assert len({process_of(body) for body in bodies}) == 1


@pytest.mark.line_by_line
@pytest.mark.parametrize(
    ("messages", "expected", "prompt"),
    [
        pytest.param(
            [system("One."), user("a"), assistant("b"), system("Two."), user("c")],
            [("user", "a"), ("assistant", "b"), ("user", "c")],
            "One.\n\nTwo.",
            id="a system message in the middle",
        ),
        pytest.param(
            [assistant("Welcome."), user("a")],
            [("user", "(no content)"), ("assistant", "Welcome."), ("user", "a")],
            None,
            id="an assistant message first",
        ),
        pytest.param(
            [user("a"), assistant(""), user(" \n"), assistant("b"), user(""), user("c")],
            [("user", "a"), ("assistant", "b"), ("user", "c")],
            None,
            id="empty messages",
        ),
        pytest.param(
            [user("a"), user("b"), assistant("c"), assistant("d"), user("e"), user("f")],
            [("user", "ab"), ("assistant", "c"), ("assistant", "d"), ("user", "ef")],
            None,
            id="neighbours of one role",
        ),
        pytest.param(
            [{"role": "developer", "content": "Be brief."}, {"role": "tester", "content": "a"}],
            [("user", "a")],
            "Be brief.",
            id="other roles",
        ),
    ],
)
def test_odd_histories_have_a_defined_result(
    live: Running, messages: Messages, expected: list[tuple[str, str]], prompt: str | None
) -> None:
    answer = chat(live, messages)
    assert texts(live.last()) == expected
    system_texts = [part["text"] for part in live.last()["system"]]
    assert system_texts[1:] == ([prompt] if prompt else [])
    live.until_idle()
    chat(live, [*messages, assistant(answer), user("go on")])
    assert texts(live.last()) == [*expected, ("assistant", answer), ("user", "go on")]


def test_an_older_model_continues_the_assistants_words(live: Running) -> None:
    messages = [system("Be brief."), user("a"), assistant("b"), user("count"), assistant("One, two, ")]
    chat(live, messages, OLDER)
    assert texts(live.last()) == [("user", "a"), ("assistant", "b"), ("user", "count"), ("assistant", "One, two,")]
    assert live.last()["messages"][-1]["role"] == "assistant"
    live.until_idle()
    chat(live, [user("hello")], OLDER)
    assert texts(live.last()) == [("user", "hello")]


def test_the_newest_models_refuse_to_continue_the_assistants_words(live: Running) -> None:
    before = len(live.sent())
    with live.client() as client:
        body = {"model": "opus", "messages": [user("count"), assistant("One, ")]}
        response = client.post("/api/chat", json=body)
    assert response.status_code == 400
    assert response.json() == {"error": '"opus" cannot continue an assistant message: end with a user message'}
    assert len(live.sent()) == before


def test_thinking_that_clients_send_back_does_no_harm(fresh: Running) -> None:
    running = fresh
    question = user("think: what is my name?")
    answer = ask(running, [question], think=True).json()["message"]
    assert answer["thinking"]
    running.until_idle()
    chat(running, [question, answer, user("go on")], think=True)
    first, second = (request.body for request in running.sent())
    assert process_of(first) == process_of(second)
    assert [role for role, _ in texts(second)] == ["user", "assistant", "user"]
