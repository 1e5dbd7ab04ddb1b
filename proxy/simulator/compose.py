"""A request becomes the script of its answer: the default answer or a directive's, with thinking, within the limits."""

import re
from dataclasses import replace

from proxy.simulator.answers import READ_LENGTH, answer, numbered_words
from proxy.simulator.body import Body, conversation, last_user_text
from proxy.simulator.directives import Directive, without_directive
from proxy.simulator.models import Model
from proxy.simulator.recall import quote
from proxy.simulator.script import AnswerBlock, Script, StopReason, Text, Thinking, ToolUse
from proxy.simulator.scripted import scripted
from proxy.simulator.tokens import BYTES_PER_TOKEN, count_answer

DEFAULT_THOUGHTS = 40

_ASKED_TO_THINK = re.compile(r"\bthink\b|step by step", re.IGNORECASE)


def compose(body: Body, model: Model, directive: Directive | None) -> Script:
    """The script for a request that the rules accept. Raises `ApiError` when the directive asks for an error."""
    text = without_directive(last_user_text(body), directive)
    script = Script(answer(body, text)) if directive is None else scripted(directive, body, text)
    if any(isinstance(block, ToolUse) for block in script.blocks):
        script = replace(script, stop_reason="tool_use")
    if directive is not None:
        script = replace(
            script,
            words_per_delta=max(
                1, directive.option("deltas", directive.number(1) if directive.kind == "deltas" else 1)
            ),
            ttft=directive.seconds("ttft"),
            rate=directive.seconds("rate"),
        )
    if thoughts := _thoughts(body, model, directive, text):
        script = replace(script, blocks=(thoughts, *script.blocks))
    return _within_max_tokens(_until_stop_sequence(script, body), body["max_tokens"])


def _thoughts(body: Body, model: Model, directive: Directive | None, text: str) -> Thinking | None:
    """The thinking before the answer, when the request allows it and something asks for it."""
    thinking = body.get("thinking") or {"type": "adaptive" if model.thinks_unasked else "disabled"}
    if thinking["type"] == "disabled" or (thinking["type"] == "enabled" and _resumes_without_thinking(body)):
        return None
    display = thinking.get("display") or ("summarized" if model.shows_thinking else "omitted")
    shown = display != "omitted"
    if directive is not None and (directive.kind == "think" or "think" in directive.options):
        count = directive.number(DEFAULT_THOUGHTS) if directive.kind == "think" else directive.option("think", 0)
        return Thinking(numbered_words(count).replace("word", "thought"), shown)
    effort = (body.get("output_config") or {}).get("effort")
    asked = thinking["type"] == "enabled" or thinking.get("display") == "summarized" or effort in ("xhigh", "max")
    if asked or _ASKED_TO_THINK.search(text[:READ_LENGTH]):
        subject = quote(text) if text else "the tool's result"
        return Thinking(f"Simulated thinking about {subject}. An answer needs no more than that.", shown)
    return None


def _resumes_without_thinking(body: Body) -> bool:
    """Whether the request goes on after a tool call that has no thinking before it: then the API thinks no more."""
    spoken = [m["content"] for m in conversation(body) if m["role"] == "assistant"]
    if not spoken or not any(block.get("type") == "tool_use" for block in spoken[-1]):
        return False
    return spoken[-1][0].get("type") not in ("thinking", "redacted_thinking")


def _until_stop_sequence(script: Script, body: Body) -> Script:
    """End the text before the first stop sequence in it."""
    blocks: list[AnswerBlock] = []
    for block in script.blocks:
        if isinstance(block, Text):
            found = [(block.text.find(stop), stop) for stop in body.get("stop_sequences") or () if stop in block.text]
            if found:
                at, stop = min(found)
                blocks += [Text(block.text[:at])] if at else []
                return replace(script, blocks=tuple(blocks), stop_reason="stop_sequence", stop_sequence=stop)
        blocks.append(block)
    return script


def _within_max_tokens(script: Script, limit: int) -> Script:
    """Cut the answer off at `max_tokens`."""
    if count_answer(script) <= limit:
        return script
    blocks: list[AnswerBlock] = []
    left = limit
    for block in script.blocks:
        size = count_answer(Script((block,)))
        if size <= left:
            blocks.append(block)
            left -= size
            continue
        if isinstance(block, ToolUse):
            blocks += [replace(block, broken=True)] if left else []
        elif left:
            blocks.append(replace(block, text=_cut(block.text, left)))
        break
    stop: StopReason = "max_tokens"
    return replace(script, blocks=tuple(blocks), stop_reason=stop)


def _cut(text: str, tokens: int) -> str:
    return text.encode(errors="surrogatepass")[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")
