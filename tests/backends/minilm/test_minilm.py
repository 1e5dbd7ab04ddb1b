"""Run where the extra `embeddings` is installed; the numbers are sentence-transformers' own for the same weights."""

import math
from collections.abc import Sequence
from typing import Any

import ollama
import pytest

from proxy.backends.minilm.embedder import MiniLM
from proxy.backends.minilm.place import find_model
from proxy.core.embedding import EmbedRequest
from proxy.core.errors import InvalidRequest
from tests.conftest import MakeDaemon

FOLDER = find_model()
if FOLDER is None:
    pytest.skip("the extra `embeddings` is not installed", allow_module_level=True)

HELLO = [-0.0344772, 0.0310232, 0.0067350]
LONG = "word " * 400


async def embedded(*inputs: str, **wishes: Any) -> Sequence[Sequence[float]]:
    assert FOLDER is not None
    return (await MiniLM(FOLDER).embed(EmbedRequest("all-minilm", inputs, **wishes), "all-minilm")).vectors


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_a_vector_is_that_of_the_model() -> None:
    [vector] = await embedded("hello world")
    assert len(vector) == 384
    assert vector[:3] == pytest.approx(HELLO, abs=1e-5)
    assert dot(vector, vector) == pytest.approx(1, abs=1e-5)


async def test_what_means_the_same_is_near_and_each_vector_has_the_place_of_its_text() -> None:
    texts = ["a cat sat on the mat", LONG, "the feline was sitting on a rug", "", "x"] * 3
    vectors = await embedded(*texts)
    assert dot(vectors[0], vectors[2]) > 0.5 > dot(vectors[0], vectors[1])
    assert vectors[0] == pytest.approx(vectors[5], abs=1e-5)


async def test_vectors_are_cut_and_made_of_length_one_again() -> None:
    [short], [whole], [plain] = (
        await embedded("hello world", dimensions=8),
        await embedded("hello world"),
        await embedded("hello world", normalized=False),
    )
    length = math.sqrt(dot(whole[:8], whole[:8]))
    assert short == pytest.approx([value / length for value in whole[:8]], abs=1e-5)
    assert dot(plain, plain) != pytest.approx(1, abs=1e-3)


async def test_a_text_that_is_too_long_is_cut_unless_it_must_not_be() -> None:
    assert len(await embedded(LONG)) == 1
    with pytest.raises(InvalidRequest, match="the input length exceeds the context length"):
        await embedded("short", LONG, truncate=False)


def test_a_daemon_lists_it_and_serves_it(make_fake: MakeDaemon) -> None:
    running = make_fake()
    client: Any = ollama.Client(running.url, trust_env=False, verify=False)
    assert "all-minilm:latest" in [model.model for model in client.list().models]
    assert client.show("all-minilm").capabilities == ["embedding"]
    answer = client.embed("all-minilm", ["hello world", "x"])
    assert answer.embeddings[0][:3] == pytest.approx(HELLO, abs=1e-5)
    assert answer.prompt_eval_count == 7
    with pytest.raises(ollama.ResponseError, match="does not support chat"):
        client.chat("all-minilm", [{"role": "user", "content": "hello"}])
    client._client.close()


def test_a_daemon_can_be_told_not_to(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"local_embeddings": "off"})
    with running.client() as client:
        assert client.post("/api/embed", json={"model": "all-minilm", "input": "x"}).status_code == 404
