"""`claude-ollama-server keys`, and the daemon that it is for: who may come from where."""

import asyncio
import re
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import claude_ollama_server as entry
from config import ConfigError, Settings, load
from proxy.access.journal import Journal
from proxy.access.key_store import KeyStore
from proxy.access.keys import KeyLimits, holder
from proxy.access.usage import Use
from tests.support.keys import bearer, keep, make_key
from tests.support.program import Program, Start, programs, run_program
from tests.support.running import WAIT, write_fake_cli

Printed = tuple[str, str]
Keys = Callable[..., Printed]


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keys:
    """Run the command on a state folder of the test's own; what it prints, on both streams."""

    def run(*arguments: str) -> Printed:
        parsed = entry._parser().parse_args(["keys", *arguments, "--state-folder", str(tmp_path)])
        asyncio.run(parsed.run(vars(parsed), {}))
        done = capsys.readouterr()
        return done.out, done.err

    return run


def test_a_key_that_is_added_is_printed_once_and_opens_what_it_says(keys: Keys, tmp_path: Path) -> None:
    limits = ("--requests-a-day", "100", "--tokens-a-day", "5000", "--dollars-a-day", "1.5", "--at-once", "2")
    out, said = keys("add", "--name", "ann", "--expires", "30d", "--models", "sonnet, opus", *limits)
    assert re.fullmatch(r"sk-cos-[\w-]{43}\n", out)
    assert out.strip() not in said
    key = holder(KeyStore(tmp_path).load() or (), out.strip())
    assert key is not None
    assert (key.name, key.models, key.limits) == ("ann", ("sonnet", "opus"), KeyLimits(100, 5000, 1.5, 2))
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days == 30
    assert not key.admin
    out, _ = keys("add", "--name", "root", "--admin")
    root = holder(KeyStore(tmp_path).load() or (), out.strip())
    assert root is not None
    assert (root.admin, root.expires_at, root.models, root.limits) == (True, None, (), KeyLimits())


