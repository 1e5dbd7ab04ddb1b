"""What becomes of a request for a model that takes requests as they are: it is only looked at.

What is asked for and the protocol behind has no word for is refused where the answer would be another one, else named.
"""

from proxy.catalog.fit import Fitted
from proxy.catalog.models import Model
from proxy.core.contracts import Target
from proxy.core.errors import InvalidRequest
from proxy.core.names import thoughtless_text, unsupported_text
from proxy.core.request import ChatRequest, Document, Image, ToolResult


def pass_on(request: ChatRequest, model: Model) -> Fitted:
    """`request` as it is, on a target that names the model.

    Raises `InvalidRequest` for thinking, pictures or tools that the model does not have, and for documents.
    """
    if request.think and "thinking" not in model.capabilities:
        raise InvalidRequest(thoughtless_text(request.model))
    if request.tools and "tools" not in model.capabilities:
        raise InvalidRequest(unsupported_text(request.model, "tools"))
    parts = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    if any(isinstance(part, Document) for part in parts):
        raise InvalidRequest(f'"{request.model}" does not support documents')
    if "vision" not in model.capabilities and any(isinstance(part, Image) for part in parts):
        raise InvalidRequest(f'"{request.model}" does not support images')
    return Fitted(
        request,
        Target(model.backend_model, tools=request.tools, tool_choice=request.tool_choice),
        _unheard(request),
        honoured=frozenset(request.options.others),
    )


def _unheard(request: ChatRequest) -> tuple[str, ...]:
    """The names of what can only be hoped for: tools are offered, or not, and an effort is a word."""
    choice = request.tool_choice
    asks_more = choice.mode in ("required", "named") or not choice.parallel
    return ("tool_choice",) if request.tools and asks_more else ()
