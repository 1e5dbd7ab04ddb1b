"""Roles and their order, empty content, prefill, tool calls and their results."""

from typing import Any

from proxy.simulator.body import Block, Body, blocks_of, conversation
from proxy.simulator.errors import invalid
from proxy.simulator.models import Model
from proxy.simulator.rules.blocks import check_content
from proxy.simulator.rules.fields import one_of, only, take, typed

MAX_MESSAGES = 100_000


def check_messages(body: Body, model: Model) -> None:
    """The conversation and the system prompt."""
    messages = take(body, "messages", list)
    if not messages:
        raise invalid("messages: at least one message is required")
    if len(messages) > MAX_MESSAGES:
        raise invalid(f"messages: at most {MAX_MESSAGES} messages are allowed")
    for index, message in enumerate(messages):
        _message(typed(message, dict, f"messages.{index}"), f"messages.{index}", model)
    if messages[0]["role"] != "user":
        raise invalid('messages: first message must use the "user" role')
    _empty(messages)
    _system_messages(messages)
    _prefill(messages, model)
    _tool_pairs(conversation(body))
    _system_prompt(body.get("system", ""))


def _message(message: dict[str, Any], where: str, model: Model) -> None:
    role = take(message, "role", str, f"{where}.")
    if role == "system":
        _system_message(message, where, model)
        return
    one_of(role, ("user", "assistant"), f"{where}.role")
    only(message, ("role", "content"), f"{where}.")
    if message.get("content") is None:
        raise invalid(f"{where}.content: Field required")
    check_content(message["content"], role, f"{where}.content")


def _system_message(message: dict[str, Any], where: str, model: Model) -> None:
    if not model.system_messages:
        raise invalid("role 'system' is not supported on this model")
    only(message, ("role", "content", "output_config", "clear_at"), f"{where}.")
    content = message.get("content") or []
    check_content(content, "system", f"{where}.content")
    config = message.get("output_config")
    if config is None:
        if not content:
            raise invalid(f"{where}: a system message needs content or output_config")
        return
    if not model.turn_effort:
        raise invalid(f"{where}.output_config: Extra inputs are not permitted")
    only(typed(config, dict, f"{where}.output_config"), ("effort", "timing"), f"{where}.output_config.")
    if config.get("effort") is not None:
        one_of(config["effort"], model.efforts, f"{where}.output_config.effort")


def _empty(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        last = index == len(messages) - 1
        if message["role"] != "system" and not message["content"] and not (last and message["role"] == "assistant"):
            raise invalid(
                f"messages.{index}: all messages must have non-empty content "
                "except for the optional final assistant message"
            )


def _system_messages(messages: list[dict[str, Any]]) -> None:
    """A system message with content stands between the user's turn and the assistant's answer, or last.

    Rule: platform.claude.com docs, "Mid-conversation system messages". Words: github.com/anthropics/claude-code,
    issue 73821. What only sets the effort may stand anywhere: so the CLI sends it.
    """
    spoken = [(index, m["role"]) for index, m in enumerate(messages) if m["role"] != "system" or m.get("content")]
    roles = [role for _, role in spoken]
    for (index, role), before, after in zip(spoken[1:], roles, [*roles[2:], "assistant"], strict=False):
        if role != "system":
            continue
        if before != "user":
            raise invalid(f"messages.{index}: role 'system' must follow a 'user' message")
        if after != "assistant":
            raise invalid(f"messages.{index}: role 'system' must precede an 'assistant' message or end the array")


def _prefill(messages: list[dict[str, Any]], model: Model) -> None:
    last = messages[-1]
    if last["role"] != "assistant":
        return
    if not model.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    blocks = blocks_of(last["content"])
    if blocks and blocks[-1]["type"] == "text" and blocks[-1]["text"] != blocks[-1]["text"].rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _tool_pairs(turns: list[Block]) -> None:
    """Every call has its result at the start of the next turn, every result its call in the turn before."""
    known: set[str] = set()
    for index, turn in enumerate(turns):
        calls = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        for call in calls:
            if call in known:
                raise invalid("messages: `tool_use` ids must be unique")
            known.add(call)
        before = turns[index - 1]["content"] if index else []
        _results_match(turn, [block["id"] for block in before if block["type"] == "tool_use"], index)
        if calls:
            _calls_answered(calls, turns[index + 1]["content"] if index + 1 < len(turns) else [], index)


def _results_match(turn: Block, calls: list[str], index: int) -> None:
    seen: set[str] = set()
    for at, block in enumerate(turn["content"]):
        if block["type"] != "tool_result":
            continue
        where = f"messages.{index}.content.{at}"
        call = block["tool_use_id"]
        if call not in calls:
            raise invalid(
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {call}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        if call in seen:
            raise invalid(f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks")
        seen.add(call)


def _calls_answered(calls: list[str], following: list[Block], index: int) -> None:
    answered = set()
    for block in following:
        if block["type"] != "tool_result":
            break
        answered.add(block["tool_use_id"])
    if missing := [call for call in calls if call not in answered]:
        raise invalid(
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        )


def _system_prompt(system: object) -> None:
    if isinstance(system, str):
        return
    for index, block in enumerate(typed(system, list, "system")):
        where = f"system.{index}"
        one_of(take(typed(block, dict, where), "type", str, f"{where}."), ("text",), f"{where}.type")
        if not block.get("text"):
            raise invalid("system: text content blocks must be non-empty")
