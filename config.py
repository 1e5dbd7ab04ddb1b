"""Frozen settings: flags > environment > TOML file > defaults. A leaf; the entry point reads it once.

Each field of `Settings` is a setting: its flag (`--first-event-timeout`), its environment variable
(`CLAUDE_OLLAMA_FIRST_EVENT_TIMEOUT`), its key in the file (`first_event_timeout`), its help and its line in
docs/settings.md follow from it. `AVAILABLE_MODELS` is the built-in catalogue.
"""

import argparse
import contextlib
import difflib
import ipaddress
import math
import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

APPLICATION = "claude-ollama-server"
PREFIX = "CLAUDE_OLLAMA_"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 11434
LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - of this machine, or all of its addresses
WEB_TOOLS = frozenset({"WebSearch", "WebFetch"})  # of the CLI's own tools, those that do nothing on this machine
LEAST_PROCESSES, MOST_PROCESSES, MOST_QUEUED = 2, 1000, 100_000
WEEK = 7 * 24 * 3600  # no deadline is longer: more is a slip of the unit
SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
BYTES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "GB": 10**9, "MB": 10**6, "KB": 10**3, "B": 1}
HOST = r"^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?)\Z"
ORIGIN = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^\s*,/]+|[^\s*,]*\*[^\s*,]*)\Z"
ORIGIN_WORDS = "origins such as https://example.com; * may stand in one, for anything, or alone, for all"
MODEL_NAME = (  # Ollama's grammar; the tags that it routes to its cloud cannot be used
    r"^(?:(?:[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}/)?[A-Za-z0-9_][A-Za-z0-9_-]{0,79}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
    r"(?::(?!(?i:local|(?:.*-)?cloud)\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,79})?\Z"
)
OLLAMA_DURATION = re.compile(r"[+-]?(?:\d+|(?:(?:\d+\.?\d*|\.\d+)(?:h|m|s|ms|us|µs|ns))+)", re.ASCII)
OLLAMA_FALSE = ("0", "f", "false")  # any other value of a switch of Ollama's is on
CHATS = r"^(?:sqlite|files|sqlite:////[^\0]+|postgresql://\S+)\Z"
CHATS_WORDS = "sqlite, files, or a URL: sqlite:////absolute/path or postgresql://user:password@host/name"
SECRET = re.compile(r"sk-|\w=|//[^/]*@|[A-Za-z0-9_-]{32,}")


class ConfigError(ValueError):
    """Settings that stop the start. The text has a line for each: name, source, value, what is allowed."""


class Takes(NamedTuple):
    """What a kind of setting takes: for the help, in words, and the units it may be written in."""

    metavar: str
    words: str
    units: Mapping[str, float] = {}


def _quantity(units: Mapping[str, float]) -> BeforeValidator:
    """Takes numbers, and text such as ``90``, ``1m30s`` or ``64MiB``; refuses ``true``, ``nan`` and ``1_000``."""
    sizes = {unit.lower(): size for unit, size in units.items()}
    step = re.compile(rf"(\d+\.?\d*|\.\d+) ?({'|'.join(sorted(sizes, key=len, reverse=True)) or '(?!)'})", re.ASCII)

    def parse(value: object) -> object:
        if isinstance(value, str) and re.fullmatch(f"[+-]?(?:{step.pattern})+", value.lower(), re.ASCII):
            total = sum(float(number) * sizes[unit] for number, unit in step.findall(value.lower()))
            return -total if value.startswith("-") else total
        number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        if number or re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", str(value), re.ASCII):
            return value
        raise ValueError

    return BeforeValidator(parse)


