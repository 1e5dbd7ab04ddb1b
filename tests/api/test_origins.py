"""CORS as Ollama has it: what a page on another origin is sent, and may read."""

from typing import Any

import pytest

from config import ConfigError, load
from proxy.api.origins import allowed_origins
from tests.conftest import MakeDaemon
from tests.support.raw import RawAnswer, send
from tests.support.running import Running

PAGE = "http://localhost:3000"
ELSEWHERE = "https://evil.com"
HOME = {"HOME": "/home/ada"}
CHAT = b'{"model":"sonnet","keep_alive":0,"messages":[{"role":"user","content":"hello"}]}'


def cors(answer: RawAnswer) -> dict[str, list[str]]:
    """The headers that a browser decides by."""
    names = {name.lower() for name in answer.headers}
    return {name: answer.headers.get_all(name, []) for name in names if name.startswith("access-") or name == "vary"}


def readable(origin: str) -> dict[str, list[str]]:
    return {"access-control-allow-origin": [origin], "vary": ["Origin"]}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("port", ["", ":80", ":3000", ":evil"])
def test_pages_of_this_machine_are_allowed(host: str, scheme: str, port: str) -> None:
    assert allowed_origins(()).allow(f"{scheme}://{host}{port}")


@pytest.mark.parametrize("scheme", ["app", "file", "tauri", "vscode-webview", "vscode-file"])
def test_pages_of_desktop_programs_are_allowed(scheme: str) -> None:
    assert allowed_origins(()).allow(f"{scheme}://")
    assert allowed_origins(()).allow(f"{scheme}://obsidian.md")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.com",
        "http://localhost.evil.com",
        "http://localhost.evil.com:80",
        "http://localhostevil.com",
        "http://127.0.0.1.evil.com",
        "http://evil.com:80/http://localhost",
        "https://evil.com#http://localhost:1",
        "http://user@localhost",
        "http://127.0.0.2",
        "http://[::1]",
        "http://[::1]:3000",
        "http://10.0.0.1",
        "HTTP://LOCALHOST",
        "ws://localhost",
        "chrome-extension://abcdefgh",
        "moz-extension://abcdefgh",
        "app:/x",
        "xapp://x",
        "localhost",
        "*",
        " ",
    ],
)
def test_other_pages_are_refused(origin: str) -> None:
    assert not allowed_origins(()).allow(origin)


@pytest.mark.parametrize(
    ("listed", "origin", "allowed"),
    [
        ("https://example.com", "https://example.com", True),
        ("https://Example.COM", "https://example.com", True),
        ("https://example.com", "https://Example.com", False),
        ("https://example.com", "http://example.com", False),
        ("https://example.com", "https://example.com:8443", False),
        ("https://example.com", "https://sub.example.com", False),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "https://example.com.evil.com", False),
        ("https://*.Example.com", "https://a.example.com", True),
        ("*.example.com", "http://a.example.com", True),
        ("chrome-extension://*", "chrome-extension://abc", True),
        ("chrome-extension://*", "moz-extension://abc", False),
        ("http://localhost:*", "http://localhost.evil.com", False),
        ("*", "https://evil.com", True),
        ("*", "null", True),
    ],
)
def test_one_star_stands_for_anything_and_case_is_that_of_browsers(listed: str, origin: str, allowed: bool) -> None:
    assert allowed_origins([listed]).allow(origin) is allowed


