"""The real API as the CLI sees it, all on loopback: what it sends to its own vendor is recorded, none of it leaves.

`ANTHROPIC_BASE_URL` would switch the CLI out of its first-party mode. So it keeps the real names, but its proxy is a
tunnel that leads each of them to one TLS port, whose certificate is signed by an authority that was made for the run;
behind that port stands the simulated API, which answers 404 to what it does not know.
"""

import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import trustme
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream, SocketAttribute
from anyio.from_thread import start_blocking_portal
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSStream

from proxy.backends.claude_cli.command import LoginMode
from proxy.simulator.app import Simulator
from proxy.simulator.recorder import RecordedRequest
from proxy.simulator.server import serve_simulator

HOST = "127.0.0.1"
NAMES = ("api.anthropic.com", "platform.claude.com", "*.claude.com", "claude.ai")
CLOSED = "http://127.0.0.1:9"
HEAD_BYTES = 16 * 1024
HANDSHAKE = 10.0
LOGINS: Sequence[LoginMode] = ("api-key", "oauth-token", "stored")

ADDRESS = "operator@example.org"
"""The address of the made-up account of the stored login; `ACCOUNT` is its id."""

ACCOUNT = "00000000-0000-4000-8000-000000000001"

_GONE = (
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.DelimiterNotFound,
    anyio.EndOfStream,
    anyio.IncompleteRead,
)


@dataclass(slots=True)
class FirstParty:
    """The `simulator` behind the TLS port, the URL of the `tunnel` to it and the file of the `authority`.

    `led` are the hosts and ports that the tunnel was asked for, `untrusted` counts the clients that gave up on the
    certificate.
    """

    simulator: Simulator
    tunnel: str
    authority: Path
    led: list[str] = field(default_factory=list)
    untrusted: int = 0

    @property
    def sent(self) -> list[RecordedRequest]:
        """The requests to the Messages API, oldest first."""
        return list(self.simulator.recorder.requests)

    @property
    def side_calls(self) -> list[RecordedRequest]:
        """Every other request, oldest first."""
        return list(self.simulator.recorder.others)

    def forget(self) -> None:
        """Forget what was recorded."""
        self.simulator.recorder.requests.clear()
        self.simulator.recorder.others.clear()
        self.led.clear()

    def environment(self, login: LoginMode, home: Path) -> dict[str, str]:
        """What a CLI or a daemon may see, logged in as `login`: no way out but the tunnel. A stored login is written
        beneath `home`."""
        # Empty is as good as missing to the CLI, and replaces what a daemon of the tests would be given.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": "",
            "ANTHROPIC_API_KEY": "",
            "HTTPS_PROXY": self.tunnel,
            "HTTP_PROXY": CLOSED,
            "NODE_EXTRA_CA_CERTS": str(self.authority),
            "SSL_CERT_FILE": str(self.authority),
        }
        match login:
            case "api-key":
                environment["ANTHROPIC_API_KEY"] = "sk-ant-api03-made-up"
            case "oauth-token":
                environment["CLAUDE_CODE_OAUTH_TOKEN"] = "sk-ant-oat01-made-up"
            case "stored":
                store_login(home)
        return environment


def store_login(home: Path) -> None:
    """A login as the CLI keeps it beneath `home`, of an account with an address."""
    claude = home / ".claude"
    claude.mkdir(parents=True, exist_ok=True)
    login = {
        "accessToken": "sk-ant-oat01-made-up",
        "refreshToken": "sk-ant-ort01-made-up",
        "expiresAt": 4102444800000,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "pro",
    }
    account = {
        "accountUuid": ACCOUNT,
        "emailAddress": ADDRESS,
        "organizationUuid": "00000000-0000-4000-8000-000000000002",
        "organizationName": "Made Up",
    }
    credentials = claude / ".credentials.json"
    credentials.touch(mode=0o600)
    credentials.write_text(json.dumps({"claudeAiOauth": login}))
    (home / ".claude.json").write_text(json.dumps({"oauthAccount": account, "hasCompletedOnboarding": True}))


@contextmanager
def first_party(folder: Path) -> Iterator[FirstParty]:
    """Serve it, from a thread of its own; the authority's file is put into `folder`."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_serve(folder)) as served:
        yield served


@asynccontextmanager
async def _serve(folder: Path) -> AsyncIterator[FirstParty]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES).configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    async with (
        serve_simulator() as simulator,
        await anyio.create_tcp_listener(local_host=HOST) as secure,
        await anyio.create_tcp_listener(local_host=HOST) as tunnel,
        anyio.create_task_group() as tasks,
    ):
        served = FirstParty(simulator, f"http://{HOST}:{tunnel.extra(SocketAttribute.local_port)}", path)
        behind = int(simulator.url.rpartition(":")[2])
        port = secure.extra(SocketAttribute.local_port)

        async def answer(client: ByteStream) -> None:
            try:
                with anyio.fail_after(HANDSHAKE):
                    secured = await TLSStream.wrap(
                        client, server_side=True, ssl_context=context, standard_compatible=False
                    )
            except (TimeoutError, *_GONE):
                served.untrusted += 1
                await anyio.aclose_forcefully(client)
            else:
                await _join(secured, secured, behind)

        async def lead(client: ByteStream) -> None:
            with contextlib.suppress(*_GONE):
                await _lead(client, port, served.led)

        tasks.start_soon(secure.serve, answer)
        tasks.start_soon(tunnel.serve, lead)
        yield served
        tasks.cancel_scope.cancel()


async def _lead(client: ByteStream, port: int, led: list[str]) -> None:
    """Serve one client of the tunnel: whatever it asks for, it is led to `port`."""
    async with client:
        reader = BufferedByteReceiveStream(client)
        head = await reader.receive_until(b"\r\n\r\n", HEAD_BYTES)
        method, target = head.decode("latin-1").split(" ")[:2]
        led.append(target)
        if method != "CONNECT":
            await client.send(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _join(reader, client, port)


async def _join(source: ByteReceiveStream, sink: ByteStream, port: int) -> None:
    """Carry bytes between a client and a local port until either side ends."""
    with contextlib.suppress(*_GONE):
        async with sink, await anyio.connect_tcp(HOST, port) as server, anyio.create_task_group() as tasks:
            tasks.start_soon(_carry, source, server, tasks.cancel_scope)
            tasks.start_soon(_carry, server, sink, tasks.cancel_scope)


async def _carry(source: ByteReceiveStream, sink: ByteSendStream, scope: anyio.CancelScope) -> None:
    with contextlib.suppress(*_GONE):
        async for chunk in source:
            await sink.send(chunk)
    scope.cancel()
