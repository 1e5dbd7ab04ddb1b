"""The official `ollama` and `openai` clients, through the real CLI."""

from collections.abc import Iterator

import ollama
import openai
import pytest

from tests.support.running import Running

TEXT = (
    "  two  blanks\n\n\ttab, \u00e9moji \U0001f469\u200d\U0001f467 \U0001f1ef\U0001f1f5, combining e\u0301, "
    '\u2028 \u2029 \u0085, \\ " </a>\r\nend \n'
)
CONVERSATION = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "My cat is called Mint."},
    {"role": "assistant", "content": "A fine name."},
    {"role": "user", "content": "What did I say before?"},
]


@pytest.fixture
def ollama_client(live: Running) -> Iterator[ollama.Client]:
    client = ollama.Client(live.url, trust_env=False)
    yield client
    client._client.close()


@pytest.fixture
def openai_client(live: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_ollama_lists_and_shows_the_models(ollama_client: ollama.Client) -> None:
    names = [model.model for model in ollama_client.list().models]
    assert {"opus:latest", "sonnet:latest", "haiku:latest"} <= set(names)
    shown = ollama_client.show("sonnet")
    assert shown.modelinfo is not None
    assert shown.modelinfo["claude.simulated"] is True
    assert "SIMULATED" in str(shown.license)
    ollama_client.chat("haiku", CONVERSATION)
    [loaded] = [model for model in ollama_client.ps().models if model.model == "haiku:latest"]
    assert loaded.expires_at is not None


def test_ollama_chats_whole(ollama_client: ollama.Client) -> None:
    answer = ollama_client.chat("sonnet", CONVERSATION)
    assert "My cat is called Mint." in str(answer.message.content)
    assert answer.done_reason == "stop"


def test_ollama_chats_piece_by_piece(ollama_client: ollama.Client) -> None:
    pieces = list(ollama_client.chat("sonnet", CONVERSATION, stream=True))
    assert len(pieces) > 5
    assert "My cat is called Mint." in "".join(str(piece.message.content) for piece in pieces)
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_ollama_generates_and_goes_on_with_the_context(ollama_client: ollama.Client) -> None:
    first = ollama_client.generate("sonnet", "My cat is called Mint.")
    second = ollama_client.generate("sonnet", "What did I say before?", context=first.context)
    assert "My cat is called Mint." in str(second.response)


def test_the_six_metrics_are_positive_integers(live: Running) -> None:
    body = {"model": "sonnet", "stream": False, "messages": [{"role": "user", "content": "hello"}]}
    with live.client() as client:
        answer = client.post("/api/chat", json=body).json()
    names = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count")
    for name in (*names, "eval_duration"):
        assert type(answer[name]) is int, name
        assert answer[name] > 0, name


def test_cached_prompt_tokens_count_as_prompt(live: Running, ollama_client: ollama.Client) -> None:
    system = "You know the following by heart. " + "All cats are grey at night. " * 400
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "hello"}]
    first, second = (ollama_client.chat("sonnet", messages) for _ in range(2))
    assert first.prompt_eval_count == second.prompt_eval_count
    assert first.prompt_eval_count is not None
    assert first.prompt_eval_count > 1000


@pytest.mark.parametrize("stream", [False, True])
def test_text_arrives_byte_for_byte_on_ollama(ollama_client: ollama.Client, stream: bool) -> None:
    messages = [{"role": "user", "content": f"echo: {TEXT}"}]
    if stream:
        text = "".join(str(piece.message.content) for piece in ollama_client.chat("sonnet", messages, stream=True))
    else:
        text = str(ollama_client.chat("sonnet", messages).message.content)
    assert text == TEXT


@pytest.mark.parametrize("stream", [False, True])
def test_text_arrives_byte_for_byte_on_openai(openai_client: openai.OpenAI, stream: bool) -> None:
    prompt = f"echo: {TEXT}"
    if stream:
        chunks = openai_client.chat.completions.create(
            model="sonnet", messages=[{"role": "user", "content": prompt}], stream=True
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        whole = openai_client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": prompt}])
        text = str(whole.choices[0].message.content)
    assert text == TEXT


def test_openai_lists_the_models(openai_client: openai.OpenAI) -> None:
    assert "sonnet:latest" in [model.id for model in openai_client.models.list()]
    assert openai_client.models.retrieve("sonnet").id == "sonnet"
    with pytest.raises(openai.NotFoundError, match="model 'nope:latest' not found"):
        openai_client.models.retrieve("nope")


def test_openai_chats_with_usage(openai_client: openai.OpenAI) -> None:
    chunks = list(
        openai_client.chat.completions.create(
            model="sonnet",
            messages=[{"role": "developer", "content": "You are brief."}, {"role": "user", "content": "count to 5"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_an_unknown_model_is_not_found(ollama_client: ollama.Client, openai_client: openai.OpenAI) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nope' not found") as caught:
        ollama_client.chat("nope", CONVERSATION)
    assert caught.value.status_code == 404
    with pytest.raises(openai.NotFoundError, match="model 'nope' not found"):
        openai_client.chat.completions.create(model="nope", messages=[{"role": "user", "content": "hello"}])
