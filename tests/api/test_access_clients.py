"""The official clients with keys: each takes a refusal for what it is, and does not try again in vain."""

from pathlib import Path

import anthropic
import ollama
import openai
import pytest

from proxy.access.keys import KeyLimits
from tests.conftest import MakeDaemon
from tests.support.keys import keep, make_key, secret_of
from tests.support.running import Running

QUESTION = {"role": "user", "content": "hello"}


@pytest.fixture
def keyed(make_fake: MakeDaemon, tmp_path: Path) -> Running:
    """A daemon that needs keys."""
    used_up, picky = make_key("empty", limits=KeyLimits(requests=0)), make_key("picky", models=("haiku",))
    keep(tmp_path / "state", [make_key("ann"), used_up, picky])
    return make_fake(settings={"state_folder": str(tmp_path / "state")})


def test_the_official_clients_take_a_refusal_for_what_it_is(keyed: Running) -> None:
    def by_openai(name: str) -> object:
        with openai.OpenAI(base_url=f"{keyed.url}/v1", api_key=secret_of(name)) as client:
            return client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hello"}])

    def by_anthropic(name: str) -> object:
        with anthropic.Anthropic(base_url=keyed.url, api_key=secret_of(name)) as client:
            asked: anthropic.types.MessageParam = {"role": "user", "content": "hello"}
            return client.messages.create(model="sonnet", max_tokens=50, messages=[asked])

    for name, by_the_one, by_the_other in (
        ("eve", openai.AuthenticationError, anthropic.AuthenticationError),
        ("picky", openai.PermissionDeniedError, anthropic.PermissionDeniedError),
        ("empty", openai.RateLimitError, anthropic.RateLimitError),
    ):
        with pytest.raises(by_the_one):
            by_openai(name)
        with pytest.raises(by_the_other):
            by_anthropic(name)
    assert by_openai("ann")
    assert by_anthropic("ann")


def test_ollamas_library_sends_its_own_variable(keyed: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", secret_of("ann"))
    with ollama.Client(keyed.url, trust_env=False) as client:
        assert client.chat("sonnet", [QUESTION]).message.content == "fake answer"
    monkeypatch.setenv("OLLAMA_API_KEY", secret_of("eve"))
    with (
        ollama.Client(keyed.url, trust_env=False) as client,
        pytest.raises(ollama.ResponseError, match="the API key is not valid"),
    ):
        client.chat("sonnet", [QUESTION])
