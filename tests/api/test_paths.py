"""Paths written another way, and where they are redirected to."""

from urllib.parse import urljoin, urlsplit

import pytest

from proxy.api.paths import clean_path
from tests.support.raw import send
from tests.support.running import Running

CHAT = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "stream": False, "keep_alive": 0}


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/", "/"),
        ("//", "/"),
        ("", "/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/../..//", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("//a//b//", "/a/b/"),
        ("/a/./b/../c", "/a/c"),
        ("/a/...", "/a/..."),
        ("/%2e%2e/a", "/%2e%2e/a"),
    ],
)
def test_a_path_is_cleaned_of_what_names_nothing(path: str, clean: str) -> None:
    assert clean_path(path) == clean
    assert clean_path(clean) == clean


@pytest.mark.parametrize(
    ("method", "path", "status", "location"),
    [
        # A slash at the end, where the method has a route without it
        ("GET", "/api/tags/", 301, "/api/tags"),
        ("HEAD", "/api/tags/", 307, "/api/tags"),
        ("POST", "/api/chat/", 307, "/api/chat"),
        ("GET", "/v1/models/", 301, "/v1/models"),
        ("GET", "/v1/models/sonnet/", 301, "/v1/models/sonnet"),
        ("GET", "/v1/models/a%2Fb%22/", 404, None),
        ("GET", "/api/tags/?a=b&c=/%2F", 301, "/api/tags?a=b&c=/%2F"),
        ("GET", "/api/chat/", 404, None),
        ("HEAD", "/api/ps/", 404, None),
        ("GET", "/nope/", 404, None),
        ("GET", "/API/tags/", 404, None),
        ("GET", "/api/tags%2F", 404, None),
        ("GET", "/api/tags", 200, None),
        ("GET", "/", 200, None),
        # Segments that name nothing, whatever is there
        ("GET", "//api/tags", 307, "/api/tags"),
        ("POST", "//api/chat", 307, "/api/chat"),
        ("GET", "/api//tags?x=1", 307, "/api/tags?x=1"),
        ("GET", "/api/./tags", 307, "/api/tags"),
        ("GET", "/api/../api/tags", 307, "/api/tags"),
        ("GET", "//api/tags/", 307, "/api/tags/"),
        ("GET", "//nope", 307, "/nope"),
        ("GET", "//", 307, "/"),
    ],
)
def test_a_path_written_another_way_is_redirected(
    fake: Running, method: str, path: str, status: int, location: str | None
) -> None:
    answer = send(fake, method, path)
    assert (answer.status, answer.headers["location"]) == (status, location)
    assert location is None or answer.body == b""


@pytest.mark.parametrize(
    "path",
    [
        "//evil.com",
        "//evil.com/",
        "///evil.com/..//evil.com",
        "/\\evil.com",
        "/\\evil.com/",
        "/./\\evil.com/",
        "/a/../\\evil.com",
        "/.//\\/evil.com",
        "/..//%2Fevil.com/",
        "/%2F/evil.com/",
        "/%5Cevil.com//",
        "//evil.com@127.0.0.1/",
        "/.//?/evil.com",
        "/v1/models//evil.com/",
        "/v1/models/..//\\evil.com",
        "/a/..//https://evil.com",
    ],
)
def test_no_redirect_leads_to_another_host(fake: Running, path: str) -> None:
    answer = send(fake, "GET", path)
    location = answer.headers["location"]
    if location is not None:
        # A browser takes a backslash for a slash.
        led = urlsplit(urljoin(f"{fake.url}{path}", location.replace("\\", "/")))
        assert location.startswith("/")
        assert f"{led.scheme}://{led.netloc}" == fake.url
    else:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("http://localhost/api/tags", 200, None),
        ("HTTP://127.0.0.1:1/api/tags?x=1", 200, None),
        ("http://localhost", 200, None),
        ("http://localhost/api/tags/", 301, "/api/tags"),
        ("http://evil.com/api/tags/", 403, None),
        ("http://evil.com//x", 403, None),
        ("http:///api/tags", 404, None),
        ("*", 404, None),
    ],
)
def test_a_target_may_name_its_host_and_no_answer_does(
    fake: Running, path: str, status: int, location: str | None
) -> None:
    answer = send(fake, "GET", path)
    assert (answer.status, answer.headers["location"]) == (status, location)


@pytest.mark.parametrize("path", ["/api/chat/", "//api/chat", "//api/chat/"])
def test_a_client_that_follows_gets_its_answer(fake: Running, path: str) -> None:
    with fake.client() as client:
        answer = client.post(f"{fake.url}{path}", json=CHAT, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.json()["done"]
