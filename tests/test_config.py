import argparse
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

import config
from config import AVAILABLE_MODELS, ConfigError, ModelSettings, Settings

HOME = {"HOME": "/home/ada"}
OWN_FILE = "/home/ada/.config/claude-ollama-server/config.toml"
ETC_FILE = "/etc/claude-ollama-server/config.toml"
MODEL = '[[models]]\nname = "{}"\ncli_model = "x"\n'


def disk(**files: str) -> Callable[[Path], bytes]:
    """A `read_file` over files by path, with ``own`` and ``etc`` for the usual places."""
    texts = {{"own": OWN_FILE, "etc": ETC_FILE}.get(path, path): text for path, text in files.items()}

    def read(path: Path) -> bytes:
        if str(path) not in texts:
            raise FileNotFoundError(2, "No such file or directory")
        return texts[str(path)].encode()

    return read


def load(
    flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, cores: int = 2, /, **files: str
) -> Settings:
    return config.load(flags or {}, HOME | (environ or {}), disk(**files), cores)


def refusal(flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, /, **files: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags, environ, **files)
    assert not isinstance(caught.value.__context__, ValidationError), "its text would show the value"
    return str(caught.value)


# Precedence


@pytest.mark.parametrize(
    ("flags", "environ", "files", "port"),
    [
        ({}, {}, {}, 11434),
        ({}, {}, {"own": "port = 1"}, 1),
        ({}, {}, {"etc": "port = 1"}, 1),
        ({}, {}, {"own": "port = 1", "etc": "port = 2"}, 1),
        ({}, {}, {"own": "", "etc": "port = 2"}, 11434),
        ({}, {"OLLAMA_HOST": ":3"}, {}, 3),
        ({}, {"OLLAMA_HOST": ":3"}, {"own": "port = 1"}, 3),
        ({}, {"CLAUDE_OLLAMA_PORT": "4"}, {}, 4),
        ({}, {"CLAUDE_OLLAMA_PORT": "4"}, {"own": "port = 1"}, 4),
        ({}, {"CLAUDE_OLLAMA_PORT": "4", "OLLAMA_HOST": ":3"}, {}, 4),
        ({"port": "5"}, {}, {}, 5),
        ({"port": "5"}, {}, {"own": "port = 1"}, 5),
        ({"port": "5"}, {"OLLAMA_HOST": ":3"}, {}, 5),
        ({"port": "5"}, {"CLAUDE_OLLAMA_PORT": "4"}, {}, 5),
        ({"port": None}, {"CLAUDE_OLLAMA_PORT": "4"}, {}, 4),
        ({"port": "0"}, {"CLAUDE_OLLAMA_PORT": "4"}, {}, 0),
        ({}, {"CLAUDE_OLLAMA_PORT": ""}, {"own": "port = 1"}, 1),
        ({}, {"OLLAMA_HOST": "' '"}, {"own": "port = 1"}, 1),
    ],
)
def test_flags_win_over_environment_over_file_over_defaults(
    flags: dict[str, object], environ: dict[str, str], files: dict[str, str], port: int
) -> None:
    assert load(flags, environ, **files).port == port


def test_host_and_port_come_from_different_places_if_they_are_given_so() -> None:
    settings = load({}, {"OLLAMA_HOST": "10.0.0.1:99", "CLAUDE_OLLAMA_HOST": "::1"})
    assert (settings.host, settings.port) == ("::1", 99)


@pytest.mark.parametrize(
    ("environ", "files", "max_queue"),
    [
        ({"OLLAMA_MAX_QUEUE": "7"}, {}, 7),
        ({"OLLAMA_MAX_QUEUE": "7"}, {"own": "max_queue = 1"}, 7),
        ({"OLLAMA_MAX_QUEUE": "7", "CLAUDE_OLLAMA_MAX_QUEUE": "8"}, {}, 8),
        ({"OLLAMA_MAX_QUEUE": ""}, {}, 512),
        ({"OLLAMA_MAX_QUEUE": "many"}, {}, 512),
        ({"OLLAMA_MAX_QUEUE": "-1"}, {}, 512),
        ({"OLLAMA_MAX_QUEUE": "1000000"}, {}, 100_000),
    ],
)
def test_ollamas_queue_length_is_honoured_unless_our_own_is_given(
    environ: dict[str, str], files: dict[str, str], max_queue: int
) -> None:
    assert load({}, environ, **files).max_queue == max_queue


@pytest.mark.parametrize(
    ("value", "max_processes", "context_length"),
    [("6", 6, 6), ("1", 2, 1), ("0", 8, None), ("", 8, None), ("auto", 8, None), ("5000", 1000, 5000)],
)
def test_ollamas_parallel_requests_and_window_are_honoured(
    value: str, max_processes: int, context_length: int | None
) -> None:
    settings = load({}, {"OLLAMA_NUM_PARALLEL": value, "OLLAMA_CONTEXT_LENGTH": value})
    assert (settings.max_processes, settings.context_length) == (max_processes, context_length)


