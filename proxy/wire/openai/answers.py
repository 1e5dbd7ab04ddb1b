"""Answers in OpenAI's dialect: server-sent events, whole objects, error bodies."""

from collections.abc import Sequence

from proxy.core.errors import ServerError
from proxy.core.events import CallDelta, CallStarted, Event, Finished, FinishReason, TextDelta, ThinkingDelta, Usage
from proxy.core.reply import Reply
from proxy.core.request import ToolCall
from proxy.wire.jsontext import compact, dump, escape

DONE = b"data: [DONE]\n\n"

FINISH_REASONS: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "refusal": "content_filter",
    "tool_calls": "tool_calls",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
}
_ROLE = '"role":"assistant",'


def error_body(error: ServerError) -> bytes:
    """The body of an error before the first byte."""
    kind = _ERROR_TYPES.get(error.status, "api_error")
    return dump({"error": {"message": error.message, "type": kind, "param": None, "code": None}}) + b"\n"


class ChunkStream:
    """Encodes one answer of /v1/chat/completions. `created` is in seconds since the epoch, one for all chunks."""

    def __init__(self, id: str, created: int, model: str, *, include_usage: bool = False) -> None:
        self._id = id
        self._created = created
        self._model = model
        self._include_usage = include_usage
        self._head = f"data: {self._envelope('chat.completion.chunk')}"
        self._delta = f'{self._head}"choices":[{{"index":0,"delta":{{'
        self._role = _ROLE

    def encode(self, events: Sequence[Event]) -> bytes:
        """The chunks for a batch of events; `Started` and a call that is complete have none.

        After `Finished` comes ``data: [DONE]``.
        """
        delta, role = self._delta, self._role
        chunks = []
        for event in events:
            if isinstance(event, TextDelta):
                chunks.append(f'{delta}{role}"content":{escape(event.text)}}},"finish_reason":null}}]}}\n\n')
                role = ""
            elif isinstance(event, ThinkingDelta):
                chunks.append(
                    f'{delta}{role}"content":"","reasoning":{escape(event.text)}}},"finish_reason":null}}]}}\n\n'
                )
                role = ""
            elif isinstance(event, CallDelta):
                call = f'{{"index":{event.index},"function":{{"arguments":{escape(event.text)}}}}}'
                chunks.append(f'{delta}"tool_calls":[{call}]}},"finish_reason":null}}]}}\n\n')
            elif isinstance(event, CallStarted):
                call = f'{{"index":{event.index},"id":{escape(event.id)},{_function(event.name, "")}}}'
                chunks.append(f'{delta}{role}"content":"","tool_calls":[{call}]}},"finish_reason":null}}]}}\n\n')
                role = ""
            elif isinstance(event, Finished):
                chunks.append(self._end(event, role))
        self._role = role
        return "".join(chunks).encode("ascii")

    def error(self, error: ServerError) -> bytes:
        """The end of a stream that fails after its first byte.

        The official clients raise on a ``data`` object with `error` and read no further. `[DONE]` still follows, for
        clients that wait for it; no `finish_reason` was sent, so the answer does not pass for a complete one.
        """
        return b"data: " + error_body(error).rstrip() + b"\n\n" + DONE

    def whole(self, reply: Reply) -> bytes:
        """The one object of a non-streamed answer."""
        reasoning = f',"reasoning":{escape(reply.thinking)}' if reply.thinking else ""
        calls = ",".join(_call(call, index) for index, call in enumerate(reply.calls))
        tool_calls = f',"tool_calls":[{calls}]' if calls else ""
        text = (
            f'{self._envelope("chat.completion")}"choices":[{{"index":0,"message":{{{_ROLE}'
            f'"content":{escape(reply.text)}{reasoning}{tool_calls}}},'
            f'"finish_reason":"{FINISH_REASONS[reply.finished.reason]}"}}],"usage":{usage_object(reply.finished.usage)}}}\n'
        )
        return text.encode("ascii")

    def _envelope(self, kind: str) -> str:
        """What stands before `choices` in every object."""
        return (
            f'{{"id":{escape(self._id)},"object":"{kind}","created":{self._created},"model":{escape(self._model)},'
            f'"system_fingerprint":"fp_ollama",'
        )

    def _end(self, finished: Finished, role: str) -> str:
        empty = f'{self._delta}{role}"content":""}},"finish_reason":null}}]}}\n\n' if role else ""
        reason = f'{self._delta}}},"finish_reason":"{FINISH_REASONS[finished.reason]}"}}]}}\n\n'
        usage = f'{self._head}"choices":[],"usage":{usage_object(finished.usage)}}}\n\n' if self._include_usage else ""
        return f"{empty}{reason}{usage}{DONE.decode('ascii')}"


def _call(call: ToolCall, index: int) -> str:
    return f'{{"id":{escape(call.id)},"index":{index},{_function(call.name, compact(call.arguments))}}}'


def _function(name: str, arguments: str) -> str:
    """The end of a call; `arguments` is JSON text, or the start of it."""
    return f'"type":"function","function":{{"name":{escape(name)},"arguments":{escape(arguments)}}}'


def usage_object(usage: Usage) -> str:
    """The `usage` of an answer."""
    prompt, completion = usage.prompt_tokens, usage.output_tokens
    return f'{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{prompt + completion}}}'
