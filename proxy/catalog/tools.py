"""What of a request's tools a model is offered, and whether it has to call one."""

from dataclasses import dataclass

from proxy.catalog.models import Model
from proxy.catalog.window import total
from proxy.core.contracts import Abilities
from proxy.core.errors import BackendFailed, InvalidRequest, PromptTooLong
from proxy.core.names import unsupported_text
from proxy.core.request import ChatRequest, Tool, ToolChoice
from proxy.shape.toolschema import declarable, stubs


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools as the API takes them, and what the model may do with them; `tokens` is about how long they are."""

    tools: tuple[Tool, ...]
    choice: ToolChoice
    tokens: int

    @property
    def forced(self) -> bool:
        """Whether the model has to call a tool."""
        return self.choice.mode in ("required", "named")


def offer(request: ChatRequest, model: Model, abilities: Abilities) -> Offer:
    """The tools of `request`. Without any, those that its conversation calls: the API wants to know of them.

    Raises `InvalidRequest` for a model without tools and for tools that cannot be declared, `PromptTooLong` for more
    than the model's window holds, `BackendFailed` for a backend that takes none.
    """
    if request.tools and "tools" not in model.capabilities:
        raise InvalidRequest(unsupported_text(request.model, "tools"))
    tools = request.tools or stubs(request.messages)
    if not tools:
        return Offer((), ToolChoice(), 0)
    if not abilities.tools:
        raise BackendFailed(
            "this Claude CLI does not take a client's tools: `claude-ollama-server doctor` tells what is wrong",
            fault="operator",
            should_retry=False,
        )
    tokens = total(tools)
    if tokens > model.context_length:
        numbers = f"about {tokens} tokens, {model.context_length} fit"
        raise PromptTooLong(f"the tools alone exceed the context length: {numbers}", should_retry=False)
    choice = request.tool_choice if request.tools else ToolChoice("none")
    declared = declarable(tools) if request.tools else tools
    return Offer(declared, choice if abilities.options else ToolChoice(), tokens)
