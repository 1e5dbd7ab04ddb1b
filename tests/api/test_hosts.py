"""The names that the server answers to, as Ollama has them."""

import socket
from urllib.parse import urlsplit

import psutil
import pytest

from proxy.api.hosts import Kind, allowed_host, is_loopback, own_addresses
from tests.conftest import MakeDaemon
from tests.support.raw import send
from tests.support.running import WAIT, Running

MACHINE = "Workbench"
ADDRESSES = {"203.0.113.7", "fe80::1", "2001:db8::7"}

CASES: list[tuple[str, Kind | None]] = [
    # Loopback, private, unspecified, this machine's
    ("127.0.0.1", "address"),
    ("127.255.255.254:11434", "address"),
    ("[::1]:11434", "address"),
    ("[::1]", "address"),
    ("::1", "address"),
    ("[::ffff:127.0.0.1]:1", "address"),
    ("10.1.2.3", "address"),
    ("172.16.0.1", "address"),
    ("172.31.255.255", "address"),
    ("192.168.255.1:80", "address"),
    ("[fc00::1]:80", "address"),
    ("[fdff::1]:80", "address"),
    ("0.0.0.0:11434", "address"),
    ("[::]:11434", "address"),
    ("203.0.113.7:11434", "address"),
    ("[fe80::1]:11434", "address"),
    ("[2001:DB8:0::7]:11434", "address"),
    # Names
    ("", "name"),
    (":11434", "name"),
    ("localhost", "name"),
    ("LocalHost:11434", "name"),
    ("localhost:", "name"),
    ("workbench", "name"),
    ("WORKBENCH:11434", "name"),
    ("a.localhost", "name"),
    ("a.local:1", "name"),
    ("A.B.Internal", "name"),
    ("host.docker.internal:11434", "name"),
    # Others
    ("evil.com", None),
    ("evil.com:11434", None),
    ("localhost.evil.com", None),
    ("127.0.0.1.evil.com", None),
    ("evil.com:80:localhost", None),
    ("evil.com@localhost:1@evil.com", None),
    ("evillocalhost", None),
    ("8.8.8.8", None),
    ("172.15.0.1", None),
    ("172.32.0.1", None),
    ("192.169.0.1", None),
    ("100.64.0.1", None),
    ("169.254.169.254", None),
    ("[fe80::2]:80", None),
    ("[2001:db8::8]:80", None),
    ("[::ffff:8.8.8.8]:80", None),
    ("docker", None),
    ("local", None),
    ("internal", None),
    ("foo.local.", None),
    ("localhost.", None),
    ("workbench.example.com", None),
    ("0177.0.0.1", None),
    ("0x7f000001", None),
    ("2130706433", None),
    ("[::1", None),
    ("::1]", None),
    ("[::1]x:1", None),
    ("local host", None),
    ("localhost,evil.com", None),
]


@pytest.mark.parametrize(("header", "kind"), CASES)
def test_a_host_is_allowed_if_it_can_only_be_meant_for_this_machine(header: str, kind: Kind | None) -> None:
    assert allowed_host(header, MACHINE, lambda: ADDRESSES) == kind


def test_the_machines_addresses_are_not_asked_for_without_need() -> None:
    def never() -> set[str]:
        raise AssertionError

    assert allowed_host("127.0.0.1", MACHINE, never) == "address"
    assert allowed_host("evil.com", MACHINE, never) is None


def test_the_own_addresses_have_no_zone_and_no_hardware_address() -> None:
    found = own_addresses()
    assert "127.0.0.1" in found
    assert not any("%" in address for address in found)
    listed = {entry.address.partition("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries}
    assert found <= listed


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("no-such-name.invalid", True),
    ],
)
def test_a_listener_is_on_loopback_if_its_address_is(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("path", ["/", "/api/tags", "/nope", "//api/tags", "/api/tags/"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_host_is_refused_on_every_path_with_an_empty_body(fake: Running, method: str, path: str) -> None:
    answer = send(fake, method, path, {"Host": "evil.com:11434"})
    assert (answer.status, answer.body, answer.headers["content-length"]) == (403, b"", "0")
    assert "content-type" not in answer.headers


def test_a_page_whose_name_leads_here_is_refused_though_it_is_its_own_origin(fake: Running) -> None:
    asked = {"Host": "evil.com:11434", "Origin": "http://evil.com:11434"}
    assert send(fake, "GET", "/api/tags", asked).status == 403


def test_an_allowed_page_can_read_that_the_host_is_refused(fake: Running) -> None:
    answer = send(fake, "GET", "/api/tags", {"Host": "evil.com", "Origin": "http://localhost:3000"})
    assert answer.status == 403
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize(
    "host", ["localhost:1", "[::1]:1", "a.local", "host.docker.internal:11434", socket.gethostname(), ""]
)
def test_an_own_host_is_answered(fake: Running, host: str) -> None:
    assert send(fake, "GET", "/api/version", {"Host": host}).status == 200


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /api/version HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /api/version HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /api/version HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n", b"400"),
        # A target's own host counts, as in Ollama.
        (b"GET http://localhost/api/version HTTP/1.1\r\nHost: evil.com\r\n\r\n", b"200"),
        (b"GET http://evil.com/api/version HTTP/1.1\r\nHost: localhost\r\n\r\n", b"403"),
    ],
)
def test_a_host_is_given_once_but_in_http_1_0(fake: Running, request_head: bytes, status: bytes) -> None:
    address = urlsplit(fake.url)
    with socket.create_connection((address.hostname, address.port), WAIT) as connection:
        connection.sendall(request_head)
        assert connection.makefile("rb").readline().split()[1] == status


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("localhost:11434", "/api/chat", 204),
        ("localhost:11434", "/nope", 204),
        ("a.internal", "/api/tags/", 204),
        ("127.0.0.1:11434", "/api/chat", 405),
        ("[::1]:11434", "/api/tags", 405),
        ("127.0.0.1:11434", "/nope", 404),
    ],
)
def test_options_without_an_origin_is_answered_to_names_alone(fake: Running, host: str, path: str, status: int) -> None:
    answer = send(fake, "OPTIONS", path, {"Host": host})
    assert answer.status == status
    assert not [name for name in answer.headers if name.lower().startswith("access-")]
    assert (answer.body == b"") is (status == 204)


def test_who_listens_on_all_addresses_answers_to_every_name(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"host": "0.0.0.0"})
    assert send(running, "GET", "/api/version", {"Host": "box.example.com"}).status == 200
    assert send(running, "OPTIONS", "/api/tags", {"Host": "localhost"}).status == 405
    assert send(running, "GET", "/api/version", {"Host": "a.com", "Origin": "https://evil.com"}).status == 403