def _list(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


def _origin(url: str) -> str:
    """`url` without what follows the port; as for Ollama's clients, `host` alone is enough."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    with contextlib.suppress(ValueError):
        port = parts.port or {"http": DEFAULT_PORT, "https": 443}.get(parts.scheme)
        if port and re.match(HOST, parts.hostname or "") and not (parts.username or parts.password or parts.query):
            host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
            return f"{parts.scheme}://{host}:{port}"
    raise ValueError


def _key(name: str) -> str:
    """The same for `x`, `X:latest` and `library/x`: they are one model."""
    return name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/").removesuffix(":latest")


ReadFile = Callable[[Path], bytes]
Count = Annotated[int, _quantity({}), Takes("N", "a whole number")]
MaybeCount = Annotated[int | None, _quantity({}), Takes("N", "a whole number")]
Tokens = Annotated[Count, Field(ge=1)]
MaybeTokens = Annotated[int | None, _quantity({}), Takes("N", "a whole number"), Field(ge=1)]
Size = Annotated[int, _quantity(BYTES), Takes("SIZE", "bytes, or such as 64MiB", BYTES), Field(le=4 << 30)]
Duration = Annotated[float, _quantity(SECONDS), Takes("DURATION", "seconds, or such as 500ms or 1m30s", SECONDS)]
Wait = Annotated[Duration, Field(gt=0, le=WEEK)]
Pause = Annotated[Duration, Field(ge=0, le=WEEK)]
Lifetime = Annotated[Duration, AfterValidator(lambda seconds: math.inf if seconds < 0 else seconds)]
Switch = Annotated[bool, Takes("on|off", "on, off, true, false, 1, 0, yes or no")]
Folder = Annotated[Path, AfterValidator(lambda path: Path(os.path.expanduser(path)).absolute())]  # noqa: PTH111
Host = Annotated[str, Field(pattern=HOST), Takes("ADDRESS", "an address or host name, without port")]
Origin = Annotated[str, Field(pattern=ORIGIN)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_list), Takes("ORIGIN,...", ORIGIN_WORDS)]
Chats = Annotated[str, Field(pattern=CHATS), Takes("STORE", CHATS_WORDS)]
Rate = Annotated[float, _quantity({}), Takes("N", "a number"), Field(gt=0, le=1_000_000)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    BeforeValidator(_list),
    Takes("NETWORK,...", "addresses or networks such as 10.0.0.0/8"),
]
Dollars = Annotated[float | None, _quantity({}), Field(gt=0), Takes("DOLLARS", "a number")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\*?\Z")]
Variables = Annotated[tuple[Variable, ...], BeforeValidator(_list), Takes("NAME,...", "names; * may end one")]
Login = Literal["auto", "api-key", "oauth-token", "stored"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]
Capability = Literal["completion", "tools", "vision"]  # "thinking" follows from `thinking`
RequestOption = Literal["temperature", "top_p", "top_k", "stop", "num_predict"]
EffortLevel = Literal["low", "medium", "high", "xhigh", "max"]
DefaultThink = Literal["off", "on", EffortLevel]


class ModelSettings(BaseModel):
    """A model of the catalogue: its names, and what it takes at the API. Lengths are in tokens.

    `thinking_off`: its thinking can be turned off. `prefill`: it continues an assistant message that comes last.
    `structured_output`: the API can hold it to a JSON schema. `middle_system`: it takes system messages in the middle
    of a conversation. `builtin_tools` are those of the CLI's own that it may use; all but those of the web need
    `host_tools`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")

    name: Annotated[str, Field(pattern=MODEL_NAME), Takes("NAME", "[host/][namespace/]model[:tag], not a cloud tag")]
    cli_model: Annotated[str, Field(pattern=r"^[A-Za-z0-9]\S*\Z"), Takes("MODEL", "an alias or id that the CLI knows")]
    display_name: Annotated[str, Takes("TEXT", "text")] = Field(default_factory=lambda values: values.get("name", ""))
    context_length: Tokens = 200_000
    max_output_tokens: Tokens = 64_000
    capabilities: tuple[Capability, ...] = ("completion", "tools", "vision")
    options: frozenset[RequestOption] = frozenset({"stop", "num_predict"})
    thinking: Literal["adaptive", "budget", "none"] = "none"
    thinking_off: bool = False
    effort_levels: tuple[EffortLevel, ...] = ()
    prefill: bool = False
    structured_output: bool = True
    middle_system: bool = False
    builtin_tools: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{1,63}\Z")], ...],
        AfterValidator(lambda names: tuple(sorted(set(names)))),
        Takes("NAMES", "a list of the CLI's own tools, such as WebSearch and WebFetch"),
    ] = ()