@pytest.mark.parametrize(("value", "logged"), [("1", True), ("yes", True), ("0", False), ("False", False), ("", False)])
def test_ollamas_log_of_requests_is_a_log_of_prompts(value: str, logged: bool) -> None:
    assert load({}, {"OLLAMA_DEBUG_LOG_REQUESTS": value}).log_prompts is logged


def test_a_model_is_as_the_built_in_one_that_asks_the_cli_for_the_same() -> None:
    table = """
    [[models]]
    name = "long"
    cli_model = "sonnet[1m]"
    max_output_tokens = 7
    [[models]]
    name = "new"
    cli_model = "claude-new"
    """
    models = {model.name: model for model in load({}, {}, own=table).models}
    same = models["sonnet"].model_dump() | {"name": "long", "cli_model": "sonnet[1m]", "display_name": "long"}
    assert models["long"].model_dump() == same | {"max_output_tokens": 7}
    assert (models["new"].thinking, models["new"].context_length) == ("none", 200_000)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("90", 90),
        ("+90", 90),
        ("0", 0),
        ("0s", 0),
        ("-1", math.inf),
        ("-1m", math.inf),
        ("-1.5h", math.inf),
        ("720h", 720 * 3600),
        (" '10m' ", 600),
        ("1.5", 300),
        ("5M", 300),
        ("5 m", 300),
        ("for ever", 300),
        ("inf", 300),
        ("nan", 300),
        ("", 300),
    ],
)
def test_ollamas_keep_alive_is_read_as_ollama_reads_it(value: str, seconds: float) -> None:
    assert load({}, {"OLLAMA_KEEP_ALIVE": value}).keep_alive == seconds


def test_ollamas_keep_alive_wins_over_the_file_and_our_own_over_both() -> None:
    environ = {"OLLAMA_KEEP_ALIVE": "never"}
    assert load({}, environ, own="keep_alive = 7").keep_alive == 300
    assert load({}, environ | {"CLAUDE_OLLAMA_KEEP_ALIVE": "8"}, own="keep_alive = 7").keep_alive == 8


def test_other_variables_of_ollama_are_left_alone() -> None:
    assert load({}, {"OLLAMA_FLASH_ATTENTION": "1", "OLLAMA_MODELS": "/m", "OLLAMA_LOAD_TIMEOUT": "soon"}) == load()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("9m", 540),
        ("90s", 90),
        ("1m30s", 90),
        ("1.5m", 90),
        ("20", 20),
        *((given, 7 * 24 * 3600) for given in ("0", "0s", "+0", "0.0s", "-1", "-5m", "1000h")),
        (" '1h' ", 3600),
    ],
)
def test_ollama_s_load_timeout_is_that_of_booting(given: str, seconds: float) -> None:
    assert load({}, {"OLLAMA_LOAD_TIMEOUT": given}).boot_timeout == seconds


@pytest.mark.parametrize(("given", "level"), [("1", "debug"), ("2", "debug"), ("true", "debug"), ("0", "info")])
def test_ollama_s_debug_switch_is_that_of_the_log(given: str, level: str) -> None:
    assert load({}, {"OLLAMA_DEBUG": given}).log_level == level


@pytest.mark.parametrize(
    ("flags", "environ", "port"),
    [
        ({"config": "/a.toml"}, {}, 1),
        ({}, {"CLAUDE_OLLAMA_CONFIG": "/b.toml"}, 2),
        ({"config": "/a.toml"}, {"CLAUDE_OLLAMA_CONFIG": "/b.toml"}, 1),
        ({}, {"XDG_CONFIG_HOME": "/xdg"}, 3),
        ({}, {"XDG_CONFIG_HOME": "relative"}, 4),
        ({}, {"HOME": "/nobody"}, 5),
        ({"state_folder": "/s"}, {"HOME": ""}, 5),
    ],
)
def test_the_file_is_the_named_one_or_the_first_of_the_usual_places(
    flags: dict[str, object], environ: dict[str, str], port: int
) -> None:
    files = {
        "/a.toml": "port = 1",
        "/b.toml": "port = 2",
        "/xdg/claude-ollama-server/config.toml": "port = 3",
        "own": "port = 4",
        "etc": "port = 5",
    }
    assert load(flags, environ, **files).port == port


