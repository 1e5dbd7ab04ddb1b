"""Keys over the whole daemon: who gets in, what they may, and that nobody reaches what is another one's."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.access.keys import KeyLimits
from proxy.backends.claude_cli.conversations import Conversation
from proxy.backends.claude_cli.plan import State
from tests.support.keys import bearer, keep, make_key, secret_of
from tests.support.log import captured_log
from tests.support.raw import send
from tests.support.running import Running, running_daemon, write_fake_cli

KEYS = {
    key.name: key
    for key in (
        make_key("ann"),
        make_key("bob"),
        make_key("root", admin=True),
        make_key("picky", models=("haiku", "saga-1m")),
        make_key("old", expires_at=datetime(2026, 1, 3, tzinfo=UTC)),
        make_key("five", limits=KeyLimits(requests=5)),
        make_key("alone", limits=KeyLimits(at_once=1)),
        make_key("short", limits=KeyLimits(tokens=10)),
        make_key("poor", limits=KeyLimits(dollars=2)),
        make_key("soon", expires_at=datetime.now(UTC) + timedelta(days=1)),
    )
}
FAKE_ANSWER = {"role": "assistant", "content": "fake answer"}
ADMIN_PATHS = [f"/admin/{name}" for name in ("keys", "usage", "status", "metrics", "requests", "log")] + ["/metrics"]
NATIVE, OPENAI, ANTHROPIC = "/api/chat", "/v1/chat/completions", "/v1/messages"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the fake CLI that needs keys."""
    folder = tmp_path_factory.mktemp("keyed")
    keep(folder / "state", KEYS.values())
    settings = {"state_folder": str(folder / "state"), "spares": "2", "interrupt_timeout": "100ms"}
    # What a process holds for a key shows where conversations are kept in processes.
    settings["stateless_turns"] = "off"
    with running_daemon(folder, cli=write_fake_cli(folder), settings=settings) as running:
        yield running


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """The lines of the daemon, at every level."""
    with captured_log() as lines:
        yield lines


def body(text: str = "hello", model: str = "sonnet", **fields: object) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 50,
        "stream": False,
        **fields,
    }


def post(running: Running, path: str, headers: Mapping[str, str], text: str = "hello", **fields: Any) -> httpx.Response:
    with running.client() as client:
        return client.post(path, json=body(text, **fields), headers=headers)


def get(running: Running, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    with running.client() as client:
        return client.get(path, headers=headers or {})


def told(response: httpx.Response) -> tuple[str, str]:
    """The kind of an error, and its words; Ollama's has no kind."""
    error = response.json()["error"]
    return ("", error) if isinstance(error, str) else (error["type"], error["message"])


def requests(log: list[Any]) -> list[str]:
    """How the requests that were logged have ended."""
    return [line["ended"] for line in log if line["event"] == "request"]


# Getting in


@pytest.mark.parametrize(
    "headers",
    [
        bearer("ann"),
        {"x-api-key": secret_of("ann")},
        {"authorization": f"bearer {secret_of('ann')}"},
        {"authorization": f"BEARER   {secret_of('ann')}"},
        {"authorization": "Bearer", "x-api-key": secret_of("ann")},
        {"authorization": "Basic YTpi", "x-api-key": secret_of("ann")},
        {**bearer("ann"), "x-api-key": secret_of("ann")},
        bearer("soon"),
    ],
    ids=lambda headers: ", ".join(headers),
)
@pytest.mark.parametrize("path", [NATIVE, OPENAI, ANTHROPIC])
def test_a_key_gets_in(keyed: Running, path: str, headers: dict[str, str]) -> None:
    assert post(keyed, path, headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "an API key is needed"),
        ({"authorization": "Bearer"}, "an API key is needed"),
        ({"authorization": "Bearer", "x-api-key": ""}, "an API key is needed"),
        ({"authorization": f"Basic {secret_of('ann')}"}, "an API key is needed"),
        ({"authorization": secret_of("ann")}, "an API key is needed"),
        (bearer("eve"), "the API key is not valid"),
        ({"x-api-key": secret_of("eve")}, "the API key is not valid"),
        ({"x-api-key": KEYS["ann"].digest}, "the API key is not valid"),
        ({"x-api-key": KEYS["ann"].id}, "the API key is not valid"),
        ({"x-api-key": secret_of("ann").upper()}, "the API key is not valid"),
        ({"x-api-key": "x" * 50_000}, "the API key is not valid"),
        ({**bearer("ann"), "x-api-key": secret_of("bob")}, "the request has more than one API key"),
        (bearer("old"), "the API key has expired"),
    ],
    ids=str,
)
def test_whoever_has_none_stays_out(keyed: Running, headers: dict[str, str], words: str, log: list[Any]) -> None:
    for path, kind in ((NATIVE, ""), (OPENAI, "authentication_error"), (ANTHROPIC, "authentication_error")):
        response = post(keyed, path, headers)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert response.headers["x-should-retry"] == "false"
        assert told(response)[0] == kind
        assert told(response)[1].startswith(words)
        assert "sk-cos" not in response.text
    keyed.until(lambda: requests(log).count("not_logged_in") == 3, "logged")
    assert "sk-cos" not in str(log)