def test_listed_origins_are_added_to_the_default_ones() -> None:
    assert allowed_origins(["https://example.com"]).allow(PAGE)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 200),
        ("HEAD", "/api/tags", None, 200),
        ("POST", "/api/chat", CHAT, 200),
        ("POST", "/v1/chat/completions", b"{}", 400),
        ("GET", "/nope", None, 404),
        ("DELETE", "/api/tags", None, 405),
        ("GET", "/api/tags/", None, 301),
        ("GET", "//api/tags", None, 307),
    ],
)
def test_an_allowed_page_reads_every_answer_and_every_error(
    fake: Running, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = send(fake, method, path, {"Origin": PAGE}, body=body)
    assert answer.status == status
    assert cors(answer) == readable(PAGE)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/api/chat", "/nope", "//api/tags"])
@pytest.mark.parametrize("origin", [ELSEWHERE, "null"])
def test_another_page_is_refused_on_every_path_with_an_empty_body(
    fake: Running, method: str, path: str, origin: str
) -> None:
    answer = send(fake, method, path, {"Origin": origin})
    assert (answer.status, answer.body, answer.headers["content-length"]) == (403, b"", "0")
    assert "content-type" not in answer.headers
    assert cors(answer) == {}


def test_a_refused_page_starts_no_turn(fake: Running) -> None:
    before = fake.daemon.engine.running, fake.daemon.pool.summary
    answer = send(fake, "POST", "/api/chat", {"Origin": ELSEWHERE, "Content-Type": "text/plain"}, body=CHAT)
    assert answer.status == 403
    assert (fake.daemon.engine.running, fake.daemon.pool.summary) == before


@pytest.mark.parametrize("path", ["/", "/api/chat", "/v1/messages", "/nope", "//api/tags", "/api/tags/"])
def test_a_preflight_of_an_allowed_page_is_answered_on_every_path(fake: Running, path: str) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    answer = send(fake, "OPTIONS", path, asked)
    assert (answer.status, answer.body) == (204, b"")
    assert cors(answer) == {
        "access-control-allow-origin": [PAGE],
        "access-control-allow-methods": ["GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"],
        "access-control-allow-headers": [
            "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,"
            "X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,"
            "X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,"
            "X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout"
        ],
        "access-control-max-age": ["43200"],
        "vary": ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"],
    }


@pytest.mark.parametrize("origin", [None, "", "http://{host}", "https://{host}"])
def test_what_is_no_other_origin_gets_no_cors_headers(fake: Running, origin: str | None) -> None:
    host = fake.url.removeprefix("http://")
    answer = send(fake, "GET", "/api/version", {} if origin is None else {"Origin": origin.format(host=host)})
    assert answer.status == 200
    assert cors(answer) == {}


def test_the_own_origin_is_that_of_the_host_header_with_its_port(fake: Running) -> None:
    named = {"Host": "box.internal:9", "Origin": "http://box.internal:9"}
    assert send(fake, "GET", "/api/version", named).status == 200
    assert send(fake, "GET", "/api/version", named | {"Origin": "http://box.internal"}).status == 403


def test_two_origins_in_one_header_are_none_that_is_allowed(fake: Running) -> None:
    assert send(fake, "GET", "/", {"Origin": f"{ELSEWHERE}, {PAGE}"}).status == 403


def test_a_stream_is_readable_and_as_it_is_without_an_origin(fake: Running) -> None:
    with fake.client() as client, client.stream("POST", "/api/chat", content=CHAT, headers={"origin": PAGE}) as answer:
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert sum(1 for _line in answer.iter_lines()) > 1


def test_origins_that_are_set_may_use_the_api(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"origins": "https://chat.example.com, chrome-extension://*"})
    for origin in ("https://chat.example.com", "chrome-extension://abc", PAGE):
        assert cors(send(running, "GET", "/api/tags", {"Origin": origin})) == readable(origin)
    assert send(running, "GET", "/api/tags", {"Origin": ELSEWHERE}).status == 403


def test_a_star_alone_lets_every_page_read_without_varying(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"origins": "*"})
    assert cors(send(running, "GET", "/api/tags", {"Origin": ELSEWHERE})) == {"access-control-allow-origin": ["*"]}
    preflight = send(running, "OPTIONS", "/api/chat", {"Origin": "null"})
    assert preflight.status == 204
    assert cors(preflight)["access-control-allow-origin"] == ["*"]
    assert "vary" not in cors(preflight)


@pytest.mark.parametrize(
    ("environ", "flags", "origins"),
    [
        ({}, {}, ()),
        ({"OLLAMA_ORIGINS": "*"}, {}, ("*",)),
        ({"OLLAMA_ORIGINS": "'https://a.com , app://*'"}, {}, ("https://a.com", "app://*")),
        ({"OLLAMA_ORIGINS": "*", "CLAUDE_OLLAMA_ORIGINS": "https://a.com"}, {}, ("https://a.com",)),
        ({"OLLAMA_ORIGINS": "*"}, {"origins": "https://b.com,"}, ("https://b.com",)),
        ({"OLLAMA_ORIGINS": " "}, {}, ()),
        ({}, {"origins": "http://localhost:*,http://[::1]:3000"}, ("http://localhost:*", "http://[::1]:3000")),
    ],
)
def test_origins_are_a_list_with_commas_from_ollamas_variable_too(
    environ: dict[str, str], flags: dict[str, Any], origins: tuple[str, ...]
) -> None:
    assert load(flags, HOME | environ).origins == origins


def test_origins_in_the_file_are_a_list_of_either_kind() -> None:
    for text in ('origins = ["https://a.com", "app://*"]', 'origins = "https://a.com,app://*"'):
        settings = load({"config": "/a.toml"}, HOME, lambda _path, text=text: text.encode())  # type: ignore[misc]
        assert settings.origins == ("https://a.com", "app://*")


@pytest.mark.parametrize(
    "origin", ["example.com", "null", "https://a.com/", "https://*.a.*", "https://a com", "://a", "a:b"]
)
def test_what_could_never_be_an_origin_stops_the_start(origin: str) -> None:
    with pytest.raises(ConfigError, match="allowed: origins such as"):
        load({"origins": origin}, HOME)