def test_the_file_is_read_from_the_disk_by_default(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('cli = "/bin/ä"', encoding="utf-8")
    assert config.load({"config": str(path)}, HOME).cli == Path("/bin/ä")
    assert config.load({}, {"HOME": str(tmp_path), "CLAUDE_OLLAMA_HOST": "h"}).max_processes >= 8


# OLLAMA_HOST: the cases of Ollama's own test, then its corners


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("", "127.0.0.1", 11434),
        ("1.2.3.4", "1.2.3.4", 11434),
        (":1234", "0.0.0.0", 1234),
        ("1.2.3.4:1234", "1.2.3.4", 1234),
        ("example.com", "example.com", 11434),
        ("example.com:1234", "example.com", 1234),
        (":0", "0.0.0.0", 0),
        (":66000", "0.0.0.0", 11434),
        (":-1", "0.0.0.0", 11434),
        ("[::1]", "::1", 11434),
        ("[::]", "::", 11434),
        ("::1", "::1", 11434),
        ("[::1]:1337", "::1", 1337),
        (" 1.2.3.4 ", "1.2.3.4", 11434),
        ('"1.2.3.4"', "1.2.3.4", 11434),
        (' " 1.2.3.4 " ', "1.2.3.4", 11434),
        ("'1.2.3.4'", "1.2.3.4", 11434),
        ("http://1.2.3.4", "1.2.3.4", 80),
        ("http://1.2.3.4:4321", "1.2.3.4", 4321),
        ("https://1.2.3.4", "1.2.3.4", 443),
        ("https://1.2.3.4:4321", "1.2.3.4", 4321),
        ("https://example.com/ollama", "example.com", 443),
        ("ollama.com", "ollama.com", 443),
        ("http://1.2.3.4:4321/", "1.2.3.4", 4321),
        ("http://1.2.3.4:bad", "1.2.3.4", 80),
        ("tcp://1.2.3.4", "1.2.3.4", 11434),
        ("example.com:", "example.com", 11434),
        ("http://", "127.0.0.1", 80),
        (":+12", "0.0.0.0", 12),
        (":1_2", "0.0.0.0", 11434),
        ("0:0:0:0:0:0:0:1", "::1", 11434),
        ("[foo]", "[foo]", 11434),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(value: str, host: str, port: int) -> None:
    assert config.ollama_host(value) == (host, port)


def test_an_ollama_host_that_nothing_can_listen_on_is_refused_as_it_was_written() -> None:
    assert refusal({}, {"OLLAMA_HOST": "http://a b:1"}) == (
        "host from environment variable OLLAMA_HOST: 'http://a b:1' is not allowed; "
        "allowed: an address or host name, without port"
    )


# Defaults


@pytest.mark.parametrize(
    ("cores", "max_processes", "spares"), [(1, 8, 2), (2, 8, 2), (3, 12, 3), (4, 16, 4), (32, 64, 4)]
)
def test_processes_and_spares_follow_the_cores(cores: int, max_processes: int, spares: int) -> None:
    settings = load({}, {}, cores)
    assert (settings.max_processes, settings.spares) == (max_processes, spares)


@pytest.mark.parametrize(("max_processes", "spares"), [(2, 1), (7, 1), (8, 2), (500, 4)])
def test_spares_follow_the_processes_that_were_set(max_processes: int, spares: int) -> None:
    assert load({"max_processes": max_processes}, {}, 32).spares == spares


@pytest.mark.parametrize(("max_processes", "conversations"), [(2, 1), (7, 3), (8, 4), (500, 250)])
def test_half_of_the_processes_may_hold_a_conversation(max_processes: int, conversations: int) -> None:
    assert load({"max_processes": max_processes}).max_conversations == conversations


@pytest.mark.parametrize(
    ("environ", "state", "runtime"),
    [
        ({}, "/home/ada/.local/state/claude-ollama-server", "/home/ada/.local/state/claude-ollama-server/run"),
        ({"XDG_STATE_HOME": "/x"}, "/x/claude-ollama-server", "/x/claude-ollama-server/run"),
        ({"XDG_STATE_HOME": "/x", "STATE_DIRECTORY": "/s:/t"}, "/s", "/s/run"),
        ({"STATE_DIRECTORY": "/s", "XDG_RUNTIME_DIR": "/r"}, "/s", "/r/claude-ollama-server"),
        ({"STATE_DIRECTORY": "/s", "XDG_RUNTIME_DIR": "/r", "RUNTIME_DIRECTORY": "/q"}, "/s", "/q"),
        ({"STATE_DIRECTORY": "/s", "CLAUDE_OLLAMA_STATE_FOLDER": "/t"}, "/t", "/t/run"),
        ({"XDG_RUNTIME_DIR": "/r", "CLAUDE_OLLAMA_RUNTIME_FOLDER": "/t", "STATE_DIRECTORY": "/s"}, "/s", "/t"),
    ],
)
def test_folders_are_systemds_else_the_users(environ: dict[str, str], state: str, runtime: str) -> None:
    settings = load({}, environ)
    assert (str(settings.state_folder), str(settings.runtime_folder)) == (state, runtime)


def test_without_a_home_the_state_folder_must_be_given() -> None:
    assert refusal({}, {"HOME": ""}) == (
        "state_folder is not given, nor STATE_DIRECTORY, XDG_STATE_HOME or HOME; use --state-folder"
    )


def test_the_safe_defaults_are_loopback_without_tools_or_prompts_in_the_log() -> None:
    settings = load()
    assert settings.host == "127.0.0.1"
    assert not settings.host_tools
    assert not settings.log_prompts
    assert settings.pass_environment == ()
    assert settings.default_think == "off"
    assert settings.probe


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().port = 1


# Ways to write a value


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("idle_timeout", "90", 90.0),
        ("idle_timeout", "1.5", 1.5),
        ("idle_timeout", "1m30s", 90.0),
        ("idle_timeout", "500ms", 0.5),
        ("idle_timeout", "1h", 3600.0),
        ("idle_timeout", "1.5h", 5400.0),
        ("idle_timeout", "250000us", 0.25),
        ("stop_eof_timeout", "0", 0.0),
        ("stop_eof_timeout", "0s", 0.0),
        ("max_body", "2048", 2048),
        ("max_body", "64MiB", 64 << 20),
        ("max_body", "1 gib", 1 << 30),
        ("max_body", "0.5KiB512B", 1024),
        ("max_body", "3MB", 3_000_000),
        ("host_tools", "on", True),
        ("host_tools", "true", True),
        ("host_tools", "1", True),
        ("host_tools", "yes", True),
        ("host_tools", "off", False),
        ("host_tools", "FALSE", False),
        ("host_tools", "0", False),
        ("host_tools", "no", False),
        ("pass_environment", "A, MY_*,,", ("A", "MY_*")),
        ("cli", "/usr/bin/claude", Path("/usr/bin/claude")),
        ("cli", "claude", Path.cwd() / "claude"),
        ("state_folder", "~/state", Path.home() / "state"),
        ("state_folder", "~no-such-user/state", Path.cwd() / "~no-such-user/state"),
        ("host", "fe80::1%eth0", "fe80::1%eth0"),
        ("default_model", "Opus:latest", "Opus:latest"),
        ("login", "stored", "stored"),
        ("spares", "3", 3),
        ("max_conversations", "0", 0),
        ("max_conversations", "8", 8),
        ("keep_alive", "10m", 600.0),
        ("keep_alive", "0", 0.0),
        ("keep_alive", "-1", math.inf),
        ("keep_alive", "-5m", math.inf),
        ("default_think", "on", "on"),
        ("default_think", "xhigh", "xhigh"),
        ("probe", "off", False),
        ("simulated_rate", "12.5", 12.5),
    ],
)
def test_a_value_means_the_same_in_a_flag_and_in_the_environment(name: str, written: str, value: object) -> None:
    assert getattr(load({name: written}), name) == value
    assert getattr(load({}, {f"CLAUDE_OLLAMA_{name.upper()}": f" '{written}' "}), name) == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("idle_timeout = 90", 90.0),
        ("idle_timeout = 0.5", 0.5),
        ('idle_timeout = "1m30s"', 90.0),
        ("max_body = 2048", 2048),
        ('max_body = "64MiB"', 64 << 20),
        ("host_tools = true", True),
        ('host_tools = "on"', True),
        ('pass_environment = ["A", "B*"]', ("A", "B*")),
        ('pass_environment = "A,B*"', ("A", "B*")),
        ('log_level = "debug"', "debug"),
        ("keep_alive = -1", math.inf),
        ('keep_alive = "-1"', math.inf),
        ("keep_alive = inf", math.inf),
    ],
)
def test_a_file_takes_toml_values_or_text(line: str, value: object) -> None:
    assert getattr(load(own=line), line.split()[0]) == value


