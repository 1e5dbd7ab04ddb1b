"""Every route that there is: a table for each dialect."""

from collections.abc import Callable, Sequence

import anyio
from starlette.routing import Route

from proxy.api.admin import AdminRoutes
from proxy.api.anthropic import AnthropicRoutes
from proxy.api.chat import ChatRoutes, ChatService
from proxy.api.dashboard import DashboardRoutes
from proxy.api.desk import Desk, Options
from proxy.api.embeddings import EmbeddingRoutes
from proxy.api.health import HealthRoutes, Missing
from proxy.api.library import LibraryRoutes
from proxy.api.ollama import OllamaRoutes
from proxy.api.openai import OpenAIRoutes
from proxy.api.openapi import DescriptionRoutes
from proxy.api.page import Status
from proxy.engine import Engine
from proxy.observe.observer import Observer


def make_routes(
    engine: Engine,
    options: Options,
    status: Callable[[], Status],
    discovered: anyio.Event,
    missing: Missing = dict,
    *,
    chats: ChatService,
    observer: Observer | None = None,
    pages: Sequence[Route] = (),
) -> list[Route]:
    """The routes of a daemon: `engine` answers, `status` is what its page shows, `discovered` is set once the CLI has
    told which models it knows, `missing` tells what keeps it from answering; `chats` is what the chat service needs,
    and `observer` what saw the requests. The `pages` are served beside them."""
    desk = Desk(engine, options, discovered)
    routes = [
        *OllamaRoutes(desk, status).routes(),
        *LibraryRoutes(desk).routes(),
        *OpenAIRoutes(desk).routes(),
        *AnthropicRoutes(desk).routes(),
        *ChatRoutes(desk, chats).routes(),
        *EmbeddingRoutes(desk).routes(),
        *HealthRoutes(missing).routes(),
        *AdminRoutes(desk).routes(),
        *DashboardRoutes(desk, observer or Observer(), status, contents=options.contents).routes(),
        *pages,
    ]
    return [*routes, *DescriptionRoutes(routes).routes()]
