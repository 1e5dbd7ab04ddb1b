"""What each part is given of the settings: small values of its own. Pure, but for the limit of open files."""

import hashlib
import resource
from dataclasses import replace
from datetime import UTC, datetime

from config import ModelSettings, Settings
from proxy.api.protocol import Bounds
from proxy.backends.claude_cli.account import CliModel
from proxy.backends.claude_cli.launcher import LaunchLimits
from proxy.backends.claude_cli.plan import Limits
from proxy.backends.claude_cli.pool import PoolLimits
from proxy.backends.claude_cli.process import StopTimes
from proxy.backends.ollama.listings import Found
from proxy.catalog.models import Model, valid_name
from proxy.chats.prompt import SystemPrompt
from proxy.core.contracts import Backend
from proxy.core.deadlines import Deadlines
from proxy.core.listing import Listing
from proxy.core.request import Think
from proxy.observe.contents import ContentKeeper
from proxy.observe.prompts import PromptLog

OLLAMA = "ollama"
"""The backend of a real Ollama server's models, and the prefix under which they are always found."""

MINILM = "minilm"
"""The same for the model for embeddings that runs in this process."""

_MINILM_WINDOW = 256
_MINILM_SINCE = datetime(2021, 8, 30, tzinfo=UTC)
# Tokens that it sees, and when it came out.

OF_A_PROCESS = frozenset({"cli_retries", "pass_environment", "max_line"})
"""Settings that a process is started with: it is replaced for them, when it is idle."""

RELOADED = OF_A_PROCESS | {
    *("origins", "openweb_ui_url", "chat_model", "keep_dialect_chats"),
    *("max_body", "write_timeout", "log_level", "log_format"),
    *("models", "default_model", "fallback_model", "default_think", "host_tools"),
    *("max_processes", "spares", "max_conversations", "keep_alive", "max_queue", "max_turns_per_process"),
    *("idle_process_timeout", "reuse_patience", "queue_timeout", "boot_timeout", "first_event_timeout"),
    *("idle_timeout", "total_timeout", "result_timeout", "interrupt_timeout", "drain_timeout"),
    *("stop_eof_timeout", "stop_term_timeout", "stop_kill_timeout"),
    *("max_requests", "max_dollars_a_day", "trusted_proxies"),
}
"""The settings that a reload applies; all others need a restart."""

_BOOTS_AT_ONCE = 2
# Processes that boot at the same time while requests wait: each takes most of a core for most of a second.

_LARGE_WINDOW = 1_000_000
# Tokens: what the CLI calls a window of 1m.

_SETTLE_EXTRA = 1.0
# Seconds for taking a turn back out of a process, after its interrupt.

_FILES_OF_OUR_OWN, _FILES_OF_A_PROCESS = 64, 5
# Open files that connections must leave: for the log, the folders and the libraries; for the pipes of a process.

_FEWEST_CONNECTIONS, _MANY_FILES = 16, 1 << 16


def configured_models(settings: Settings) -> list[Model]:
    """The models of the settings, none with a larger window than they allow."""
    return [_bounded(_configured(model), settings) for model in settings.models]


def _bounded(model: Model, settings: Settings) -> Model:
    if settings.context_length is None:
        return model
    return replace(model, context_length=min(model.context_length, settings.context_length))


def default_think(settings: Settings) -> Think:
    """How much models think when a request does not say."""
    match settings.default_think:
        case "off" | "on" as switch:
            return switch == "on"
        case level:
            return level


def launch_limits(settings: Settings) -> LaunchLimits:
    """How long launching and ending a process may take, and how long its lines may be."""
    stop = StopTimes(settings.stop_eof_timeout, settings.stop_term_timeout, settings.stop_kill_timeout)
    return LaunchLimits(boot=settings.boot_timeout, line=settings.max_line, stop=stop)


def pool_limits(settings: Settings) -> PoolLimits:
    """How many processes there may be, for whom, and for how long."""
    return PoolLimits(
        plan=Limits(
            settings.spares,
            settings.max_processes,
            _BOOTS_AT_ONCE,
            settings.max_conversations,
            stateless=settings.stateless_turns,
            patience=settings.reuse_patience,
        ),
        queue=settings.max_queue,
        queue_timeout=settings.queue_timeout,
        requests=settings.max_turns_per_process,
        idle_timeout=settings.idle_process_timeout,
        result_timeout=settings.result_timeout,
        settle_timeout=settings.interrupt_timeout + _SETTLE_EXTRA,
    )