# Wrong values

DURATION = "seconds, or such as 500ms or 1m30s"


@pytest.mark.parametrize(
    ("name", "written", "allowed"),
    [
        ("host", "127.0.0.1:80", "an address or host name, without port"),
        ("host", "http://a", "an address or host name, without port"),
        ("port", "65536", "a whole number, at least 0, at most 65535"),
        ("port", "-1", "a whole number, at least 0, at most 65535"),
        ("port", "1_000", "a whole number, at least 0, at most 65535"),
        ("port", "8.5", "a whole number, at least 0, at most 65535"),
        ("max_body", "1B", "bytes, or such as 64MiB, at least 1KiB, at most 4GiB"),
        ("max_body", "64Mi", "bytes, or such as 64MiB, at least 1KiB, at most 4GiB"),
        ("max_line", "8GiB", "bytes, or such as 64MiB, at least 64KiB, at most 4GiB"),
        ("write_timeout", "0", f"{DURATION}, more than 0, at most 168h"),
        ("idle_timeout", "5 minutes", f"{DURATION}, more than 0, at most 168h"),
        ("idle_timeout", "1d", f"{DURATION}, more than 0, at most 168h"),
        ("idle_timeout", "-5m", f"{DURATION}, more than 0, at most 168h"),
        ("idle_timeout", "-5", f"{DURATION}, more than 0, at most 168h"),
        ("idle_timeout", "inf", f"{DURATION}, more than 0, at most 168h"),
        ("idle_timeout", "nan", f"{DURATION}, more than 0, at most 168h"),
        ("drain_timeout", "169h", f"{DURATION}, at least 0, at most 168h"),
        ("login", "apikey", "auto, api-key, oauth-token, stored"),
        ("default_model", "gpt-4", ", ".join(model.name for model in AVAILABLE_MODELS)),
        ("host_tools", "maybe", "on, off, true, false, 1, 0, yes or no"),
        ("pass_environment", "A,*", "names; * may end one"),
        ("pass_environment", "A B", "names; * may end one"),
        ("cli_retries", "11", "a whole number, at least 0, at most 10"),
        ("max_processes", "1", "a whole number, at least 2, at most 1000"),
        ("spares", "9", "at most max_processes, here 8"),
        ("spares", "-1", "a whole number, at least 0"),
        ("max_conversations", "9", "at most max_processes, here 8"),
        ("max_conversations", "-1", "a whole number, at least 0"),
        ("keep_alive", "5M5", DURATION),
        ("keep_alive", "for ever", DURATION),
        ("default_think", "minimal", "off, on, low, medium, high, xhigh, max"),
        ("probe", "later", "on, off, true, false, 1, 0, yes or no"),
        ("max_turns_per_process", "0", "a whole number, at least 1"),
        ("log_level", "loud", "debug, info, warning, error"),
        ("log_format", "xml", "auto, json, console"),
        ("simulated_rate", "0", "a number, more than 0, at most 1000000"),
        ("simulated_rate", "fast", "a number, more than 0, at most 1000000"),
    ],
)
def test_a_wrong_value_is_named_with_its_source_and_what_is_allowed(name: str, written: str, allowed: str) -> None:
    flag, variable = f"--{name.replace('_', '-')}", f"CLAUDE_OLLAMA_{name.upper()}"
    reason = f"{written!r} is not allowed; allowed: {allowed}"
    assert refusal({name: written}) == f"{name} from flag {flag}: {reason}"
    assert refusal({}, {variable: written}) == f"{name} from environment variable {variable}: {reason}"
    assert refusal(own=f'{name} = "{written}"') == f"{name} from file {OWN_FILE}: {reason}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("host = 1", "1 is not allowed; allowed: an address or host name, without port"),
        ("port = true", "True is not allowed; allowed: a whole number, at least 0, at most 65535"),
        ("idle_timeout = false", f"False is not allowed; allowed: {DURATION}, more than 0, at most 168h"),
        ("idle_timeout = nan", f"nan is not allowed; allowed: {DURATION}, more than 0, at most 168h"),
        ("idle_timeout = inf", f"inf is not allowed; allowed: {DURATION}, more than 0, at most 168h"),
        ("cli = 1", "1 is not allowed; allowed: a path"),
        ("pass_environment = [1, 2]", "[1, 2] is not allowed; allowed: names; * may end one"),
        ("models = 1", "1 is not allowed; allowed: [[models]] tables"),
        ("models = [1]", "[1] is not allowed; allowed: [[models]] tables"),
        ("default_model = 1", "1 is not allowed; allowed: a name in the catalogue"),
        ("keep_alive = nan", f"nan is not allowed; allowed: {DURATION}"),
        (
            "default_think = false",
            "False is not allowed; allowed: off, on, low, medium, high, xhigh, max",
        ),
        ("log_level = 1", "1 is not allowed; allowed: debug, info, warning, error"),
    ],
)
def test_a_toml_value_of_the_wrong_kind_is_refused(line: str, reason: str) -> None:
    assert refusal(own=line) == f"{line.split()[0]} from file {OWN_FILE}: {reason}"


