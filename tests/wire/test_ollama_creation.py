"""Bodies of the routes that make, copy, delete and fetch models; what is told of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.core.errors import InvalidRequest, ServerError
from proxy.core.request import Image, Message, Options, Text
from proxy.core.traits import Traits
from proxy.wire.models import ModelCard, digest
from proxy.wire.ollama import creation, progress
from proxy.wire.ollama.creation import OllamaTransfer, read_parameters

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
CARD = ModelCard(
    "sonnet", "Claude Sonnet", "sonnet", 200_000, 64_000, ("completion",), datetime(2026, 8, 1, tzinfo=UTC)
)
TOO_NARROW = "json: cannot unmarshal number into Go struct field"


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_a_create_is_read_as_the_ollama_command_sends_it() -> None:
    sent = {
        "model": "Mario",
        "from": "sonnet",
        "files": None,
        "quantize": "",
        "template": "{{ .Prompt }}",
        "license": ["MIT", "", "Apache"],
        "system": "You are Mario.",
        "parameters": {"stop": ["a", "b"], "temperature": 0.3, "num_ctx": 4096, "seed": None, "own": {"x": 1.0}},
        "messages": [
            {"role": "user", "content": "hi", "images": [PIXEL]},
            {"role": "assistant", "content": "It's me!", "thinking": "who am I?"},
        ],
        "name": "",
    }
    asked = creation.parse_create(body(**sent))
    assert (asked.name.short, asked.source, asked.stream) == ("Mario", "sonnet", True)
    assert asked.traits == Traits(
        system="You are Mario.",
        template="{{ .Prompt }}",
        parameters={"stop": ["a", "b"], "temperature": 0.3, "num_ctx": 4096, "own": {"x": 1}},
        messages=(
            Message("user", (Image("image/png", PIXEL), Text("hi"))),
            Message("assistant", (Text("It's me!"),)),
        ),
        licenses=("MIT", "Apache"),
    )


@pytest.mark.parametrize(
    ("fields", "traits"),
    [
        ({}, Traits()),
        ({"system": "", "template": None, "license": "", "parameters": None, "messages": []}, Traits()),
        ({"license": "MIT"}, Traits(licenses=("MIT",))),
        ({"modelfile": "FROM x", "path": "/x", "info": {"a": 1}, "renderer": "x", "unknown": 1}, Traits()),
    ],
)
def test_what_a_create_leaves_out_or_empty_is_inherited(fields: dict[str, Any], traits: Traits) -> None:
    asked = creation.parse_create(body(**{"name": "mario", "from": "sonnet", "stream": False} | fields))
    assert (asked.name.short, asked.traits, asked.stream) == ("mario", traits, False)


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({}, 400, "invalid model name"),
        ({"model": "a b", "from": "sonnet"}, 400, "invalid model name"),
        ({"model": "é", "from": "sonnet"}, 400, "invalid model name"),
        ({"model": "../x", "from": "sonnet"}, 400, "invalid model name"),
        ({"model": "x" * 81, "from": "sonnet"}, 400, "invalid model name"),
        ({"model": "mario:cloud", "from": "sonnet"}, 403, "ollama cloud is disabled: remote model is unavailable"),
        ({"model": "mario:v-cloud", "from": "sonnet"}, 403, "ollama cloud is disabled: remote model is unavailable"),
        ({"model": "mario", "from": "a b"}, 400, "invalid model name"),
        ({"model": "mario"}, 400, "neither 'from' or 'files' was specified"),
        ({"model": "mario", "from": ""}, 400, "neither 'from' or 'files' was specified"),
        ({"model": "mario", "files": None}, 400, "neither 'from' or 'files' was specified"),
        ({"model": "mario", "files": {}}, 400, "unknown type"),
        ({"model": "mario", "files": {"a.gguf": "sha256:0"}}, 400, creation.NO_FILES),
        ({"model": "mario", "from": "sonnet", "adapters": {"a.gguf": "sha256:0"}}, 400, creation.NO_FILES),
        (
            {"model": "mario", "from": "sonnet", "quantize": "q4_K_M"},
            400,
            "the models of this server cannot be quantized: they are Claude's",
        ),
        (
            {"model": "mario", "from": "sonnet", "remote_host": "http://127.0.0.1:1"},
            400,
            "the models of another server cannot be used: leave out 'remote_host'",
        ),
        (
            {"model": "mario", "from": "sonnet", "license": {"a": 1}},
            500,
            "json: cannot unmarshal object into Go value of type []string",
        ),
        (
            {"model": "mario", "from": "sonnet", "license": ["MIT", 5]},
            500,
            "json: cannot unmarshal number into Go value of type string",
        ),
        ({"model": 5}, 400, f"{TOO_NARROW} CreateRequest.model of type string"),
        (
            {"model": "m", "parameters": 5},
            400,
            f"{TOO_NARROW} CreateRequest.parameters of type map[string]interface {{}}",
        ),
        ({"model": "m", "messages": [5]}, 400, f"{TOO_NARROW} CreateRequest.messages of type api.Alias"),
    ],
)
def test_a_bad_create_gets_ollamas_words(fields: dict[str, Any], status: int, text: str) -> None:
    with pytest.raises(ServerError) as caught:
        creation.parse_create(body(**fields))
    assert (caught.value.status, caught.value.message) == (status, text)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, 'source "" is invalid'),
        ({"source": "bad name", "destination": "x"}, 'source "bad name" is invalid'),
        ({"source": "sonnet"}, 'destination "" is invalid'),
        ({"source": "sonnet", "destination": "bad name"}, 'destination "bad name" is invalid'),
        ({"source": "sonnet", "destination": "mario:cloud"}, 'destination "mario:cloud" is invalid'),
        ({"source": 1}, f"{TOO_NARROW} CopyRequest.source of type string"),
    ],
)
def test_a_bad_copy_gets_ollamas_words(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        creation.parse_copy(body(**fields))
    assert (caught.value.status, caught.value.message) == (400, text)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "model is required"),
        ({"model": ""}, "model is required"),
        ({"name": "bad name"}, 'name "bad name" is invalid'),
        ({"name": 5}, f"{TOO_NARROW} DeleteRequest.name of type string"),
    ],
)
def test_a_bad_delete_gets_ollamas_words(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        creation.parse_delete(body(**fields))
    assert (caught.value.status, caught.value.message) == (400, text)


def test_a_model_may_be_called_name() -> None:
    both = body(model="", name="sonnet", insecure=True, username="", password="")
    assert creation.parse_delete(both) == "sonnet"
    assert creation.parse_pull(both) == creation.parse_push(both) == OllamaTransfer("sonnet", True)
    assert creation.parse_pull(body(model="sonnet", stream=False)) == OllamaTransfer("sonnet", False)


def test_an_empty_name_is_told_apart_by_pull_and_push() -> None:
    with pytest.raises(InvalidRequest, match=r"^invalid model name$"):
        creation.parse_pull(b"{}")
    with pytest.raises(InvalidRequest, match=r"^model is required$"):
        creation.parse_push(b"{}")
    with pytest.raises(InvalidRequest, match=r"^invalid model name$"):
        creation.parse_push(body(model="a b"))


@pytest.mark.parametrize("digest", [f"sha256:{'a' * 64}", f"sha256-{'0F' * 32}"])
def test_a_blob_is_named_by_its_digest(digest: str) -> None:
    creation.check_digest(digest)


@pytest.mark.parametrize("digest", ["", "a" * 64, f"sha256:{'a' * 63}", f"sha256:{'g' * 64}", f"md5:{'a' * 64}\n"])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^invalid digest format$"):
        creation.check_digest(digest)


def test_parameters_mean_the_same_as_a_requests_options() -> None:
    given = {"temperature": 1, "top_p": 0.5, "top_k": 5.9, "stop": ["a", ""], "num_predict": 7, "own": {"x": [1]}}
    assert read_parameters(given) == Options(1.0, 0.5, 5, ("a",), 7)
    assert read_parameters({}) == Options()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("temperature", "hot", "type float32"),
        ("top_k", True, "type integer"),
        ("num_ctx", "big", "type integer"),
        ("use_mmap", 1, "type boolean"),
        ("stop", "a", "type array"),
        ("stop", [1], "an array of strings"),
    ],
)
def test_a_parameter_of_a_wrong_type_is_an_options_error(name: str, value: object, kind: str) -> None:
    with pytest.raises(ServerError) as caught:
        read_parameters({name: value})
    assert (caught.value.status, caught.value.message) == (500, f'option "{name}" must be of {kind}')


def test_a_create_tells_which_layers_are_new() -> None:
    inherited = Traits(system="S", parameters={"top_k": 1})
    parent = ModelCard(
        "mario", "Mario", "sonnet", 1, 1, ("completion",), CARD.modified_at, traits=inherited, base="sonnet"
    )
    traits = Traits(system="S", parameters={"top_k": 2}, licenses=("MIT",), messages=(Message("user", (Text("a"),)),))
    steps = [step["status"] for step in progress.create_steps(parent, traits)]
    assert steps[0] == f"using existing layer sha256:{digest(parent)}"
    assert [step.partition(" layer sha256:")[0] for step in steps[1:-2]] == [
        "using existing",
        "creating new",
        "creating new",
        "creating new",
    ]
    assert len(set(steps)) == len(steps)
    assert steps[-2:] == ["writing manifest", "success"]


def test_a_pull_tells_its_digest_for_the_bar_of_the_ollama_command() -> None:
    steps = progress.pull_steps(CARD)
    assert [step["status"] for step in steps] == [
        "pulling manifest",
        f"pulling {digest(CARD)[:12]}",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    assert steps[1]["digest"] == f"sha256:{digest(CARD)}"
    assert steps[1]["total"] == steps[1]["completed"] > 0
    assert progress.whole(steps) == b'{"status":"success"}'


def test_an_error_is_the_last_line() -> None:
    lines = progress.lines(progress.PULLING, ServerError(progress.PULL_MISSING))
    assert lines == b'{"status":"pulling manifest"}\n{"error":"pull model manifest: file does not exist"}\n'
