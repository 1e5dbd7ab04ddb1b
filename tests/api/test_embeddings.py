"""Embeddings: no Claude model makes them, and each dialect says so in its own shape."""

from typing import Any

import ollama
import openai
import pytest

from tests.support.running import Running

REFUSED = '"sonnet" does not support embeddings'
UNKNOWN = 'model "nope" not found, try pulling it first'
ENCODINGS = "Invalid value for 'encoding_format' = hex. Supported values: ['float', 'base64']."


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/api/embed", {"model": "sonnet", "input": "x"}, 400, REFUSED),
        ("/api/embed", {"model": "sonnet", "input": ["x", "y"], "truncate": True}, 400, REFUSED),
        ("/api/embed", {"model": "sonnet"}, 400, REFUSED),
        ("/api/embed", {"name": "sonnet:latest", "input": ""}, 400, '"sonnet:latest" does not support embeddings'),
        ("/api/embed", {"model": "nope", "input": 7}, 400, "invalid input type"),
        ("/api/embed", {"model": "nope", "input": ["x", 7]}, 400, "invalid input type"),
        ("/api/embed", {"model": "nope", "input": "x"}, 404, UNKNOWN),
        ("/api/embed", {"input": "x"}, 404, "model '' not found"),
        ("/api/embed", {"model": "bad name", "input": "x"}, 400, "invalid model name"),
        ("/api/embed", [], 400, "json: cannot unmarshal array into Go value of type api.EmbedRequest"),
        ("/api/embeddings", {"model": "sonnet", "prompt": "x"}, 400, REFUSED),
        ("/api/embeddings", {"prompt": "x"}, 400, "model is required"),
        ("/api/embeddings", {"model": "nope"}, 404, UNKNOWN),
        ("/api/embeddings", [], 400, "json: cannot unmarshal array into Go value of type api.EmbeddingRequest"),
        ("/v1/embeddings", {"model": "sonnet", "input": "x"}, 400, REFUSED),
        ("/v1/embeddings", {"model": "sonnet", "input": ""}, 400, REFUSED),
        ("/v1/embeddings", {"model": "sonnet"}, 400, "invalid input"),
        ("/v1/embeddings", {"model": "sonnet", "input": []}, 400, "invalid input"),
        ("/v1/embeddings", {"model": "sonnet", "input": [1, 2]}, 400, "invalid input type"),
        ("/v1/embeddings", {"model": "sonnet", "input": "x", "encoding_format": "hex"}, 400, ENCODINGS),
        ("/v1/embeddings", {"model": "sonnet", "input": "x", "encoding_format": "BASE64"}, 400, REFUSED),
        ("/v1/embeddings", {"model": "nope", "input": "x"}, 404, UNKNOWN),
    ],
)
def test_embeddings_are_refused_in_ollama_s_order(fake: Running, path: str, body: Any, status: int, text: str) -> None:
    with fake.client() as client:
        response = client.post(path, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["message"] if path.startswith("/v1") else error) == (status, text)


def test_the_official_clients_hear_of_it(fake: Running) -> None:
    native: Any = ollama.Client(fake.url, trust_env=False, verify=False)
    with pytest.raises(ollama.ResponseError, match="does not support embeddings"):
        native.embed("sonnet", "x")
    native._client.close()
    plain: Any = fake.client()
    with (
        plain,
        openai.OpenAI(base_url=f"{fake.url}/v1", api_key="none", max_retries=0, http_client=plain) as client,
        pytest.raises(openai.BadRequestError, match="does not support embeddings"),
    ):
        client.embeddings.create(model="sonnet", input="x")