def test_a_wrong_value_of_ollama_is_named_as_ollamas() -> None:
    assert refusal({}, {"OLLAMA_ORIGINS": "x"}).startswith("origins from environment variable OLLAMA_ORIGINS:")


def test_the_variables_of_chat_services_are_understood() -> None:
    given = {
        "MODEL_NAME": "llama3.2:1b",
        "OPENWEB_UI_URL": "http://localhost:3000/some/page",
        "OLLAMA_ORIGINS": "app://x",
    }
    settings = load({}, given)
    assert (settings.chat_model, settings.default_model) == ("llama3.2:1b", "sonnet")
    assert (settings.openweb_ui_url, settings.origins) == ("http://localhost:3000", ("app://x",))
    assert load({}, given | {"CLAUDE_OLLAMA_CHAT_MODEL": "opus"}).chat_model == "opus"
    assert (load().chat_model, load().openweb_ui_url) == (None, None)
    assert refusal({}, {"OPENWEB_UI_URL": "somewhere"}).startswith(
        "openweb_ui_url from environment variable OPENWEB_UI_URL:"
    )
    assert refusal({}, {"MODEL_NAME": "a b"}).startswith("chat_model from environment variable MODEL_NAME:")


def test_all_wrong_values_are_told_at_once() -> None:
    lines = refusal({"port": "x"}, {"CLAUDE_OLLAMA_LOGIN": "x"}, own='max_processes = "x"').splitlines()
    assert [line.split()[0] for line in lines] == ["port", "login", "max_processes"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("pass_environment", "ANTHROPIC_API_KEY=hush"),
        ("login", "sk-ant-hush"),
        ("host", "http://ada:hush@example.com"),
        ("port", "hush" * 10),
    ],
)
def test_a_value_that_looks_like_a_secret_is_never_shown(name: str, written: str) -> None:
    text = refusal({name: written})
    assert "hush" not in text
    assert "a value that is not shown here is not allowed; allowed: " in text


