"""One question over the operator's own login, to see an answer come back."""

import time
from collections.abc import Mapping

from config import Settings
from proxy.app import open_daemon
from proxy.core.errors import ServerError
from proxy.core.events import Event
from proxy.core.reply import Reply, fold
from proxy.core.request import ChatRequest, Message, Options, Text
from proxy.engine import Engine
from proxy.observe.log import configure_log

_QUESTION = "Reply with the one word: yes"

_MOST_TOKENS = 200
# Of the answer. A model that always thinks takes some of them for that.


async def ask_once(settings: Settings, environ: Mapping[str, str]) -> str:
    """Ask the default model one short question, and print what came of it; returns what went wrong, or nothing."""
    name = settings.default_model
    print("\nA TEST TURN")
    print(f"asks {name} one short question over your own login: this costs tokens, a few hundred at most", flush=True)
    configure_log("error", settings.log_format)
    # What was just found out about the CLI is not asked again.
    alone = settings.model_copy(update={"spares": 0, "probe": False})
    started = time.monotonic()
    async with open_daemon(alone, environ) as daemon:
        await daemon.discovered.wait()
        try:
            reply = await _answer(daemon.engine, name)
        except ServerError as error:
            return error.message
    usage, seconds = reply.finished.usage, time.monotonic() - started
    print(f"it answered {reply.text[:60]!r} after {seconds:.1f} s, with the start of the CLI")
    print(f"it took {usage.prompt_tokens} tokens of prompt and {usage.output_tokens} of answer")
    return ""


async def _answer(engine: Engine, model: str) -> Reply:
    message = Message("user", (Text(_QUESTION),))
    fitted = engine.fit(ChatRequest(model, (message,), options=Options(max_tokens=_MOST_TOKENS)))
    events: list[Event] = []
    async with engine.open(fitted) as turn:
        async for batch in turn:
            events += batch
    return fold(events)
