"""Conversations that are too long for their model, and pictures and documents, over the real CLI."""

from base64 import b64encode
from typing import Any

import openai
import pytest

from tests.conftest import MakeDaemon
from tests.support.chatting import ask, assistant, chat, converse, noise, png, system, texts, user
from tests.support.running import Running

SMALL = {"name": "small", "cli_model": "claude-sonnet-4-5-20250929", "context_length": 1000}
BOASTFUL = {"name": "boastful", "cli_model": "claude-sonnet-4-5-20250929", "context_length": 2_000_000}
PDF = b64encode(b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n").decode()
LONG = "word " * 300
TOO_LONG = [system("Be brief."), user(LONG), assistant(LONG), user(LONG), assistant("ok"), user("And now?")]


def test_the_oldest_turns_of_a_conversation_that_is_too_long_are_left_out(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"models": [SMALL]})
    response = ask(running, TOO_LONG, "small")
    assert response.headers["x-messages-left-out"] == "2"
    assert texts(running.last()) == [("user", LONG), ("assistant", "ok"), ("user", "And now?")]
    assert running.last()["system"][-1]["text"] == "Be brief."
    assert "x-messages-left-out" not in ask(running, [user("hello")], "small").headers


@pytest.mark.parametrize("route", ["/api/chat", "/api/generate"])
def test_without_truncation_a_conversation_that_is_too_long_is_an_error(make_daemon: MakeDaemon, route: str) -> None:
    running = make_daemon(settings={"models": [SMALL]})
    with running.client() as client:
        asked = {"messages": TOO_LONG} if route == "/api/chat" else {"prompt": LONG * 3}
        response = client.post(route, json={"model": "small", "truncate": False, **asked})
    assert response.status_code == 400
    assert response.json()["error"].startswith("the input length exceeds the context length: about 11")
    assert response.json()["error"].endswith(" tokens, 1000 fit")
    assert running.sent() == []


@pytest.mark.parametrize("streamed", [True, False])
def test_a_conversation_that_the_api_finds_too_long_is_an_error_with_numbers(
    make_daemon: MakeDaemon, streamed: bool
) -> None:
    running = make_daemon(settings={"models": [BOASTFUL]})
    with running.client() as client:
        body = {"model": "boastful", "messages": [user("word " * 200_000)], "stream": streamed}
        response = client.post("/api/chat", json=body)
    assert response.status_code == 400
    assert "too long" in response.json()["error"]
    assert "about 250004 tokens" in response.json()["error"]
    assert "fit" not in response.json()["error"]  # the settings have promised more than there is
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(("model", "window"), [("claude-sonnet-4-5", 200_000), ("opus", 1_000_000)])
def test_a_window_can_be_used_to_its_end(live: Running, model: str, window: int) -> None:
    question = user("x" * int(window * 4 * 0.97))
    response = ask(live, [user("hello"), assistant("x" * window), question], model)
    assert response.headers["x-messages-left-out"] == "2"
    assert texts(live.last()) == [("user", question["content"])]


def test_pictures_of_earlier_turns_are_there_after_a_replay(make_daemon: MakeDaemon) -> None:
    running = make_daemon(settings={"max_conversations": "0"})
    picture = png(20, 10)
    messages = [user("What is this?", picture), assistant("A picture."), user("Which size has the picture?")]
    assert "20 x 10 pixels" in chat(running, messages)
    assert running.last()["messages"][0]["content"][0]["source"]["data"] == picture


@pytest.mark.line_by_line
@pytest.mark.parametrize("size", [(2200, 40), (600, 900)])
def test_a_large_picture_reaches_the_api_made_smaller_and_the_same_each_time(
    fresh: Running, size: tuple[int, int]
) -> None:
    running = fresh
    messages = converse(running, ["hello"])
    messages += [user("What picture is this?", noise(*size))]
    answer = chat(running, messages)
    first = running.last()["messages"]
    running.until_idle()
    chat(running, [*messages, assistant(answer), user("go on")])
    running.until_idle()
    block = next(block for message in first for block in message["content"] if block["type"] == "image")
    assert len(block["source"]["data"]) < len(noise(*size))
    again = running.last()["messages"]
    assert block["source"] in [b["source"] for m in again for b in m["content"] if b["type"] == "image"]


def test_documents_reach_the_api(live: Running) -> None:
    chat(live, [user("What does it say?", PDF)])
    [block, _] = live.last()["messages"][0]["content"]
    assert block["source"] == {"type": "base64", "media_type": "application/pdf", "data": PDF}
    parts: list[Any] = [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png(20, 10)}"}},
        {"type": "text", "text": "What do they say?"},
    ]
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0) as client:
        client.chat.completions.create(model="opus", messages=[{"role": "user", "content": parts}])
    document, image, text = live.last()["messages"][0]["content"]
    assert (document["type"], document["title"], document["source"]["data"]) == ("document", "a.pdf", PDF)
    assert (image["source"]["data"], text["text"]) == (png(20, 10), "What do they say?")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (
            "https://example.com/cat.png",
            "image URLs are not currently supported, please use base64 encoded data instead",
        ),
        ("file:///etc/passwd", "invalid image input"),
    ],
)
def test_nothing_is_ever_fetched(live: Running, url: str, text: str) -> None:
    before = len(live.sent())
    content = [{"type": "image_url", "image_url": {"url": url}}]
    with live.client() as client:
        body = {"model": "opus", "messages": [{"role": "user", "content": content}]}
        response = client.post("/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, text)
    assert len(live.sent()) == before