def test_two_headers_with_two_keys_are_refused(keyed: Running) -> None:
    for second, status in ((secret_of("bob"), 401), (secret_of("ann"), 200)):
        with keyed.client() as client:
            headers = [("authorization", f"Bearer {secret_of('ann')}"), ("authorization", f"Bearer {second}")]
            assert client.get("/api/tags", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/tags"),
        ("GET", "/v1/models"),
        ("GET", "/api/ps"),
        ("POST", "/api/show"),
        ("POST", "/api/create"),
        ("POST", "/v1/messages/count_tokens"),
        ("GET", "/nothing/there"),
        ("GET", "/api/%74ags"),
        ("GET", "/api/version/x"),
        ("PUT", "/API/VERSION"),
        ("OPTIONS", "/api/tags"),
    ],
)
def test_everything_else_needs_one_too(keyed: Running, method: str, path: str) -> None:
    assert send(keyed, method, path).status == 401


def test_what_says_that_the_daemon_runs_needs_none(keyed: Running) -> None:
    for headers in ({}, bearer("eve"), bearer("old")):
        assert get(keyed, "/", headers).text == "Ollama is running"
        assert get(keyed, "/api/version", headers).status_code == 200
    preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    assert send(keyed, "OPTIONS", "/api/chat", preflight).status == 204


