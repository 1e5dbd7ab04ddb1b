"""Compressed bodies: where they are read, what is wrong with them, and what they may become."""

import gzip
import json
import sys
import tracemalloc
from collections.abc import Iterator

import pytest

from proxy.api.body import ZSTD_PATHS, BadCompression, decompress
from tests.conftest import MakeDaemon
from tests.support.children import wait_until_none
from tests.support.raw import send
from tests.support.running import Running, running_daemon, write_fake_cli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1 << 20
JSON = "application/json; charset=utf-8"
BODY = b'{"model":"sonnet","max_tokens":64,"messages":[{"role":"user","content":"hello"}]}'
PROMPT = b'{"model":"sonnet","prompt":"hello"}'
INPUT = b'{"model":"sonnet","input":"hello"}'
ZSTD = {"Content-Encoding": "zstd"}
SKIPPED = b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab"


def bomb(size: int) -> bytes:
    """So many blanks in front of a body, compressed to almost nothing."""
    return zstd.compress(b" " * size + BODY)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon of these tests' own: they leave a model loaded."""
    folder = tmp_path_factory.mktemp("zstd")
    with running_daemon(folder, cli=write_fake_cli(folder)) as running:
        yield running
    wait_until_none(folder)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", BODY),
        ("/v1/completions", PROMPT),
        ("/v1/responses", INPUT),
        ("/v1/messages", BODY),
    ],
)
@pytest.mark.parametrize("encoding", ["zstd", "ZSTD"])
def test_a_compressed_body_is_read_as_if_it_were_none(reading: Running, path: str, body: bytes, encoding: str) -> None:
    answer = send(reading, "POST", path, {"Content-Encoding": encoding}, body=zstd.compress(body))
    assert answer.status == 200
    assert b"fake " in answer.body


def test_the_routes_that_read_one_are_ollamas() -> None:
    names = ("chat/completions", "completions", "embeddings", "responses", "messages")
    assert {f"/v1/{name}" for name in names} == ZSTD_PATHS


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/show", "/v1/messages/count_tokens"])
def test_other_routes_take_it_for_json(fake: Running, path: str) -> None:
    answer = send(fake, "POST", path, ZSTD, body=zstd.compress(BODY))
    assert answer.status == 400
    assert b"invalid character '(' looking for beginning of value" in answer.body


@pytest.mark.parametrize("encoding", ["gzip", "identity, zstd", "br"])
def test_another_encoding_is_not_looked_at(reading: Running, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    assert send(reading, "POST", "/v1/chat/completions", headers, body=BODY).status == 200
    answer = send(reading, "POST", "/v1/chat/completions", headers, body=gzip.compress(BODY, mtime=0))
    assert answer.status == 400
    assert "invalid character" in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (BODY, "invalid input: magic number mismatch"),
        (b"x", "invalid input: magic number mismatch"),
        (gzip.compress(BODY, mtime=0), "invalid input: magic number mismatch"),
        (SKIPPED + zstd.compress(BODY), "invalid input: magic number mismatch"),
        (bomb(21 * MIB), "http: request body too large"),
        (bomb(20 * MIB), "http: request body too large"),
        (zstd.compress(BODY)[:-1], "unexpected EOF"),
        (zstd.compress(BODY)[:5], "unexpected EOF"),
        (zstd.compress(BODY)[:4] + b"\xff" * 60, "invalid input: corrupt data"),
        (zstd.compress(BODY) * 2, "invalid input: more than one frame"),
    ],
    ids=["plain", "short", "gzip", "skipped", "bomb", "over", "cut", "head", "corrupt", "frames"],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_what_cannot_be_decompressed_is_an_error_in_ollamas_own_shape(
    fake: Running, path: str, body: bytes, error: str
) -> None:
    answer = send(fake, "POST", path, ZSTD, body=body)
    assert (answer.status, answer.headers["content-type"]) == (400, JSON)
    assert json.loads(answer.body) == {"error": error}


def test_what_is_wrong_with_the_content_is_told_by_the_dialect(fake: Running) -> None:
    for body in (b"", zstd.compress(b"")):
        answer = send(fake, "POST", "/v1/chat/completions", ZSTD, body=body)
        assert (answer.status, json.loads(answer.body)["error"]["message"]) == (400, "EOF")


def test_the_cap_is_twenty_mebibytes_of_content(reading: Running) -> None:
    answer = send(reading, "POST", "/v1/chat/completions", ZSTD, body=bomb(20 * MIB - len(BODY)))
    assert answer.status == 200


def test_the_limit_of_bodies_holds_for_what_is_sent_and_for_what_it_becomes(make_fake: MakeDaemon) -> None:
    running = make_fake(settings={"max_body": "2KiB"})
    path = "/v1/chat/completions"
    sent = send(running, "POST", path, ZSTD, body=b"\x28\xb5\x2f\xfd" + b"x" * 3000)
    assert sent.status == 413
    assert json.loads(sent.body)["error"]["message"].startswith("http: request body too large")
    become = send(running, "POST", path, ZSTD, body=bomb(3000))
    assert (become.status, json.loads(become.body)) == (400, {"error": "http: request body too large"})
    assert send(running, "POST", path, ZSTD, body=zstd.compress(BODY)).status == 200


def test_a_bomb_is_given_up_within_the_cap() -> None:
    body = zstd.compress(b" " * (512 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(BadCompression, match="too large"):
            decompress(body, 4 * MIB)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_frame_that_needs_much_memory_to_look_back_is_refused() -> None:
    wide: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=wide)
    body = compressor.compress(BODY) + compressor.flush()
    with pytest.raises(BadCompression, match="corrupt"):
        decompress(body, 20 * MIB)


def test_compressed_content_comes_out_as_it_went_in() -> None:
    content = bytes(range(256)) * 20_000
    assert decompress(zstd.compress(content), len(content)) == content
    with pytest.raises(BadCompression, match="too large"):
        decompress(zstd.compress(content), len(content) - 1)
