"""What answers beside Claude's models, as far as the settings have it: an Ollama server behind this one, and a model
for embeddings that runs in this process."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from config import ConfigError, Settings
from proxy.backends.minilm.embedder import MiniLM
from proxy.backends.minilm.place import WEIGHTS, find_model
from proxy.backends.ollama.listings import Found
from proxy.catalog.models import Catalog
from proxy.core.contracts import Backend, Embedder, OnSpent
from proxy.core.deadlines import Deadlines
from proxy.parts import MINILM, OLLAMA, deadlines, embedding_model, upstream_model

if TYPE_CHECKING:
    from proxy.backends.ollama.backend import OllamaBackend
    from proxy.backends.ollama.roster import Roster

log = structlog.get_logger()

KEY_VARIABLE = "OLLAMA_API_KEY"
"""The variable in which Ollama's own clients look for a key."""


@dataclass(slots=True)
class Others:
    """The backends and embedders by their names, for the engine."""

    backends: dict[str, Backend] = field(default_factory=dict)
    embedders: dict[str, Embedder] = field(default_factory=dict)
    ollama: "OllamaBackend | None" = None
    roster: "Roster | None" = None

    async def keep_up(self) -> None:
        """Keep the servers' models known, until cancelled."""
        if self.roster is not None:
            await self.roster.run()

    async def look_again(self) -> bool:
        """Have the servers' models looked up once more; whether there are other ones now."""
        return self.roster is not None and await self.roster.look_again()

    def limit(self, deadlines: Deadlines) -> None:
        """Hold what begins from now on to `deadlines`."""
        if self.ollama is not None:
            self.ollama.limit(deadlines)


@asynccontextmanager
async def open_others(
    settings: Settings, environ: Mapping[str, str], catalog: Catalog, on_spent: OnSpent
) -> AsyncIterator[Others]:
    """The others, whose models come to be known in the background. Raises `ConfigError` for a key that is none."""
    others = Others()
    async with AsyncExitStack() as stack:
        if settings.local_embeddings:
            _open_local(catalog, others)
        if settings.ollama_url is not None:
            await _open_ollama(settings, environ, catalog, on_spent, others, stack)
        yield others


def _open_local(catalog: Catalog, others: Others) -> None:
    folder = find_model()
    if folder is not None:
        model = embedding_model((folder / WEIGHTS).stat().st_size)
        log.info("local_embeddings", model=model.name)
        others.embedders[MINILM] = MiniLM(folder)
        catalog.adopt(MINILM, [model])


async def _open_ollama(
    settings: Settings,
    environ: Mapping[str, str],
    catalog: Catalog,
    on_spent: OnSpent,
    others: Others,
    stack: AsyncExitStack,
) -> None:
    from proxy.backends.ollama.backend import OllamaBackend  # an HTTP client takes a while, and most have no server
    from proxy.backends.ollama.client import Client
    from proxy.backends.ollama.roster import Roster

    assert settings.ollama_url is not None
    key = read_key(settings.ollama_key_file, environ)
    log.info("upstream", url=settings.ollama_url, key="given" if key else "none")

    def adopt(models: Sequence[Found]) -> None:
        catalog.adopt(OLLAMA, map(upstream_model, models))
        log.info("upstream_models", names=[model.name for model in models])

    client = await stack.enter_async_context(Client(settings.ollama_url, key))
    others.ollama = OllamaBackend(client, deadlines(settings), on_spent)
    others.roster = Roster(client, adopt)
    others.backends[OLLAMA] = others.embedders[OLLAMA] = others.ollama


def read_key(file: Path | None, environ: Mapping[str, str]) -> str | None:
    """The key for the Ollama server: what the file holds, else the variable. Raises `ConfigError`."""
    if file is None:
        source, key = KEY_VARIABLE, environ.get(KEY_VARIABLE, "").strip()
    else:
        source = f"ollama_key_file {file}"
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"{source} cannot be read: {getattr(error, 'strerror', None) or 'no text'}") from None
    if not key.isascii() or not key.replace(" ", "").isprintable():
        raise ConfigError(f"{source} does not hold a key: one line of ASCII is expected")
    return key or None