_CURRENT = {"context_length": 1_000_000, "max_output_tokens": 128_000, "thinking": "adaptive"}
_CURRENT |= {"effort_levels": get_args(EffortLevel), "middle_system": True}
_OLDER = {"options": get_args(RequestOption), "thinking": "budget", "thinking_off": True, "prefill": True}
AVAILABLE_MODELS: tuple[ModelSettings, ...] = tuple(
    ModelSettings.model_validate({"name": name, "cli_model": cli_model, "display_name": display_name, **takes})
    for name, cli_model, display_name, takes in (
        ("opus", "opus", "Claude Opus 5.5", _CURRENT),
        ("sonnet", "sonnet", "Claude Sonnet 5.5", _CURRENT),
        ("haiku", "haiku", "Claude Haiku 5.5", _CURRENT),
        ("fable", "fable", "Claude Fable 5.2", _CURRENT),
        (
            "claude-opus-4-8",
            "claude-opus-4-8",
            "Claude Opus 4.8",
            _CURRENT | {"thinking_off": True, "middle_system": False},
        ),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", _OLDER),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001", "Claude Haiku 4.5", _OLDER),
    )
)


def _joined(models: tuple[ModelSettings, ...]) -> tuple[ModelSettings, ...]:
    given = {_key(model.name): model for model in models}
    if len(given) < len(models):
        raise ValueError("each name once")
    return tuple(({_key(model.name): model for model in AVAILABLE_MODELS} | given).values())


def _completed(table: object) -> object:
    """What a table leaves out is as the built-in model has it that asks the CLI for the same, in whatever window."""
    if not isinstance(table, dict):
        return table
    asked = str(table.get("cli_model")).partition("[")[0]
    same = next((model for model in AVAILABLE_MODELS if model.cli_model == asked), None)
    return table if same is None else same.model_dump(exclude={"name", "display_name"}) | table


def _without_host_tools(allowed: bool, info: ValidationInfo) -> bool:
    used = {tool for model in info.data.get("models", ()) for tool in model.builtin_tools} - WEB_TOOLS
    if used and not allowed:
        raise ValueError(f"on, since models use {', '.join(sorted(used))}")
    return allowed


def _in_catalogue(name: str, info: ValidationInfo) -> str:
    names = [model.name for model in info.data.get("models", ())]
    if names and _key(name) not in map(_key, names):
        raise ValueError(", ".join(names))
    return name


def _within_processes(count: int, info: ValidationInfo) -> int:
    if count > (most := info.data.get("max_processes", count)):
        raise ValueError(f"at most max_processes, here {most}")
    return count


def _beside_its_certificate(key: Path | None, info: ValidationInfo) -> Path | None:
    if (key is None) != (info.data.get("tls_certificate") is None):
        raise ValueError("tls_certificate and tls_key, or neither")
    return key


def _another_server(url: str | None, info: ValidationInfo) -> str | None:
    if url is None:
        return None
    origin, host = urlsplit(_origin(url)), info.data.get("host")
    here = LOCAL if host in LOCAL else (host,)
    if origin.port == info.data.get("port") and origin.hostname in here:
        raise ValueError("another server than this one, which listens there itself: let it do so elsewhere, by --port")
    return origin.geturl()


def _requests(values: dict[str, Any]) -> int:
    return int(values.get("max_queue", 512)) + int(values.get("max_processes", 8))