def test_the_list_shows_what_was_used_today_and_no_secret(keys: Keys, tmp_path: Path) -> None:
    key = make_key("ann", models=("sonnet",), limits=KeyLimits(requests=100, dollars=1.5))
    old = make_key("old", expires_at=datetime(2026, 1, 3, tzinfo=UTC))
    keep(tmp_path, [key, old])
    Journal(tmp_path).write(datetime.now(UTC).date(), {key.id: Use(7, 12_345, 0.25)})
    out, said = keys("list")
    heading, first, second = out.splitlines()
    assert heading.split()[:3] == ["ID", "NAME", "EXPIRES"]
    assert re.split(" {2,}", first) == [
        *(key.id, "ann", "never", "sonnet"),
        *("7 of 100", "12,345", "0.2500 of 1.5", "no limit", "no"),
    ]
    assert "expired" in second
    assert not any(each.digest in out for each in (key, old))
    assert said == ""


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_key_is_revoked_by_its_name_or_its_id(keys: Keys, tmp_path: Path, by: str) -> None:
    ann, bob = make_key("ann"), make_key("bob")
    keep(tmp_path, [ann, bob])
    keys("revoke", getattr(ann, by))
    assert KeyStore(tmp_path).load() == (bob,)
    assert "that was the last one: nobody is served" in keys("revoke", "bob")[1]
    assert KeyStore(tmp_path).load() == ()
    assert "there are no keys" in keys("list")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("revoke", "eve"), "there is no key 'eve'"),
        (("add", "--name", "ann"), "there is a key 'ann' already"),
        (("add", "--name", "two words"), "the name has to be"),
        (("add", "--name", "x", "--models", "not a name"), "no name of a model"),
    ],
)
def test_what_cannot_be_done_is_said(keys: Keys, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    keep(tmp_path, [make_key("ann")])
    with pytest.raises(ConfigError, match=words):
        keys(*arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--expires", "soon"),
        ("--expires", "0d"),
        ("--expires", "-1h"),
        ("--expires", "99999999d"),
        ("--requests-a-day", "-1"),
        ("--tokens-a-day", "1.5"),
        ("--dollars-a-day", "nan"),
        ("--dollars-a-day", "-1"),
        ("--at-once", "٣"),
    ],
)
def test_a_wrong_limit_is_refused(keys: Keys, tmp_path: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        keys("add", "--name", "ann", f"{wrong[0]}={wrong[1]}")
    assert KeyStore(tmp_path).load() is None


def test_the_help_of_the_command_is_not_that_of_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("add", "list", "revoke"):
        with pytest.raises(SystemExit, match="0"):
            entry.main(["keys", command, "--help"])
        told = capsys.readouterr().out
        assert "--state-folder" in told
        assert "--spares" not in told
        assert max(map(len, told.splitlines())) <= 110


# Where the daemon listens


def settings(folder: Path, **flags: str) -> Settings:
    return load({"state_folder": str(folder), **flags}, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_beyond_this_machine_it_takes_a_key_or_a_word_of_the_operator(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"keys add.*127\.0\.0\.1.*--open-to-network"):
        entry.check_exposure(settings(tmp_path, host=host))
    entry.check_exposure(settings(tmp_path, host=host, open_to_network="on"))
    entry.check_exposure(settings(tmp_path))
    keep(tmp_path, [make_key("ann")])
    entry.check_exposure(settings(tmp_path, host=host))
    keep(tmp_path, [])
    entry.check_exposure(settings(tmp_path, host=host))  # nobody is served


def test_an_exposed_daemon_and_keys_that_make_no_sense_do_not_start(tmp_path: Path) -> None:
    exposed = run_program(tmp_path, "demo", "--host", "0.0.0.0", "--state-folder", tmp_path / "state")
    assert (exposed.returncode, exposed.stdout) == (entry.EXIT_SETTINGS, "")
    assert "no key is needed" in exposed.stderr
    store = keep(tmp_path / "state", [make_key("ann")])
    store.path.write_text("{")
    spoiled = run_program(tmp_path, "serve", "--state-folder", tmp_path / "state")
    assert spoiled.returncode == entry.EXIT_SETTINGS
    assert re.fullmatch(
        rf"claude-ollama-server: the keys in {re.escape(str(store.path))} make no sense: .*\n", spoiled.stderr
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*command, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True, timeout=WAIT)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    return paths


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    good, key = certificate
    locked, text = tmp_path / "locked.pem", tmp_path / "text.pem"
    text.write_text("no PEM at all")
    command = ["openssl", "ec", "-in", str(key), "-out", str(locked), "-aes128", "-passout", "pass:secret"]
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT)
    for first, second, words in (
        (tmp_path / "missing.pem", key, "missing.pem cannot be read: No such file"),
        (good, tmp_path, "cannot be read: Is a directory"),
        (text, key, "are no certificate and its key in PEM"),
        (good, text, "are no certificate and its key in PEM"),
        (good, locked, "are no certificate and its key in PEM"),
        (key, key, "are no certificate and its key in PEM"),
    ):
        with pytest.raises(ConfigError, match=words):
            entry.certificate_of(settings(tmp_path, tls_certificate=str(first), tls_key=str(second)))
    assert entry.certificate_of(settings(tmp_path)) is None


@pytest.mark.parametrize("given", ["tls_certificate", "tls_key"])
def test_a_certificate_and_its_key_come_together(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigError, match="allowed: tls_certificate and tls_key, or neither"):
        settings(tmp_path, **{given: "/some/file.pem"})


# What outlives the daemon


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with programs(tmp_path, environ={"ANTHROPIC_API_KEY": "simulated"}) as begin:
        yield begin


def test_over_tls_a_quota_outlives_a_daemon_that_is_killed(
    start: Start, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    state = tmp_path / "state"
    key = make_key("ann", limits=KeyLimits(requests=1))
    keep(state, [key])
    flags: list[Any] = ["--port", "0", "--cli", write_fake_cli(tmp_path), "--spares", "1", "--state-folder", state]
    flags += ["--tls-certificate", certificate[0], "--tls-key", certificate[1]]

    def ask(program: Program, headers: dict[str, str]) -> httpx.Response:
        trusted = ssl.create_default_context(cafile=str(certificate[0]))
        with httpx.Client(base_url=program.url, timeout=WAIT, trust_env=False, verify=trusted) as client:
            body = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}], "stream": False}
            return client.post("/api/chat", json=body, headers=headers)

    first = start("serve", *flags)
    assert first.url.startswith("https://127.0.0.1:")
    assert [ask(first, headers).status_code for headers in ({}, bearer("ann"))] == [401, 200]
    journal = state / "usage" / f"{datetime.now(UTC).date()}.jsonl"
    first.wait_until_file(journal)
    first.wait_for("request", status=200)
    first.send(signal.SIGKILL)
    assert first.exit_code() == -signal.SIGKILL
    second = start("serve", *flags)
    assert ask(second, bearer("ann")).status_code == 429
    for program in (first, second):
        assert "sk-cos" not in program.said + program.printed
