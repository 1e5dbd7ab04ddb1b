"""The compose file: what it publishes, what it gives to the daemon, and where Open WebUI looks for it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Settings

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "deploy/compose.yaml"

Json = dict[str, Any]


@pytest.fixture
def services() -> Json:
    found: Json = yaml.safe_load(FILE.read_text())["services"]
    return found


def test_it_builds_from_the_dockerfile(services: Json) -> None:
    build = services["daemon"]["build"]
    assert (FILE.parent / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


@pytest.mark.parametrize("service", ["daemon", "open-webui"])
def test_nothing_is_published_beyond_this_machine(services: Json, service: str) -> None:
    assert services[service]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in services[service]["ports"])


def test_what_the_daemon_is_given_are_settings_and_logins(services: Json) -> None:
    given = services["daemon"]["environment"]
    ours = {name.removeprefix("CLAUDE_OLLAMA_").lower() for name in given if name.startswith("CLAUDE_OLLAMA_")}
    assert ours <= set(Settings.model_fields)
    secrets = {name: value for name, value in given.items() if not name.startswith("CLAUDE_OLLAMA_")}
    assert all(value == f"${{{name}:-}}" for name, value in secrets.items())


def test_it_may_do_as_little_as_it_needs(services: Json) -> None:
    daemon = services["daemon"]
    assert daemon["cap_drop"] == ["ALL"]
    assert daemon["read_only"] is True
    assert daemon["init"] is True
    writable = [mount.partition(":")[0] for mount in daemon["tmpfs"]] + [daemon["volumes"][0].partition(":")[2]]
    assert sorted(writable) == ["/run/claude-ollama-server", "/tmp", "/var/lib/claude-ollama-server"]


def test_it_is_stopped_no_sooner_than_it_can_end(services: Json) -> None:
    fields = Settings.model_fields
    ladder = [fields[name].default for name in ("stop_eof_timeout", "stop_term_timeout", "stop_kill_timeout")]
    assert float(services["daemon"]["stop_grace_period"].removesuffix("s")) > fields["drain_timeout"].default + sum(
        ladder
    )


def test_open_webui_finds_the_daemon_once_it_is_well(services: Json) -> None:
    webui = services["open-webui"]
    assert webui["environment"]["OLLAMA_BASE_URL"] == f"http://daemon:{Settings.model_fields['port'].default}"
    assert webui["depends_on"] == {"daemon": {"condition": "service_healthy"}}