def test_a_page_may_read_why_it_stays_out(keyed: Running) -> None:
    answer = send(keyed, "GET", "/api/tags", {"Origin": "http://localhost:3000"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, "http://localhost:3000")


def test_the_list_of_models_refuses_in_the_dialect_of_who_asks(keyed: Running) -> None:
    assert get(keyed, "/v1/models", {"anthropic-version": "2023-06-01"}).json()["type"] == "error"
    assert "type" not in get(keyed, "/v1/models").json()


def test_without_any_key_all_headers_are_ignored(fake: Running) -> None:
    for headers in ({}, bearer("eve"), {**bearer("eve"), "x-api-key": "other"}):
        assert post(fake, NATIVE, headers).status_code == 200


def test_the_log_names_the_key_by_its_id(keyed: Running, log: list[Any]) -> None:
    post(keyed, NATIVE, bearer("ann"))
    keyed.until(lambda: any(line.get("key") == KEYS["ann"].id for line in log), "logged")
    line = next(line for line in log if line.get("key") == KEYS["ann"].id)
    assert (line["key"], line["client"]) == (KEYS["ann"].id, "127.0.0.1")
    assert "sk-cos" not in str(log)


def test_keys_are_added_and_revoked_while_the_daemon_runs(make_fake: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    running = make_fake(settings={"state_folder": str(state)})
    assert get(running, "/api/tags").status_code == 200
    keep(state, [make_key("ann")])
    running.until(lambda: running.daemon.engine.admission.keyring.required, "locked")
    assert get(running, "/api/tags").status_code == 401
    assert get(running, "/api/tags", bearer("ann")).status_code == 200
    keep(state, [])
    running.until(lambda: not running.daemon.engine.admission.keyring.keys, "revoked")
    assert get(running, "/api/tags", bearer("ann")).status_code == 401


# Models


def test_a_key_sees_its_models_alone(keyed: Running) -> None:
    mine = bearer("picky")
    listed = {model["name"] for model in get(keyed, "/api/tags", mine).json()["models"]}
    assert listed == {"haiku:latest", "saga-1m:latest"}
    assert "sonnet" not in get(keyed, "/v1/models", mine).text
    assert "sonnet" not in get(keyed, "/api/experimental/model-recommendations", mine).text
    assert get(keyed, "/v1/models/haiku", mine).status_code == 200
    assert get(keyed, "/v1/models/sonnet", mine).status_code == 403
    with keyed.client() as client:
        assert client.post("/api/show", json={"model": "haiku"}, headers=mine).status_code == 200
        assert client.post("/api/show", json={"model": "sonnet"}, headers=mine).status_code == 403
        assert client.post("/api/pull", json={"model": "sonnet"}, headers=mine).status_code == 403


@pytest.mark.parametrize("model", ["sonnet", "SONNET:latest", "claude-sonnet-4-5", "opus"])
def test_a_key_may_not_use_other_models(keyed: Running, model: str) -> None:
    kinds = {NATIVE: "", OPENAI: "permission_error", ANTHROPIC: "permission_error", "/v1/messages/count_tokens": ""}
    for path in kinds:
        response = post(keyed, path, bearer("picky"), model=model)
        assert response.status_code == 403
        assert "may not use model" in told(response)[1]
        assert kinds[path] in told(response)[0]


def test_a_key_may_neither_load_nor_unload_other_models(keyed: Running) -> None:
    for keep_alive in (300, 0):
        with keyed.client() as client:
            asked = {"model": "sonnet", "keep_alive": keep_alive}
            assert client.post("/api/generate", json=asked, headers=bearer("picky")).status_code == 403


def test_a_key_may_use_its_own_by_every_dialect(keyed: Running) -> None:
    for path in (NATIVE, OPENAI, ANTHROPIC):
        assert post(keyed, path, bearer("picky"), model="haiku").status_code == 200


# What is one's own


def conversations(running: Running) -> list[Conversation]:
    """What the live processes hold."""
    return [each for view in running.daemon.pool.processes if view.state is State.LIVE and (each := view.conversation)]


def test_no_key_reaches_the_conversation_or_the_process_of_another(keyed: Running) -> None:
    keyed.until_idle()
    said = {"role": "user", "content": "remember [fake: kept]"}
    for name, turns in (("ann", 1), ("ann", 2), ("bob", 2), ("ann", 3)):
        conversation = [message for _ in range(turns) for message in (said, FAKE_ANSWER)][:-1]
        assert post(keyed, NATIVE, bearer(name), messages=conversation).status_code == 200
        keyed.until_idle()
    held = {each.caller.name: len(each.messages) for each in conversations(keyed)}
    assert held == {KEYS["ann"].id: 6, KEYS["bob"].id: 4}


def test_each_key_sees_and_unloads_what_it_has_loaded_alone(keyed: Running) -> None:
    def loaded(name: str) -> set[str]:
        return {model["name"] for model in get(keyed, "/api/ps", bearer(name)).json()["models"]}

    def unload(name: str, model: str) -> None:
        with keyed.client() as client:
            asked = {"model": model, "keep_alive": 0}
            assert client.post("/api/generate", json=asked, headers=bearer(name)).json()["done_reason"] == "unload"

    for name in ("bob", "ann"):  # the later one's stays: a single answer may have to make room
        post(keyed, NATIVE, bearer(name), "mine [fake: kept]", model="opus")
        keyed.until_idle()
    assert ("opus:latest" in loaded("ann"), "opus:latest" in loaded("bob")) == (True, True)
    assert "opus:latest" not in loaded("five")
    unload("bob", "opus")
    assert ("opus:latest" in loaded("ann"), "opus:latest" in loaded("bob")) == (True, False)
    keyed.until_idle()
    assert {each.caller.name for each in conversations(keyed) if each.model == "opus"} == {KEYS["ann"].id}
    assert "opus:latest" in loaded("root")
    unload("root", "opus")
    assert "opus:latest" not in loaded("ann")


# Limits


def test_twenty_requests_at_once_get_five_answers_where_five_are_allowed(keyed: Running) -> None:
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(post, keyed, NATIVE, bearer("five")) for _ in range(20)]
        answers = [each.result() for each in asked]
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert "5 requests a day" in told(refused)[1]
    assert 0 < int(refused.headers["retry-after"]) <= 24 * 3600
    for path, kind in ((OPENAI, "api_error"), (ANTHROPIC, "rate_limit_error")):
        assert told(post(keyed, path, bearer("five")))[0] == kind


def test_a_key_has_so_many_requests_at_once_and_a_lost_client_frees_its_own(keyed: Running) -> None:
    with keyed.client() as client:
        asked = body("[fake: hang 1]", stream=True)
        with client.stream("POST", NATIVE, json=asked, headers=bearer("alone")) as answer:
            lines = answer.iter_lines()
            next(lines)
            refused = post(keyed, NATIVE, bearer("alone"))
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert post(keyed, NATIVE, bearer("ann")).status_code == 200
    keyed.until(lambda: keyed.daemon.engine.running == 0, "freed")
    assert post(keyed, NATIVE, bearer("alone")).status_code == 200


def test_tokens_count_once_the_answer_has_ended(keyed: Running) -> None:
    assert post(keyed, NATIVE, bearer("short")).status_code == 200
    assert keyed.daemon.engine.admission.ledger.of(KEYS["short"].id).tokens == 7 + 5
    refused = post(keyed, NATIVE, bearer("short"))
    assert (refused.status_code, "10 tokens a day" in told(refused)[1]) == (429, True)


def test_dollars_are_those_that_the_cli_tells(keyed: Running) -> None:
    ledger, caller = keyed.daemon.engine.admission.ledger, KEYS["poor"].id
    assert post(keyed, NATIVE, bearer("poor"), "[fake: costs 3.5]").status_code == 200
    keyed.until(lambda: ledger.of(caller).dollars == pytest.approx(3.5), "told")
    refused = post(keyed, NATIVE, bearer("poor"))
    assert (refused.status_code, "2 US dollars a day" in told(refused)[1]) == (429, True)


@pytest.mark.parametrize("fault", ["hang 3", "crash 3", "garbage", "no_end"])
def test_what_an_answer_used_that_came_to_no_good_end_counts_as_far_as_it_is_known(keyed: Running, fault: str) -> None:
    ledger, caller = keyed.daemon.engine.admission.ledger, KEYS["bob"].id
    before = ledger.of(caller)
    with keyed.client() as client:
        asked = body(f"[fake: {fault}]", stream=True)
        with client.stream("POST", NATIVE, json=asked, headers=bearer("bob")) as answer:
            next(answer.iter_lines())
    keyed.until(lambda: keyed.daemon.engine.running == 0, "ended")
    used = ledger.of(caller)
    assert (used.requests - before.requests, used.tokens - before.tokens >= 7 + 2) == (1, True)
    assert used.dollars > before.dollars


# Administration


def test_models_are_changed_with_an_admin_key_alone(keyed: Running) -> None:
    made: dict[str, Any] = {"model": "mine", "from": "sonnet", "system": "x", "stream": False}
    with keyed.client() as client:

        def change(method: str, path: str, value: Mapping[str, Any], name: str) -> int:
            return client.request(method, path, json=value, headers=bearer(name)).status_code

        steps: tuple[tuple[str, str, dict[str, Any], int], ...] = (
            ("POST", "/api/create", made, 200),
            ("POST", "/api/copy", {"source": "mine", "destination": "other"}, 200),
            ("DELETE", "/api/delete", {"model": "mine"}, 200),
            ("DELETE", "/api/delete", {"model": "other"}, 200),
            ("POST", "/api/push", {"model": "sonnet", "stream": False}, 403),
            ("POST", f"/api/blobs/sha256:{'0' * 64}", {}, 400),
        )
        for method, path, value, status in steps:
            assert change(method, path, value, "ann") == 403
            assert change(method, path, value, "root") == status
    assert "admin key" in told(post(keyed, "/api/create", bearer("ann")))[1]


def test_an_admin_key_is_told_of_keys_and_their_use_and_of_no_secret(keyed: Running) -> None:
    keys = get(keyed, "/admin/keys", bearer("root"))
    assert {key["name"] for key in keys.json()["keys"]} == set(KEYS)
    usage = get(keyed, "/admin/usage", bearer("root"))
    assert {caller["key"] for caller in usage.json()["callers"]} >= {KEYS["ann"].id}
    for answer in (keys, usage):
        assert answer.headers["cache-control"] == "no-store"
        assert not any(key.digest in answer.text or secret_of(key.name) in answer.text for key in KEYS.values())


@pytest.mark.parametrize("path", ADMIN_PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (bearer("ann"), 403),
        (bearer("eve"), 401),
        ({"Origin": "http://localhost:3000"}, 401),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
        ({"Sec-Fetch-Site": "same-site"}, 401),
        ({"X-Forwarded-For": "127.0.0.1"}, 401),
        ({"Forwarded": "for=127.0.0.1"}, 401),
        ({"X-Real-IP": "127.0.0.1"}, 401),
        ({"Host": "rebound.internal"}, 401),
        ({"Host": "evil.example"}, 403),
    ],
    ids=str,
)
def test_without_one_somebody_at_this_machine_is_told_and_no_page_or_proxy(
    keyed: Running, path: str, headers: dict[str, str], status: int
) -> None:
    assert send(keyed, "GET", path, headers).status == status


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 200), ({"Origin": "http://localhost:3000"}, 403), ({"Via": "1.1 proxy"}, 403)]
)
def test_where_no_key_is_needed_the_same_holds(fake: Running, headers: dict[str, str], status: int) -> None:
    assert send(fake, "GET", "/admin/usage", headers).status == status


def test_the_page_is_for_an_admin_or_somebody_at_this_machine(keyed: Running) -> None:
    page = {"accept": "text/html"}
    assert "<h1>" in get(keyed, "/", page).text
    assert "<h1>" in get(keyed, "/", {**page, **bearer("root"), "x-forwarded-for": "10.0.0.1"}).text
    assert "<h1>" not in get(keyed, "/", {**page, "x-forwarded-for": "10.0.0.1"}).text
