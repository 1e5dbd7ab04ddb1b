"""The `ollama` command where it makes, copies, removes and pushes models, and looks for an account."""

import json
from collections.abc import Iterator

import pytest

from tests.support.ollama_command import AGENT, Command, Refused, pushes, says, written
from tests.support.running import Running


@pytest.fixture
def command(live: Running) -> Iterator[Command]:
    with live.client() as client:
        yield Command(client)


def test_cp_and_rm_make_a_model_and_take_it_away(command: Command, live: Running) -> None:
    before = len(live.sent())
    command.begin()
    assert command.call("POST", "/api/copy", {"source": "sonnet", "destination": "copied"}) is None
    assert "copied:latest" in command.names()
    command.remove("copied")
    assert "copied:latest" not in command.names()
    with pytest.raises(Refused, match='404 model "copied" not found'):
        command.call("POST", "/api/copy", {"source": "copied", "destination": "again"})
    assert len(live.sent()) == before


def test_rm_of_a_claude_model_is_refused_with_a_reason(command: Command) -> None:
    with pytest.raises(Refused) as caught:
        command.remove("sonnet")
    assert caught.value.status == 403
    assert "sonnet" in command.show("sonnet")["modelfile"]


def test_create_makes_what_a_modelfile_says(command: Command) -> None:
    command.begin()
    body = {
        "model": "mario",
        "from": "sonnet",
        "template": "{{ .Prompt }}",
        "license": ["MIT <&>"],
        "system": "You are Mario.",
        "parameters": {"stop": ["a", "b"], "temperature": 0.3},
        "messages": [says("user", "hi"), says("assistant", "It's me!")],
        "name": "",
    }
    command.progress("/api/create", body)
    shown = command.show("mario")
    assert (shown["template"], shown["system"], shown["messages"]) == (
        "{{ .Prompt }}",
        "You are Mario.",
        body["messages"],
    )
    assert shown["license"].endswith("\nMIT <&>")
    values = [line.split() for line in shown["parameters"].split("\n")]
    assert [value for name, value in values if name == "stop"] == ['"a"', '"b"']
    assert ["temperature", "0.3"] in values
    assert shown["details"]["parent_model"] == "sonnet:latest"
    command.remove("mario")


def test_create_of_a_file_with_weights_is_refused_with_a_reason(command: Command, live: Running) -> None:
    headers = {"User-Agent": AGENT, "Content-Type": "application/json", "Accept": "application/json"}
    with live.client() as client:
        # A file is sent in pieces.
        answer = client.post(f"/api/blobs/sha256:{'0' * 64}", headers=headers, content=iter([b"GGUF", b"weights"]))
    assert (answer.status_code, "files cannot be imported" in answer.json()["error"]) == (400, True)
    files = {"model": "mario", "files": {"a.gguf": f"sha256:{'0' * 64}"}, "parameters": None, "name": ""}
    with pytest.raises(Refused, match="400 files cannot be imported"):
        command.stream("/api/create", files)


def test_push_is_told_that_nobody_is_signed_in(command: Command) -> None:
    command.begin()
    with pytest.raises(Refused, match="401 unauthorized"):
        command.call("POST", "/api/me")


def test_push_to_another_registry_says_what_it_does_before_it_is_refused(command: Command, live: Running) -> None:
    command.call("POST", "/api/copy", {"source": "sonnet", "destination": "localhost:5000/team/mario"})
    with live.client() as client:
        answer = client.post("/api/push", content=written(pushes("localhost:5000/team/mario")))
    first, last = map(json.loads, answer.text.splitlines())
    # The first line without a digest starts what shows the progress: the command would crash without it.
    assert first == {"status": "retrieving manifest"}
    assert last["error"].startswith("unauthorized: ")
    with pytest.raises(Refused, match="model 'nope' not found"):
        command.stream("/api/push", pushes("nope"))
    command.remove("localhost:5000/team/mario")


def test_signin_and_signout_find_no_account(command: Command, live: Running) -> None:
    with live.client() as client:
        answer = client.post("/api/me", headers={"User-Agent": AGENT, "Content-Type": "application/json"})
    # The command would tell people to sign in there.
    assert "signin_url" not in answer.json()
    for path in ("/api/me", "/api/signout"):
        with pytest.raises(Refused) as caught:
            command.call("POST", path)
        assert caught.value.status == 401
        assert caught.value.text