# Unknown names, files that cannot be read


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CLAUDE_OLLAMA_PROT", "is not a setting; did you mean CLAUDE_OLLAMA_PORT?"),
        ("CLAUDE_OLLAMA_FIRST_EVENT", "is not a setting; did you mean CLAUDE_OLLAMA_FIRST_EVENT_TIMEOUT?"),
        ("CLAUDE_OLLAMA_XYZZY", "is not a setting"),
        ("CLAUDE_OLLAMA_port", "is not a setting; did you mean CLAUDE_OLLAMA_PORT?"),
        ("CLAUDE_OLLAMA_CONFGI", "is not a setting; did you mean CLAUDE_OLLAMA_CONFIG?"),
    ],
)
def test_an_unknown_variable_of_ours_is_refused_without_its_value(variable: str, text: str) -> None:
    assert refusal({}, {variable: "hush"}) == f"environment variable {variable} {text}"


def test_the_catalogue_is_for_the_file_alone() -> None:
    assert "CLAUDE_OLLAMA_MODELS is not a setting" in refusal({}, {"CLAUDE_OLLAMA_MODELS": "a"})


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ('prot = "hush"', f"prot in file {OWN_FILE} is not a setting; did you mean port?"),
        ('first-event-timeout = "hush"', "is not a setting; did you mean first_event_timeout?"),
        ("[server]\nport = 1", f"server in file {OWN_FILE} is not a setting"),
        ('xyzzy = "hush"', f"xyzzy in file {OWN_FILE} is not a setting"),
    ],
)
def test_an_unknown_key_in_the_file_is_refused_without_its_value(text: str, refused: str) -> None:
    answer = refusal(own=text)
    assert refused in answer
    assert "hush" not in answer


def test_a_named_file_must_be_there() -> None:
    assert refusal({"config": "/no.toml"}) == "settings file /no.toml: No such file or directory"


def test_a_file_that_is_no_toml_is_refused_with_the_place() -> None:
    assert refusal(own="port 1").startswith(f"settings file {OWN_FILE} is not TOML: Expected '=' after a key")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes('cli = "/bin/ä"'.encode("latin-1"))
    with pytest.raises(ConfigError, match="is not TOML: 'utf-8' codec can't decode"):
        config.load({"config": str(path)}, HOME)


