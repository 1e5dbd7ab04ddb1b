import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from proxy.api.hosts import names_loopback
from proxy.api.identity import Peer, is_at_hand, locate
from proxy.api.peers import Peers, client_of, networks
from proxy.api.record import open_record, record_of

TRUSTED = networks(["10.0.0.0/8", "127.0.0.1", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2,10.0.0.3"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["6.6.6.6, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_is(peer: str, forwarded: list[str], client: str) -> None:
    assert client_of(peer, forwarded, TRUSTED) == client


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_of("127.0.0.1", ["6.6.6.6"], ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LOCALHOST:11434", True),
        ("127.0.0.1:11434", True),
        ("[::1]:11434", True),
        ("127.9.9.9", True),
        ("", False),
        ("localhost.evil.example", False),
        ("evil.localhost", False),
        ("0.0.0.0:11434", False),
        ("192.168.1.5", False),
        ("evil.example", False),
    ],
)
def test_a_host_header_names_this_machine_or_anything(host: str, own: bool) -> None:
    assert names_loopback(host) is own


async def asked(peer: str, headers: dict[str, str], trusted: tuple[str, ...] = ()) -> Scope:
    """The scope of a request from `peer`, as the handlers get it."""
    raw = [(name.lower().encode(), value.encode()) for name, value in {"Host": "localhost", **headers}.items()]
    scope: Scope = {"type": "http", "scheme": "http", "headers": raw, "client": (peer, 1) if peer else None}
    open_record(scope, "1")

    async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    async def receive() -> dict[str, object]:
        return {}

    async def send(_message: object) -> None: ...

    await Peers(nothing, networks(trusted))(scope, receive, send)
    return scope


@pytest.mark.parametrize(
    ("peer", "headers", "trusted", "at_hand"),
    [
        ("127.0.0.1", {}, (), True),
        ("::1", {}, (), True),
        ("::ffff:127.0.0.1", {}, (), True),
        ("192.168.1.5", {}, (), False),
        ("", {}, (), False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, (), False),
        ("192.168.1.5", {"X-Forwarded-For": "127.0.0.1"}, ("192.168.1.5",), False),
        ("127.0.0.1", {}, ("127.0.0.1",), False),
        ("127.0.0.1", {"Origin": "null"}, (), False),
        ("127.0.0.1", {"Sec-Fetch-Site": "none"}, (), True),
        ("127.0.0.1", {"Sec-Fetch-Site": "same-origin"}, (), True),
        ("127.0.0.1", {"Sec-Fetch-Site": "same-site"}, (), False),
        ("127.0.0.1", {"Sec-Fetch-Site": "same-origin", "Host": "evil.example"}, (), False),
        ("127.0.0.1", {"Host": "evil.example"}, (), False),
    ],
)
async def test_at_hand_is_who_is_on_this_machine_by_no_proxy_and_no_page_but_ours(
    peer: str, headers: dict[str, str], trusted: tuple[str, ...], at_hand: bool
) -> None:
    assert is_at_hand(Request(await asked(peer, headers, trusted))) is at_hand


async def test_a_trusted_proxy_is_believed_whom_it_speaks_for_and_how() -> None:
    headers = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    trusted, stranger = await asked("10.0.0.1", headers, ("10.0.0.0/8",)), await asked("10.0.0.1", headers)
    assert (record_of(trusted).fields["client"], trusted["scheme"]) == ("198.51.100.1", "https")
    assert (record_of(stranger).fields["client"], stranger["scheme"]) == ("10.0.0.1", "http")
    assert trusted["client"] == ("10.0.0.1", 1)


def test_where_nobody_looked_nobody_is_at_hand() -> None:
    scope: Scope = {"type": "http", "headers": []}
    assert not is_at_hand(Request(scope))
    locate(scope, Peer("127.0.0.1", at_hand=True))
    assert is_at_hand(Request(scope))