def _spares(values: dict[str, Any]) -> int:
    return max(1, min(4, int(values.get("max_processes", 8)) // 4))


def _conversations(values: dict[str, Any]) -> int:
    return int(values.get("max_processes", 8)) // 2


Model = Annotated[ModelSettings, BeforeValidator(_completed)]
Models = Annotated[tuple[Model, ...], AfterValidator(_joined), Takes("TABLES", "[[models]] tables")]
HostTools = Annotated[Switch, AfterValidator(_without_host_tools)]
KnownModel = Annotated[str, AfterValidator(_in_catalogue), Takes("NAME", "a name in the catalogue")]
MaybeKnownModel = Annotated[
    str | None,
    AfterValidator(lambda name, info: name and _in_catalogue(name, info)),
    Takes("NAME", "a name in the catalogue"),
]
MaybeModelName = Annotated[
    Annotated[str, Field(pattern=MODEL_NAME)] | None, Takes("NAME", "[host/][namespace/]model[:tag], not a cloud tag")
]
PageUrl = Annotated[
    Annotated[str, Field(pattern=ORIGIN)] | None,
    BeforeValidator(lambda url: "/".join(url.split("/")[:3]) if isinstance(url, str) else url),
    Takes("URL", "an address such as https://example.com:3000"),
]
MaybeUrl = Annotated[
    str | None, AfterValidator(_another_server), Takes("URL", "such as http://localhost:11434, without a key")
]
TlsKey = Annotated[Folder | None, AfterValidator(_beside_its_certificate)]
Processes = Annotated[Count, Field(ge=0), AfterValidator(_within_processes)]


class Settings(BaseModel):
    """Everything that can be set. Times are in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")

    host: Host = Field(default=DEFAULT_HOST, description="address to listen on; 0.0.0.0 or :: for all")
    port: Count = Field(default=DEFAULT_PORT, ge=0, le=65535, description="port to listen on; 0 for any free one")
    origins: Origins = Field(default=(), description="web pages that may use the API, beside those of this machine")
    max_body: Size = Field(default=32 << 20, ge=1 << 10, description="largest request body")
    write_timeout: Wait = Field(default=30.0, description="a client that takes no bytes for so long is given up")
    request_timeout: Wait = Field(default=60.0, description="what a client gets to send a request, head and body")
    max_connections: MaybeCount = Field(default=None, ge=1, description="most connections of clients at a time")

    cli: Folder | None = Field(default=None, description="path of the claude program")
    login: Login = Field(default="auto", description="login of the CLI; auto is the first that is there, in this order")
    models: Models = Field(default=AVAILABLE_MODELS, description="the catalogue; a table adds a model or replaces one")
    default_model: KnownModel = Field(default="sonnet", description="the model that processes are booted with")
    fallback_model: MaybeKnownModel = Field(
        default=None, description="the model that answers where an unknown one is asked for"
    )
    default_think: DefaultThink = Field(
        default="off", description="how much models think when a request does not say; off is as little as they can"
    )
    context_length: MaybeTokens = Field(
        default=None, description="most tokens of a conversation, also for models that can see more"
    )
    host_tools: HostTools = Field(
        default=False,
        validate_default=True,
        description="allow builtin_tools of models that read, write or run something on this machine",
    )
    pass_environment: Variables = Field(default=(), description="more variables that the CLI gets")
    cli_retries: Count = Field(default=2, ge=0, le=10, description="how often the CLI repeats a failed API request")
    probe: Switch = Field(default=True, description="find out at start what the installed CLI does")

    ollama_url: MaybeUrl = Field(default=None, description="a real Ollama server whose models are served as well")
    ollama_key_file: Folder | None = Field(
        default=None, description="file with the key for that server, if it wants one; else OLLAMA_API_KEY"
    )
    local_embeddings: Switch = Field(default=True, description="serve the embedding model of the extra, if it is there")

    chat_model: MaybeModelName = Field(
        default=None, description="the model that /chat answers with when a request names none"
    )
    system_prompt_file: Folder | None = Field(default=None, description="the system prompt that kept chats start with")
    keep_dialect_chats: Switch = Field(
        default=False, description="keep conversations over /api/chat and /v1/chat/completions too"
    )
    openweb_ui_url: PageUrl = Field(default=None, description="a page that may use the API, by its address")

    max_processes: Count = Field(ge=LEAST_PROCESSES, le=MOST_PROCESSES, description="most CLI processes at a time")
    spares: Processes = Field(default_factory=_spares, description="CLI processes kept booted for the next requests")
    max_conversations: Processes = Field(
        default_factory=_conversations, description="most conversations kept live; the least recently used goes first"
    )
    keep_alive: Lifetime = Field(
        default=300.0, description="how long a model's conversations outlive its last answer; negative is for ever"
    )
    max_queue: Count = Field(default=512, ge=0, le=MOST_QUEUED, description="requests that may wait for a process")
    max_turns_per_process: Count = Field(default=200, ge=1, description="turns after which a process is replaced")
    idle_process_timeout: Pause = Field(default=300.0, description="how long a clean process beyond the spares is kept")
    reuse_patience: Pause = Field(
        default=0.1,
        description="how long a request waits for a used process that is nearly ready, before it takes a spare",
    )
    stateless_turns: Switch = Field(
        default=True,
        description="send each request whole to any idle process, instead of keeping conversations in processes",
    )
    max_line: Size = Field(default=64 << 20, ge=64 << 10, description="longest line of the CLI's output")

    open_to_network: Switch = Field(default=False, description="listen beyond this machine although no key is needed")
    trusted_proxies: Networks = Field(default=(), description="proxies that are believed whom a request comes from")
    tls_certificate: Folder | None = Field(
        default=None, description="certificate with its chain, in PEM; needs tls_key"
    )
    tls_key: TlsKey = Field(
        default=None, validate_default=True, description="key of tls_certificate, in PEM, without a passphrase"
    )
    max_requests: Count = Field(
        default_factory=_requests, ge=1, description="requests that may run or wait at a time, of all clients"
    )
    max_dollars_a_day: Dollars = Field(
        default=None, description="what the daemon may spend in a day of UTC, in US dollars"
    )

    queue_timeout: Wait = Field(default=120.0, description="longest wait for a process")
    boot_timeout: Wait = Field(default=60.0, description="longest boot of a process")
    first_event_timeout: Wait = Field(default=120.0, description="longest wait for an answer to begin")
    idle_timeout: Wait = Field(default=300.0, description="longest silence within an answer")
    total_timeout: Wait = Field(default=3600.0, description="longest answer")
    result_timeout: Wait = Field(default=300.0, description="how long a process waits for the results of tool calls")
    interrupt_timeout: Wait = Field(default=1.0, description="longest wait for an interrupted turn to end")
    drain_timeout: Pause = Field(default=20.0, description="what running answers get at shutdown")
    stop_eof_timeout: Pause = Field(default=0.5, description="what a process gets to end by itself")
    stop_term_timeout: Pause = Field(default=2.0, description="what a process gets to end after SIGTERM")
    stop_kill_timeout: Pause = Field(default=2.0, description="how long a process is waited for after SIGKILL")

    state_folder: Folder = Field(description="what outlives a restart")
    runtime_folder: Folder = Field(description="what a running daemon needs")
    chats: Chats = Field(
        default="sqlite",
        description="what keeps chats: a database, or files, in state_folder; or the URL of a database",
    )

    log_level: LogLevel = Field(default="info", description="the least that is logged")
    log_format: LogFormat = Field(default="auto", description="auto is console on a terminal, else json")
    log_prompts: Switch = Field(default=False, description="log prompts and answers; for debugging only")
    keep_contents: Switch = Field(default=False, description="show admins what was said in recent requests, in memory")

    simulated_ttft: Pause = Field(default=0.3, description="demo: time to the first token")
    simulated_rate: Rate = Field(default=40.0, description="demo: tokens a second")


SECTIONS = {  # each begins with this setting
    "host": "listening",
    "cli": "the CLI and its models",
    "ollama_url": "other backends",
    "chat_model": "the chat service",
    "max_processes": "processes",
    "open_to_network": "access",
    "queue_timeout": "deadlines",
    "state_folder": "folders and stores",
    "log_level": "logs",
    "simulated_ttft": "simulation",
}
COMPUTED = {
    "origins": "none",
    "max_connections": "as many as the limit of open files leaves beside the processes",
    "cli": "the one on PATH, else the bundled one",
    "models": "the built-in catalogue",
    "fallback_model": "none: an unknown model is an error",
    "context_length": "none: the models' own",
    "pass_environment": "none",
    "ollama_url": "none",
    "ollama_key_file": "none",
    "chat_model": "default_model",
    "system_prompt_file": "system_prompt.txt in state_folder",
    "openweb_ui_url": "none",
    "max_processes": "4 a core, 8 to 64",
    "spares": "a quarter of max_processes, 1 to 4",
    "max_conversations": "half of max_processes",
    "trusted_proxies": "none",
    "tls_certificate": "none: plain HTTP",
    "tls_key": "none: plain HTTP",
    "max_requests": "max_queue and max_processes together",
    "max_dollars_a_day": "none",
    "state_folder": f"$STATE_DIRECTORY, else $XDG_STATE_HOME/{APPLICATION}, else ~/.local/state/{APPLICATION}",
    "runtime_folder": f"$RUNTIME_DIRECTORY, else $XDG_RUNTIME_DIR/{APPLICATION}, else run in state_folder",
}


def default_of(name: str) -> str:
    """The default of a setting, in words or as one would write it."""
    info = Settings.model_fields[name]
    if isinstance(info.default, bool):
        return "on" if info.default else "off"
    return COMPUTED.get(name) or _spelled(info.default, _kind(info).units)


def allowed_for(info: FieldInfo) -> str:
    """What a field takes, in words: the kind, then its bounds."""
    kind = _kind(info)
    bounds = (
        f"{word} {_spelled(getattr(part, key), kind.units)}"
        for key, word in {"gt": "more than", "ge": "at least", "le": "at most"}.items()
        for part in info.metadata
        if getattr(part, key, None) is not None
    )
    return ", ".join((kind.words, *bounds))


def _kind(info: FieldInfo) -> Takes:
    choices = _choices(info.annotation)
    fallback = Takes("|".join(choices), ", ".join(choices)) if choices else Takes("PATH", "a path")
    return next((part for part in info.metadata if isinstance(part, Takes)), fallback)


def _choices(kind: object) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else next(filter(None, map(_choices, get_args(kind))), ())


def _spelled(value: Any, units: Mapping[str, float]) -> str:
    exact = (f"{value / size:g}{unit}" for unit, size in units.items() if value >= size and value / size % 1 == 0)
    return next(exact, str(value) if isinstance(value, str) else f"{value:.15g}")


def add_flags(parser: argparse.ArgumentParser, only: Collection[str] = ()) -> None:
    """Adds ``--config`` and a flag for each setting but `models`, or for those of `only`.

    A flag that is not given stays None.
    """
    parser.add_argument("--config", metavar="PATH", help="settings file in TOML; else the first of the usual places")
    for name, info in Settings.model_fields.items():
        if only and name not in only:
            continue
        if name in SECTIONS:
            group = parser.add_argument_group(SECTIONS[name])
        if name != "models":
            text = f"{info.description} (default: {default_of(name)})".replace("%", "%%")
            switch: dict[str, Any] = {"nargs": "?", "const": "on"} if info.annotation is bool else {}
            group.add_argument(f"--{name.replace('_', '-')}", metavar=_kind(info).metavar, help=text, **switch)


def _bare(value: str) -> str:
    """Without blanks and quotes around it: env files may leave them there."""
    return value.strip().strip("\"'").strip()


def seconds_in(text: str) -> float:
    """The seconds of a duration as settings write them, such as ``90`` or ``1m30s``. Raises ValueError."""
    return TypeAdapter(Duration).validate_python(text)


def ollama_host(value: str) -> tuple[str, int]:
    """Host and port of an ``OLLAMA_HOST``, read as Ollama reads it: a bad port counts as none."""
    text = _bare(value)
    if text == "ollama.com":
        return text, 443
    scheme, rest = text.split("://", 1) if "://" in text else ("", text)
    default = {"http": 80, "https": 443}.get(scheme, DEFAULT_PORT)
    rest = rest.partition("/")[0]
    if match := re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([^:\[\]]*)", rest):
        host, port = match[1] or match[2] or "0.0.0.0", match[3]  # noqa: S104 - as Ollama: no host means all
    else:
        host, port = rest or DEFAULT_HOST, ""
        with contextlib.suppress(ValueError):
            host = str(ipaddress.ip_address(rest.strip("[]")))
    number = int(port) if re.fullmatch(r"[+-]?[0-9]{1,9}", port) else -1
    return host, number if 0 <= number <= 65535 else default


class _Given(NamedTuple):
    """A value, where it came from, and how it was written there."""

    value: object
    source: str
    written: object


def _not_a_setting(what: str, name: str, known: Iterable[str], spell: Callable[[str], str] = str) -> ConfigError:
    near = difflib.get_close_matches(name, list(known), n=1)
    return ConfigError(f"{what} is not a setting" + (f"; did you mean {spell(near[0])}?" if near else ""))


def _load_timeout(value: str) -> float:
    """The seconds of an ``OLLAMA_LOAD_TIMEOUT``; zero and less are without end there, which here is a week."""
    parts = re.findall(r"([\d.]+)([a-zµ]*)", value)
    seconds = sum(float(number) * SECONDS.get(unit, 1) for number, unit in parts)
    return WEEK if value.startswith("-") or seconds == 0 else min(seconds, WEEK)


def _number(name: str, least: int, most: int) -> Callable[[str], dict[str, object]]:
    """Reads a number for the setting `name`, brought within its bounds; what is none counts as not given."""
    return lambda value: {name: max(least, min(int(value), most))} if value.isdecimal() else {}


def _positive(name: str, least: int, most: int) -> Callable[[str], dict[str, object]]:
    read = _number(name, least, most)
    return lambda value: read(value) if value.strip("0") else {}  # 0 leaves it to the server


_OTHERS: Mapping[str, Callable[[str], dict[str, object]]] = {
    "OLLAMA_URL": lambda value: {"ollama_url": value},
    "OLLAMA_HOST": lambda value: dict(zip(("host", "port"), ollama_host(value), strict=True)),
    "OLLAMA_ORIGINS": lambda value: {"origins": value},
    "OLLAMA_MAX_QUEUE": _number("max_queue", 0, MOST_QUEUED),
    "OLLAMA_NUM_PARALLEL": _positive("max_processes", LEAST_PROCESSES, MOST_PROCESSES),
    "OLLAMA_CONTEXT_LENGTH": _positive("context_length", 1, 1 << 31),
    "OLLAMA_LOAD_TIMEOUT": lambda value: (
        {"boot_timeout": _load_timeout(value)} if OLLAMA_DURATION.fullmatch(value) else {}
    ),
    "OLLAMA_DEBUG": lambda value: {} if value.lower() in OLLAMA_FALSE else {"log_level": "debug"},
    "OLLAMA_DEBUG_LOG_REQUESTS": lambda value: {} if value.lower() in OLLAMA_FALSE else {"log_prompts": True},
    # What is no duration Ollama takes for 5m, too.
    "OLLAMA_KEEP_ALIVE": lambda value: {"keep_alive": value if OLLAMA_DURATION.fullmatch(value) else "5m"},
    "MODEL_NAME": lambda value: {"chat_model": value},
    "OPENWEB_UI_URL": lambda value: {"openweb_ui_url": value},
}
# The variables of Ollama, and of chat services and others that use one, and the settings that each gives.


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    ours = {PREFIX + name.upper(): name for name in (*Settings.model_fields, "config") if name != "models"}
    given: dict[str, _Given] = {}
    for variable in sorted(environ, reverse=True):  # OLLAMA_… first, so that CLAUDE_OLLAMA_… wins
        value, source = _bare(environ[variable]), f"environment variable {variable}"
        if variable.startswith(PREFIX) and variable not in ours:
            name = variable.removeprefix(PREFIX).lower()
            raise _not_a_setting(source, name, ours.values(), lambda near: PREFIX + near.upper())
        if value and variable in _OTHERS:
            given |= {name: _Given(read, source, value) for name, read in _OTHERS[variable](value).items()}
        elif value and variable in ours:
            given[ours[variable]] = _Given(value, source, value)
    given.pop("config", None)
    return given


def _own_folder(environ: Mapping[str, str], systemd: str, xdg: str, at_home: str) -> Path | None:
    """The daemon's folder: systemd's, else below the XDG variable's, else below the user's home if `at_home`."""
    if named := environ.get(systemd, "").partition(":")[0]:
        return Path(named)
    if Path(base := environ.get(xdg, "")).is_absolute():
        return Path(base) / APPLICATION
    home = environ.get("HOME")
    return Path(home) / at_home / APPLICATION if home and at_home else None


def _computed(environ: Mapping[str, str], cores: int) -> dict[str, _Given]:
    values = {
        "max_processes": max(8, min(64, 4 * cores)),
        "state_folder": _own_folder(environ, "STATE_DIRECTORY", "XDG_STATE_HOME", ".local/state"),
        "runtime_folder": _own_folder(environ, "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", ""),
    }
    return {name: _Given(value, "the defaults", value) for name, value in values.items() if value is not None}


def _of_backends(tables: object, path: Path) -> dict[str, object]:
    """What ``[backends.ollama]`` sets, by the names of settings: its ``url`` is `ollama_url`."""
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigError(f"backends in file {path}: tables such as [backends.ollama] are allowed")
    return {f"{name}_{key}": value for name, table in tables.items() for key, value in table.items()}


def _from_file(chosen: object, environ: Mapping[str, str], read_file: ReadFile) -> dict[str, _Given]:
    usual = [_own_folder(environ, "", "XDG_CONFIG_HOME", ".config"), Path("/etc") / APPLICATION]
    paths = [Path(str(chosen))] if chosen else [folder / "config.toml" for folder in usual if folder]
    for path in paths:
        try:
            values = tomllib.loads(read_file(path).decode())
        except OSError as error:
            if not chosen and isinstance(error, FileNotFoundError | NotADirectoryError):
                continue
            raise ConfigError(f"settings file {path}: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(f"settings file {path} is not TOML: {error}") from None
        values |= _of_backends(values.pop("backends", {}), path)
        for name in values:
            if name not in Settings.model_fields:
                raise _not_a_setting(f"{name} in file {path}", name, Settings.model_fields)
        return {name: _Given(value, f"file {path}", value) for name, value in values.items()}
    return {}


def _explained(error: ErrorDetails, given: Mapping[str, _Given]) -> str:
    """One line for one wrong value."""
    name, *rest = error["loc"]
    info = Settings.model_fields[str(name)]
    _, source, written = given.get(str(name)) or _Given(info.default, "the defaults", default_of(str(name)))
    where = f"{name} from {source}"
    if name == "models" and len(rest) > 1:
        where = f"models[{rest[0]}].{rest[1]} from {given['models'].source}"
        if error["type"] == "extra_forbidden":
            return str(_not_a_setting(where, str(rest[1]), ModelSettings.model_fields))
        info, written = ModelSettings.model_fields[str(rest[1])], error["input"]
    shown = "a value that is not shown here" if SECRET.search(str(written)) else repr(written)
    problem = "it is missing" if error["type"] == "missing" else f"{shown} is not allowed"
    return f"{where}: {problem}; allowed: {str(error.get('ctx', {}).get('error', '')) or allowed_for(info)}"


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], read_file: ReadFile = Path.read_bytes, cores: int = 0
) -> Settings:
    """The settings in force; `ConfigError` if any is wrong. `flags` are argparse's; None is not given, others ignored.

    `read_file` raises OSError as `Path.read_bytes` does; `cores` 0 means the machine's.
    """
    chosen = flags.get("config") or _bare(environ.get(f"{PREFIX}CONFIG", ""))
    given = _computed(environ, cores or os.cpu_count() or 1)
    given |= _from_file(chosen, environ, read_file) | _from_environment(environ)
    for name in Settings.model_fields:
        if (value := flags.get(name)) is not None:
            given[name] = _Given(value, f"flag --{name.replace('_', '-')}", value)
    if "state_folder" not in given:
        raise ConfigError("state_folder is not given, nor STATE_DIRECTORY, XDG_STATE_HOME or HOME; use --state-folder")
    beside = f"{given['state_folder'].value}/run"
    given.setdefault("runtime_folder", _Given(beside, given["state_folder"].source, beside))
    try:
        return Settings.model_validate({name: item.value for name, item in given.items()})
    except ValidationError as error:
        wrong = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
    raise ConfigError("\n".join(dict.fromkeys(_explained(detail, given) for detail in wrong)))
