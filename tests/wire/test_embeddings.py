import base64
import json
import struct
from typing import Any

import pytest

from proxy.core.embedding import Embedded, EmbedRequest
from proxy.core.errors import ServerError
from proxy.wire.embeddings import (
    EmbedCall,
    embed_body,
    embedding_body,
    parse_embed,
    parse_embedding,
    parse_v1_embeddings,
    v1_embeddings_body,
)
from proxy.wire.requests import any_model

CALL = EmbedCall(EmbedRequest("Mini", ("a", "b")))
MADE = Embedded([[0.5, -1.0], [1.0, 2.5]], tokens=3, load=4, total=5)


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "mini", **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "inputs"),
    [
        ({}, ()),
        ({"input": None}, ()),
        ({"input": ""}, ()),
        ({"input": []}, ()),
        ({"input": "a"}, ("a",)),
        ({"input": ["a", ""]}, ("a", "")),
        ({"input": [""]}, ("",)),
    ],
)
def test_inputs_are_counted_as_ollama_counts_them(fields: dict[str, Any], inputs: tuple[str, ...]) -> None:
    assert parse_embed(body(**fields), any_model).request == EmbedRequest("mini", inputs)


def test_the_other_fields_are_read() -> None:
    wishes = {"truncate": False, "dimensions": 8, "keep_alive": "5m", "options": {"num_ctx": 512, "seed": None}}
    asked = parse_embed(body(input="a", **wishes), any_model).request
    assert asked == EmbedRequest(
        "mini", ("a",), truncate=False, dimensions=8, keep_alive=300.0, options={"num_ctx": 512}
    )
    assert parse_embed(body(input="a", dimensions=0), any_model).request.dimensions is None
    assert parse_embedding(body(prompt="a"), any_model).request == EmbedRequest("mini", ("a",), normalized=False)
    assert parse_embedding(body(prompt=""), any_model).request.inputs == ()


def test_openai_s_way_packs_vectors_when_asked() -> None:
    assert parse_v1_embeddings(body(input=""), any_model) == EmbedCall(EmbedRequest("mini", ("",)))
    assert parse_v1_embeddings(body(input=["a"], encoding_format="BASE64"), any_model).base64


@pytest.mark.parametrize(("parse", "status"), [(parse_embed, 500), (parse_embedding, 500), (parse_v1_embeddings, 500)])
def test_options_of_a_wrong_type_are_refused(parse: Any, status: int) -> None:
    with pytest.raises(ServerError) as caught:
        parse(body(input="a", prompt="a", options={"num_ctx": "big"}), any_model)
    assert caught.value.status == status


def test_the_bodies_are_those_of_each_dialect() -> None:
    assert json.loads(embed_body(CALL, MADE)) == {
        "model": "Mini",
        "embeddings": [[0.5, -1.0], [1.0, 2.5]],
        "total_duration": 5,
        "load_duration": 4,
        "prompt_eval_count": 3,
    }
    assert embed_body(CALL, Embedded(())) == b'{"model":"Mini","embeddings":[]}'
    assert embedding_body(CALL, MADE) == b'{"embedding":[0.5,-1.0]}'
    assert embedding_body(CALL, Embedded(())) == b'{"embedding":[]}'
    whole = json.loads(v1_embeddings_body(CALL, MADE))
    assert whole["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert (whole["object"], whole["model"]) == ("list", "Mini")
    assert whole["data"][1] == {"object": "embedding", "embedding": [1.0, 2.5], "index": 1}
    assert list(whole["data"][0]) == ["object", "embedding", "index"]


def test_packed_vectors_have_their_lowest_byte_first() -> None:
    packed = json.loads(v1_embeddings_body(EmbedCall(CALL.request, base64=True), MADE))["data"][0]["embedding"]
    assert base64.b64decode(packed) == struct.pack("<2f", 0.5, -1.0)
