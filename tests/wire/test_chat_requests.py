"""Bodies of the chat service."""

import json
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest, ModelNotFound, ServerError
from proxy.core.request import Image, Message, Text
from proxy.wire.chat import MessageChat, PromptChat, parse_chat, parse_message
from proxy.wire.chat.requests import SIMPLE, STREAM
from tests.support.chatting import png


def parsed(**fields: Any) -> PromptChat | MessageChat:
    return parse_chat(json.dumps(fields).encode(), default="haiku")


def message(**fields: Any) -> MessageChat:
    call = parsed(**fields)
    assert isinstance(call, MessageChat)
    return call


def refused(**fields: Any) -> ServerError:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**fields)
    assert caught.value.status == 400
    return caught.value


def test_a_message_alone_is_a_new_chat_with_the_default_model() -> None:
    call = message(message=" hello ")
    assert (call.text, call.chat_id, call.keep, call.stream) == (" hello ", None, None, False)
    assert call.request.messages == (Message("user", (Text(" hello "),)),)
    assert call.request.model == "haiku"


def test_a_message_may_say_everything() -> None:
    picture = png(2, 2)
    call = message(
        message="what?", model="opus", chat_id="a-B_9", stream=True, images=[picture], think="low", keep=2, extra=1
    )
    assert (call.chat_id, call.keep, call.stream, call.images) == ("a-B_9", 2, True, (picture,))
    assert call.request.messages == (Message("user", (Image("image/png", picture), Text("what?"))),)
    assert (call.request.model, call.request.think) == ("opus", "low")


@pytest.mark.parametrize("model", [None, ""])
def test_no_model_is_the_default_one(model: str | None) -> None:
    assert parsed(prompt="x", model=model).request.model == "haiku"


def test_a_prompt_is_one_message_verbatim() -> None:
    call = parsed(prompt="  two\n\nlines ")
    assert isinstance(call, PromptChat)
    assert call.stream
    assert call.request.messages == (Message("user", (Text("  two\n\nlines "),)),)


def test_messages_are_a_conversation() -> None:
    call = parsed(messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}])
    assert [each.role for each in call.request.messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "message is required"),
        ({"message": None}, "message is required"),
        ({"message": ""}, "message must not be empty"),
        ({"message": " \n"}, "message must not be empty"),
        ({"message": 5}, "Request.message of type string"),
        ({"message": ["x"]}, "Request.message of type string"),
        ({"message": "x", "prompt": "y"}, "message and prompt"),
        ({"message": "x", "messages": []}, "message and messages"),
        ({"prompt": "x", "messages": []}, "prompt and messages"),
        ({"prompt": ""}, "prompt must not be empty"),
        ({"prompt": "  "}, "prompt must not be empty"),
        ({"messages": []}, "messages must not be empty"),
        ({"messages": "x"}, "Request.messages of type"),
        ({"message": "x", "model": 1}, "Request.model of type string"),
        ({"message": "x", "model": "a b"}, "invalid model name"),
        ({"message": "x", "stream": "yes"}, "Request.stream of type bool"),
        ({"message": "x", "keep": -1}, "keep must not be negative"),
        ({"message": "x", "keep": 1.5}, "Request.keep of type int"),
        ({"message": "x", "think": "hard"}, "invalid think value"),
        ({"message": "x", "images": ["?"]}, "illegal base64 data"),
        ({"message": "x", "images": ["AAAA"]}, "unsupported image format"),
        ({"message": "x", "images": [png(1, 1)] * 101}, "too many images"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], words: str) -> None:
    assert words in refused(**fields).message


@pytest.mark.parametrize("chat_id", ["", " ", "a b", "a/b", "..", "a" * 65, "é", "a\n", "a.json"])
def test_an_id_that_is_none_is_told_what_it_has_to_match(chat_id: str) -> None:
    assert "^[A-Za-z0-9_-]{1,64}$" in refused(message="x", chat_id=chat_id).message


def test_a_model_that_there_is_not_is_asked_for_last() -> None:
    def exists(name: str) -> None:
        raise ModelNotFound(name)

    with pytest.raises(ModelNotFound):
        parse_chat(b'{"message":"x","model":"nope"}', exists, default="haiku")
    with pytest.raises(InvalidRequest, match="must match"):
        parse_chat(b'{"message":"x","model":"nope","chat_id":"?"}', exists, default="haiku")


def test_the_other_routes_take_a_message_alone() -> None:
    body = b'{"message":"x","chat_id":"a","prompt":"y"}'
    assert parse_message(body, default="haiku", struct=STREAM).chat_id == "a"
    assert parse_message(body, default="haiku", struct=SIMPLE).chat_id is None
    with pytest.raises(InvalidRequest, match="message is required"):
        parse_message(b'{"prompt":"y"}', default="haiku", struct=SIMPLE)