def test_a_usual_file_that_may_not_be_read_is_an_error() -> None:
    def read(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(ConfigError, match=f"settings file {OWN_FILE}: Permission denied"):
        config.load({}, HOME, read)


# The catalogue


def test_the_built_in_catalogue_has_aliases_and_older_ids() -> None:
    assert {model.name: model.cli_model for model in AVAILABLE_MODELS} == {
        "opus": "opus",
        "sonnet": "sonnet",
        "haiku": "haiku",
        "fable": "fable",
        "claude-opus-4-8": "claude-opus-4-8",
        "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
        "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    }
    assert {model.capabilities for model in AVAILABLE_MODELS} == {("completion", "tools", "vision")}
    assert load().models == AVAILABLE_MODELS


@pytest.mark.parametrize("model", AVAILABLE_MODELS, ids=lambda model: str(model.name))
def test_only_models_without_adaptive_thinking_take_sampling_parameters(model: ModelSettings) -> None:
    sampling = {"temperature", "top_p", "top_k"}
    assert (sampling <= model.options) == (model.thinking == "budget")
    assert {"stop", "num_predict"} <= model.options
    assert bool(model.effort_levels) == (model.thinking == "adaptive")
    assert model.prefill == (model.thinking == "budget")
    assert model.structured_output
    assert model.context_length == (200_000 if model.thinking == "budget" else 1_000_000)
    assert model.max_output_tokens == (64_000 if model.thinking == "budget" else 128_000)


def test_the_models_of_today_think_always_and_those_before_them_can_be_asked_not_to() -> None:
    always = {model.name for model in AVAILABLE_MODELS if not model.thinking_off}
    assert always == {"opus", "sonnet", "haiku", "fable"}


def test_a_model_that_says_nothing_of_it_neither_thinks_nor_continues_a_message() -> None:
    model = load(own=MODEL.format("a")).models[-1]
    assert (model.thinking, model.thinking_off, model.effort_levels) == ("none", False, ())
    assert (model.prefill, model.structured_output) == (False, True)


def test_a_table_in_the_file_adds_a_model_that_can_be_the_default() -> None:
    text = 'default_model = "big"\n[[models]]\nname = "big"\ncli_model = "sonnet[1m]"\noptions = ["stop", "top_k"]\n'
    settings = load(own=text)
    assert settings.models[:-1] == AVAILABLE_MODELS
    assert settings.models[-1].cli_model == "sonnet[1m]"
    assert settings.models[-1].options == {"stop", "top_k"}
    assert settings.default_model == "big"


@pytest.mark.parametrize("name", ["opus", "Opus", "opus:latest", "library/opus", "registry.ollama.ai/library/opus"])
def test_a_table_replaces_the_model_of_the_same_name_where_it_stands(name: str) -> None:
    models = load(own=MODEL.format(name)).models
    assert [model.name for model in models] == [name, *(model.name for model in AVAILABLE_MODELS[1:])]
    assert (models[0].cli_model, models[0].display_name) == ("x", name)


@pytest.mark.parametrize(
    "name",
    ["a", "_a.b-c", "claude-opus-4.1", "claude:opus", "ns/x:v1", "host.io:5000/ns/x:v1", "a" * 80, "x:cloudy", "cloud"],
)
def test_names_that_ollama_takes_are_taken(name: str) -> None:
    assert load(own=MODEL.format(name)).models[-1].name == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "a b", "a@b", "é", "sonnet[1m]", "x:", ":x", "/x", "-x", "a" * 81, "a.b/x", "a/b/c/d", "x\\n"),
        *("x:cloud", "x:local", "x:Cloud", "x:v1-cloud"),
    ],
)
def test_names_that_ollama_refuses_are_refused(name: str) -> None:
    where = f"models[0].name from file {OWN_FILE}: "
    shown = repr(name.replace("\\n", "\n")) if len(name) < 32 else "a value that is not shown here"
    allowed = "[host/][namespace/]model[:tag], not a cloud tag"
    assert refusal(own=MODEL.format(name)) == f"{where}{shown} is not allowed; allowed: {allowed}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '[[models]]\nname = "a"\n',
            "cli_model from file {}: it is missing; allowed: an alias or id that the CLI knows",
        ),
        (MODEL + 'cli_modle = "x"', "cli_modle from file {} is not a setting; did you mean cli_model?"),
        (
            MODEL + "context_length = 0",
            "context_length from file {}: 0 is not allowed; allowed: a whole number, at least 1",
        ),
        (MODEL + "display_name = 0", "display_name from file {}: 0 is not allowed; allowed: text"),
        (
            MODEL + 'capabilities = ["smell"]',
            "capabilities from file {}: 'smell' is not allowed; allowed: completion, tools, vision",
        ),
        (
            MODEL + 'options = ["seed"]',
            "options from file {}: 'seed' is not allowed; allowed: temperature, top_p, top_k, stop, num_predict",
        ),
        (MODEL + 'thinking = "on"', "thinking from file {}: 'on' is not allowed; allowed: adaptive, budget, none"),
        (
            '[[models]]\nname = "a"\ncli_model = "--help"\n',
            "cli_model from file {}: '--help' is not allowed; allowed: an alias or id that the CLI knows",
        ),
    ],
)
def test_a_wrong_model_is_named_with_its_place_and_what_is_allowed(text: str, reason: str) -> None:
    assert refusal(own=text.replace("{}", "a")) == "models[0]." + reason.format(OWN_FILE)


def test_a_model_may_not_be_given_twice() -> None:
    text = refusal(own=MODEL.format("a") + MODEL.format("A:latest"))
    assert text.startswith("models from file ")
    assert text.endswith("allowed: each name once")


# Flags, help and docs


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("server")
    config.add_flags(made)
    return made


def test_flags_that_are_not_given_change_nothing() -> None:
    flags = vars(parser().parse_args([]))
    assert set(flags) == {"config", *Settings.model_fields} - {"models"}
    assert load(flags) == load()


WEB = MODEL.format("web") + 'builtin_tools = ["WebSearch", "WebFetch", "WebSearch"]\n'
SHELL = MODEL.format("shell") + 'builtin_tools = ["WebSearch", "Bash"]\n'


def test_a_model_may_have_tools_of_the_web() -> None:
    assert load(own=WEB).models[-1].builtin_tools == ("WebFetch", "WebSearch")
    assert not any(model.builtin_tools for model in AVAILABLE_MODELS)


