"""Every route that there is: a table for each dialect."""

from collections.abc import Callable, Sequence

import anyio
from starlette.routing import Route

from proxy.api.admin import AdminRoutes
from proxy.api.anthropic import AnthropicRoutes
from proxy.api.desk import Desk, Options
from proxy.api.embeddings import EmbeddingRoutes
from proxy.api.health import HealthRoutes, Missing
from proxy.api.library import LibraryRoutes
from proxy.api.ollama import OllamaRoutes
from proxy.api.openai import OpenAIRoutes
from proxy.api.openapi import DescriptionRoutes
from proxy.api.page import Status
from proxy.engine import Engine


def make_routes(
    engine: Engine,
    options: Options,
    status: Callable[[], Status],
    discovered: anyio.Event,
    missing: Missing = dict,
    pages: Sequence[Route] = (),
) -> list[Route]:
    """The routes of a daemon: `engine` answers, `status` is what its page shows, `discovered` is set once the CLI has
    told which models it knows, `missing` tells what keeps it from answering. The `pages` are served beside them."""
    desk = Desk(engine, options, discovered)
    routes = [
        *OllamaRoutes(desk, status).routes(),
        *LibraryRoutes(desk).routes(),
        *OpenAIRoutes(desk).routes(),
        *AnthropicRoutes(desk).routes(),
        *EmbeddingRoutes(desk).routes(),
        *HealthRoutes(missing).routes(),
        *AdminRoutes(desk).routes(),
        *pages,
    ]
    return [*routes, *DescriptionRoutes(routes).routes()]