def deadlines(settings: Settings) -> Deadlines:
    """How long a turn may take, and its parts."""
    return Deadlines(first_event=settings.first_event_timeout, idle=settings.idle_timeout, total=settings.total_timeout)


def _configured(model: ModelSettings) -> Model:
    return Model(
        name=model.name,
        backend_model=model.cli_model,
        display_name=model.display_name or model.name,
        # The CLI's own spelling for a window that these models have anyway.
        aliases=(f"{model.cli_model}[1m]",) if model.context_length >= _LARGE_WINDOW else (),
        context_length=model.context_length,
        max_output_tokens=model.max_output_tokens,
        capabilities=model.capabilities,
        options=model.options,
        thinking=model.thinking,
        thinking_off=model.thinking_off,
        effort_levels=model.effort_levels,
        prefill=model.prefill,
        structured_output=model.structured_output,
        middle_system=model.middle_system,
        builtin_tools=model.builtin_tools,
    )


def reported_model(model: CliModel, settings: Settings) -> Model:
    """A model that the CLI reports.

    It does not say how long a conversation may be, so the smallest window of any current model is promised; nor how
    thinking that is not adaptive would be asked for.
    """
    found = Model(
        name=valid_name(model.alias),
        backend_model=model.alias,
        display_name=model.display_name,
        capabilities=("completion", "tools", "vision"),
        options=frozenset({"stop", "num_predict"}),
        aliases=(model.model,),
        thinking="adaptive" if model.adaptive_thinking else "none",
        thinking_off=model.thinking_can_be_off,
        effort_levels=model.effort_levels,
    )
    return _bounded(found, settings)


def system_prompt(settings: Settings) -> SystemPrompt:
    """What kept chats start with."""
    return SystemPrompt(settings.system_prompt_file or settings.state_folder / "system_prompt.txt")


def page_origins(settings: Settings) -> tuple[str, ...]:
    """The web pages that may use the API, beside those of this machine."""
    return (*settings.origins, *filter(None, (settings.openweb_ui_url,)))


def upstream_model(found: Found) -> Model:
    """A model of the Ollama server behind this one."""
    return Model(
        name=found.name.removesuffix(":latest"),
        backend_model=found.name,
        display_name=found.name,
        context_length=found.context_length,
        max_output_tokens=found.context_length,
        capabilities=found.capabilities,
        thinking="adaptive" if "thinking" in found.capabilities else "none",
        thinking_off=True,
        backend=OLLAMA,
        as_asked=True,
        listing=found.listing,
    )


def embedding_model(size: int) -> Model:
    """The model for embeddings that runs in this process; its weights have that many bytes."""
    details = {
        "parent_model": "",
        "format": "safetensors",
        "family": "bert",
        "families": ["bert"],
        "parameter_size": "23M",
        "quantization_level": "F32",
    }
    info = {
        "bert.context_length": _MINILM_WINDOW,
        "bert.embedding_length": 384,
        "general.architecture": "bert",
        "general.basename": "all-MiniLM-L6-v2",
    }
    name = "all-minilm"
    licence = "all-MiniLM-L6-v2, Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0"
    shown = {"license": licence, "modelfile": f"FROM {name}\n", "details": details, "model_info": info}
    digest = hashlib.sha256(f"{name} {size}".encode()).hexdigest()
    return Model(
        name=name,
        backend_model=name,
        display_name="all-MiniLM-L6-v2",
        aliases=("all-minilm:l6-v2", "all-minilm-l6-v2"),
        context_length=_MINILM_WINDOW,
        max_output_tokens=_MINILM_WINDOW,
        capabilities=("embedding",),
        backend=MINILM,
        as_asked=True,
        listing=Listing(size, digest, _MINILM_SINCE, details, shown),
    )


def shown_limits(settings: Settings) -> dict[str, int]:
    """The most that there may be of something, for those who look."""
    names = ("max_processes", "spares", "max_conversations", "max_queue")
    return {name: getattr(settings, name) for name in names}


def overheard(backend: Backend, settings: Settings) -> Backend:
    """`backend`, with whoever listens to what is said: the log, the inspector, mostly nobody."""
    if settings.log_prompts:
        backend = PromptLog(backend)
    return PromptLog(backend, ContentKeeper()) if settings.keep_contents else backend


def client_bounds(settings: Settings) -> Bounds:
    """What clients may take up: with too many connections no process could be started any more."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = _MANY_FILES
    room = files - _FILES_OF_OUR_OWN - _FILES_OF_A_PROCESS * settings.max_processes
    connections = settings.max_connections or max(_FEWEST_CONNECTIONS, room)
    return Bounds(settings.request_timeout, settings.write_timeout, connections)