def test_tools_of_this_machine_need_a_second_switch() -> None:
    allowed = "allowed: on, since models use Bash"
    assert refusal(own=SHELL) == f"host_tools from the defaults: 'off' is not allowed; {allowed}"
    refused = refusal({"host_tools": "off"}, own=SHELL)
    assert refused == f"host_tools from flag --host-tools: 'off' is not allowed; {allowed}"
    assert load(own=f"host_tools = true\n{SHELL}").models[-1].builtin_tools == ("Bash", "WebSearch")


def test_flags_are_spelled_with_dashes_and_a_switch_needs_no_value() -> None:
    given = ["--first-event-timeout", "5s", "--host-tools", "--log-prompts", "no", "--config=/a.toml"]
    settings = load(vars(parser().parse_args(given)), **{"/a.toml": "log_prompts = true"})
    assert settings.first_event_timeout == 5
    assert settings.host_tools
    assert not settings.log_prompts


def test_the_help_names_every_setting_with_its_default() -> None:
    text = " ".join(parser().format_help().split()).replace("- ", "-")
    for name, info in Settings.model_fields.items():
        if name != "models":
            assert f"--{name.replace('_', '-')} " in text
            assert f"{info.description} (default: {config.default_of(name)})" in text


def test_every_default_is_written_so_that_it_can_be_given_back() -> None:
    for name, info in Settings.model_fields.items():
        if not info.is_required() and name not in config.COMPUTED:
            assert getattr(load({name: config.default_of(name)}), name) == info.default


def test_the_docs_list_every_setting_in_order_with_its_default_and_what_is_allowed() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = [line for line in page.partition("## Models")[0].splitlines() if line.startswith("| `")]
    assert listed == [
        f"| `{name}` | {info.description} | {config.default_of(name)} | {config.allowed_for(info)} |"
        for name, info in Settings.model_fields.items()
    ]


def test_the_docs_list_every_key_of_a_model_and_every_built_in_model() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in [*ModelSettings.model_fields, *(model.name for model in AVAILABLE_MODELS)]:
        assert f"`{name}`" in page


# The server behind


@pytest.mark.parametrize(
    ("flags", "environ", "file", "url"),
    [
        ({}, {"OLLAMA_URL": "http://10.0.0.2:11434"}, "", "http://10.0.0.2:11434"),
        ({}, {"OLLAMA_URL": "gpu-box"}, "", "http://gpu-box:11434"),
        ({}, {"OLLAMA_URL": "https://gpu-box/api/"}, "", "https://gpu-box:443"),
        ({}, {"OLLAMA_URL": "http://[fd00::1]:80"}, "", "http://[fd00::1]:80"),
        ({"port": "1"}, {"OLLAMA_URL": "http://localhost:11434"}, "", "http://localhost:11434"),
        ({"ollama_url": "http://a:1"}, {"OLLAMA_URL": "http://b:2"}, "", "http://a:1"),
        ({}, {"CLAUDE_OLLAMA_OLLAMA_URL": "http://a:1", "OLLAMA_URL": "http://b:2"}, "", "http://a:1"),
        ({}, {}, '[backends.ollama]\nurl = "http://a:1"\n', "http://a:1"),
        ({}, {}, 'ollama_url = "http://a:1"\n', "http://a:1"),
        ({}, {}, "", None),
    ],
)
def test_a_server_behind_is_set_in_any_way(
    flags: dict[str, object], environ: dict[str, str], file: str, url: str | None
) -> None:
    assert load(flags, environ, own=file).ollama_url == url


@pytest.mark.parametrize(
    "url", ["http://user:secret@host", "ftp://host", "http://", "http://host:99999", "http://a b", "http://host?key=x"]
)
def test_what_is_no_url_is_refused_and_a_key_in_one_is_not_shown(url: str) -> None:
    text = refusal({}, {"OLLAMA_URL": url})
    assert text.startswith("ollama_url from environment variable OLLAMA_URL: ")
    assert "secret" not in text


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:11434"),
        ("0.0.0.0", "http://127.0.0.1"),
        ("10.0.0.2", "http://10.0.0.2:11434"),
    ],
)
def test_the_daemon_is_not_behind_itself(host: str, url: str) -> None:
    assert "another server than this one" in refusal({"host": host, "ollama_url": url})
    assert load({"host": host, "port": "11435", "ollama_url": url}).ollama_url is not None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("backends = 3", "backends in file"),
        ("[backends]\nollama = 3", "backends in file"),
        ('[backends.olama]\nurl = "http://a"', "olama_url in file"),
        ("[backends.ollama]\nkey = 3", "ollama_key in file"),
    ],
)
def test_a_wrong_table_of_a_backend_is_named(file: str, text: str) -> None:
    assert text in refusal({}, {}, own=file)
