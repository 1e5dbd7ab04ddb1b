"""The routes of Anthropic's dialect."""

from dataclasses import replace
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.api.desk import PLAIN_JSON, SSE, UNCACHED, Answer, Desk, Manners
from proxy.catalog.window import total
from proxy.wire import anthropic

_MANNERS = Manners(anthropic.error_body, PLAIN_JSON, SSE, anthropic.SPELLINGS, UNCACHED)


class AnthropicRoutes:
    """Answers in Anthropic's dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The route table."""
        return self._desk.routes(
            _MANNERS,
            [
                ("POST", "/v1/messages", self.messages),
                ("POST", "/v1/messages/count_tokens", self.count_tokens),
            ],
        )

    async def messages(self, request: Request) -> Answer:
        call = self._fitting(await self._desk.asked(request, anthropic.parse_messages))
        return self._desk.turn(request, call, anthropic.MessageStream(f"msg_{uuid4().hex[:24]}", call.model), _MANNERS)

    async def count_tokens(self, request: Request) -> Response:
        asked = self._desk.engine.dressed((await self._desk.asked(request, anthropic.parse_count_tokens)).request)
        tokens = total(asked.messages) + total(asked.tools)
        return Response(anthropic.count_body(tokens), media_type=PLAIN_JSON)

    def _fitting(self, call: anthropic.AnthropicMessages) -> anthropic.AnthropicMessages:
        """The call without the thinking that its model does not have: this dialect alone forgives that."""
        asked = call.request
        if not asked.think or self._desk.engine.find(asked.model).thinking != "none":
            return call
        request = replace(asked, think=None, think_budget=None)
        return replace(call, request=request, unsupported=(*call.unsupported, anthropic.SPELLINGS["think"]))
