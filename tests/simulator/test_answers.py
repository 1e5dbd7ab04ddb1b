"""What the simulated model says, by the conversation alone."""

import base64
from typing import Any

import orjson
import pytest

from proxy.simulator.body import last_user_text
from proxy.simulator.compose import compose
from proxy.simulator.directives import find_directive
from proxy.simulator.models import MODELS, find_model
from proxy.simulator.script import Script, Text, Thinking, ToolUse

CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
STRUCTURED = {"output_config": {"format": {"type": "json_schema", "schema": CLOSED}}}
GIF = base64.b64encode(b"GIF89a" + bytes([4, 0, 3, 0])).decode()


def script(*turns: Any, **fields: Any) -> Script:
    """The answer to a conversation whose turns are the user's and the assistant's by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": turn} for index, turn in enumerate(turns)]
    body = {"model": "claude-sonnet-5-5", "max_tokens": 10_000, "messages": messages, **fields}
    model = find_model(body["model"])
    assert model is not None
    return compose(body, model, find_directive(last_user_text(body)))


def said(*turns: Any, **fields: Any) -> str:
    return script(*turns, **fields).text


def weather(*names: str) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return [{"name": name, "input_schema": schema} for name in names or ("get_weather",)]


def calls(answer: Script) -> list[tuple[str, dict[str, Any]]]:
    return [(block.name, dict(block.input)) for block in answer.blocks if isinstance(block, ToolUse)]


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": GIF}}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("hello", "simulated answer"),
        ("help", "echo: any text"),
        ("tell me a story", 'simulated answer to "tell me a story"'),
        ("Why is the sky blue?", "Rayleigh scattering"),
        ("What is the capital of Japan?", "Tokyo"),
        ("What is 12 multiplied by 15?", "= 180"),
        ("What is 10 + 23?", "= 33"),
        ("7 minus 9", "= -2"),
        ("what is 1 / 4", "= 0.25"),
        ("what is 1 / 0", "no result"),
        ("Count to 5", "1, 2, 3, 4, 5"),
        ("count from 3 to 6 please", ": 3, 4, 5, 6"),
        ("what did I say before?", "nothing before"),
        ("what is my name?", "you have not told me your name"),
        ("how many messages are there?", "1 messages: 1 from you and 0 from me"),
        ("who are you?", "without a system prompt"),
        ("Reply with exactly the word PONG.", "PONG"),
        ('### Task:\nGenerate a title. JSON format: { "title": "your title" }', '{"title": "Simulated conversation"}'),
    ],
)
def test_a_first_question_gets(question: str, words: str) -> None:
    assert words in said(question)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("what did I say first?", 'first you said "My name is Ada.'),
        ("what did I say before?", 'before that you said "and I like tea"'),
        ("recall all", 'you said "My name is Ada. My dog is Rex", then "and I like tea"'),
        ("what is my name?", "your name is Ada."),
        ("What's my dog?", "your dog is Rex."),
        ("how many messages?", "5 messages: 3 from you and 2 from me"),
        ("anything else", "turn 3 of our conversation"),
    ],
)
def test_a_later_question_proves_that_history_arrived(question: str, words: str) -> None:
    assert words in said("My name is Ada. My dog is Rex", "Hi Ada.", "and I like tea", "Tea is fine.", question)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "  two  spaces ",
        "\n\nlines\n",
        "tab\t\r\n",
        "e\u0301 n\u0303",
        "👩‍👩‍👧‍👦 🇫🇷 👍🏽",
        "\u2028\u2029\u0085\u00a0",
        "a" * 5000,
    ],
)
@pytest.mark.parametrize("opening", ["echo: ", "Repeat after me: "])
def test_echo_gives_back_every_byte(opening: str, text: str) -> None:
    assert said(opening + text) == text


def test_the_system_prompt_is_quoted_without_what_the_cli_adds() -> None:
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2"},
        {"type": "text", "text": "You are a Claude agent, built on Anthropic's Claude Agent SDK."},
        {"type": "text", "text": "Speak like a pirate."},
    ]
    answer = said("what is your system prompt?", system=system)
    assert answer == 'Simulated answer: my system prompt is "Speak like a pirate.".'


def test_reminders_of_the_cli_are_not_the_user_s_words() -> None:
    reminder = {"type": "text", "text": "<system-reminder>\nToday is Monday.\n</system-reminder>"}
    assert said([reminder, {"type": "text", "text": "echo: hi"}]) == "hi"


def test_an_unanswered_message_counts_as_an_earlier_one() -> None:
    blocks = [{"type": "text", "text": "[simulate: status=529]"}, {"type": "text", "text": "what did I say before?"}]
    assert said(blocks) == 'Simulated answer: before that you said "[simulate: status=529]".'


def test_an_image_is_told_by_type_and_size() -> None:
    assert "image/gif, 4 x 3 pixels" in said([IMAGE, {"type": "text", "text": "what is this?"}])


def test_an_earlier_image_is_remembered() -> None:
    assert "image/gif, 4 x 3 pixels" in said([IMAGE], "Nice.", "describe the image again")


def test_structured_output_is_the_smallest_json_of_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "tags": {"type": "array"}, "more": {"type": "string"}},
        "required": ["name", "tags"],
    }
    answer = said("hello", output_config={"format": {"type": "json_schema", "schema": schema}})
    assert orjson.loads(answer) == {"name": "simulated", "tags": []}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ('[simulate: text "{\\"a\\": \\"x\\"}"]', '{"a": "x"}'),
        (
            '[simulate: text "Here it is:\\n```json\\n{\\"a\\": 1}\\n```\\nBye."]',
            'Here it is:\n```json\n{"a": 1}\n```\nBye.',
        ),
        ("[simulate: words 2]", "word1 word2"),
        ("[simulate: slow rate=1000] hello", '{"a":1}'),
    ],
)
def test_a_directive_that_says_what_to_answer_wins_over_structured_output(question: str, answer: str) -> None:
    assert said(question, **STRUCTURED) == answer


@pytest.mark.parametrize("fields", [{}, STRUCTURED])
@pytest.mark.parametrize(
    ("limits", "answer", "reason"),
    [
        ({"max_tokens": 2}, "See:\n```", "max_tokens"),
        ({"stop_sequences": ["```"]}, "See:\n", "stop_sequence"),
        ({"max_tokens": 3, "stop_sequences": ["}"]}, 'See:\n```{"a"', "max_tokens"),
    ],
)
def test_a_scripted_text_keeps_to_the_limits(
    fields: dict[str, Any], limits: dict[str, Any], answer: str, reason: str
) -> None:
    scripted = script('[simulate: text "See:\\n```{\\"a\\": 1}```"]', **fields, **limits)
    assert (scripted.text, scripted.stop_reason) == (answer, reason)


@pytest.mark.parametrize(
    ("limits", "answer", "reason"),
    [({"max_tokens": 1}, '{"a"', "max_tokens"), ({"stop_sequences": ["1"]}, '{"a":', "stop_sequence")],
)
def test_structured_output_keeps_to_the_limits(limits: dict[str, Any], answer: str, reason: str) -> None:
    structured = script("hello", **STRUCTURED, **limits)
    assert (structured.text, structured.stop_reason) == (answer, reason)


def test_the_cli_s_tool_for_structured_output_is_called() -> None:
    assert calls(script("hello", tools=weather("StructuredOutput"))) == [("StructuredOutput", {"city": "simulated"})]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the weather in New York today?", [("get_weather", {"city": "New York"})]),
        ('call get_weather with "Łódź"', [("get_weather", {"city": "Łódź"})]),
        ("hello", []),
    ],
)
def test_an_offered_tool_is_called_when_the_words_ask_for_it(question: str, expected: list[Any]) -> None:
    answer = script(question, tools=weather())
    assert calls(answer) == expected
    assert answer.stop_reason == ("tool_use" if expected else "end_turn")


def test_several_tools_are_called_in_the_order_of_their_names_in_the_text() -> None:
    answer = script("call get_weather and get_time for Rome", tools=weather("get_time", "get_weather"))
    assert calls(answer) == [("get_weather", {"city": "Rome"}), ("get_time", {"city": "Rome"})]
    assert len({block.id for block in answer.blocks if isinstance(block, ToolUse)}) == 2


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "any"}, ["a_one"]),
        ({"type": "tool", "name": "b_two"}, ["b_two"]),
        ({"type": "none"}, []),
        ({"type": "auto"}, []),
    ],
)
def test_tool_choice_is_obeyed(choice: dict[str, Any], expected: list[str]) -> None:
    answer = script("hello", tools=weather("a_one", "b_two"), tool_choice=choice)
    assert [name for name, _ in calls(answer)] == expected


def test_parallel_calls_can_be_forbidden() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    answer = script("call get_weather and get_time", tools=weather("get_weather", "get_time"), tool_choice=choice)
    assert [name for name, _ in calls(answer)] == ["get_weather"]


def test_arguments_are_filled_from_the_text_or_the_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "number"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "deep": {"type": "object", "properties": {"x": {"type": "boolean"}}, "required": ["x"]},
        },
    }
    answer = script("use add_numbers on 3 and 4.5 fahrenheit", tools=[{"name": "add_numbers", "input_schema": schema}])
    assert calls(answer) == [("add_numbers", {"a": 3, "b": 4.5, "unit": "fahrenheit", "deep": {"x": True}})]


def test_a_tool_s_result_is_quoted_and_no_tool_called_again() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": [IMAGE], "is_error": True},
    ]
    answer = script("weather?", [call], results, tools=weather())
    assert answer.text == (
        'Simulated answer: the tool returned "sunny"; the tool failed with "" and an image (image/gif, 4 x 3 pixels).'
    )
    assert answer.stop_reason == "end_turn"


def test_the_same_conversation_gets_the_same_answer() -> None:
    asked = ("What is the weather in Rome?",)
    assert script(*asked, tools=weather()) == script(*asked, tools=weather())


def test_a_simple_question_is_not_thought_about() -> None:
    assert script("hello", thinking={"type": "adaptive"}).blocks == script("hello").blocks


@pytest.mark.parametrize(
    ("model", "question", "fields"),
    [
        ("claude-sonnet-5-5", "think, then say hi", {}),
        ("claude-sonnet-5-5", "[simulate: think 3] hi", {}),
        ("claude-sonnet-5-5", "[simulate: words 3 think=3]", {}),
        ("claude-sonnet-5-5", "hi", {"thinking": {"type": "adaptive", "display": "summarized"}}),
        ("claude-sonnet-5-5", "hi", {"output_config": {"effort": "max"}}),
        ("claude-sonnet-4-5", "hi", {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    ],
)
def test_thinking_comes_first_when_it_is_asked_for(model: str, question: str, fields: dict[str, Any]) -> None:
    assert isinstance(script(question, model=model, **fields).blocks[0], Thinking)


@pytest.mark.parametrize(
    ("model", "fields"), [("claude-opus-5", {"thinking": {"type": "disabled"}}), ("claude-opus-4-8", {})]
)
def test_nothing_makes_a_model_think_whose_thinking_is_off(model: str, fields: dict[str, Any]) -> None:
    assert not any(isinstance(b, Thinking) for b in script("[simulate: think 9] think!", model=model, **fields).blocks)


def test_a_tool_s_result_without_the_thinking_before_it_turns_a_budget_off() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
    thinking = {"type": "enabled", "budget_tokens": 2000}
    answer = script("weather?", [call], [result], model="claude-sonnet-4-5", thinking=thinking)
    assert [type(block) for block in answer.blocks] == [Text]


def test_thinking_is_left_out_where_the_model_shows_none_by_default() -> None:
    shown = {
        name: [b.shown for b in script("think", model=name, thinking=thinking).blocks if isinstance(b, Thinking)]
        for name, thinking in (
            ("claude-opus-5-5", {"type": "adaptive"}),
            ("claude-sonnet-4-6", {"type": "adaptive"}),
        )
    }
    assert shown == {"claude-opus-5-5": [False], "claude-sonnet-4-6": [True]}


def test_the_answer_ends_at_max_tokens() -> None:
    answer = script("[simulate: words 100]", max_tokens=3)
    assert (answer.text, answer.stop_reason) == ("word1 word2 ", "max_tokens")


def test_thinking_counts_towards_max_tokens() -> None:
    answer = script("[simulate: words 100 think=1]", max_tokens=4)
    assert [block.text for block in answer.blocks if isinstance(block, Text | Thinking)] == ["thought1", "word1 wo"]
    only = script("[simulate: words 100 think=2]", max_tokens=2)
    assert [type(block) for block in only.blocks] == [Thinking]


def test_nothing_follows_a_block_that_fills_max_tokens() -> None:
    answer = script("[simulate: tool get_weather {} text=abcdefgh]", max_tokens=2)
    assert ([type(block) for block in answer.blocks], answer.stop_reason) == ([Text], "max_tokens")


def test_an_image_that_is_only_an_address_is_not_described() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert "what is it?" in said([image, {"type": "text", "text": "what is it?"}])


def test_a_tool_call_that_does_not_fit_is_broken() -> None:
    answer = script("[simulate: tool get_weather {}]", max_tokens=3)
    assert [block.broken for block in answer.blocks if isinstance(block, ToolUse)] == [True]
    assert answer.stop_reason == "max_tokens"


def test_the_answer_ends_before_a_stop_sequence() -> None:
    answer = script("[simulate: words 9]", stop_sequences=["word7", " word5"])
    assert (answer.text, answer.stop_reason, answer.stop_sequence) == (
        "word1 word2 word3 word4",
        "stop_sequence",
        " word5",
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_model_answers(model: str) -> None:
    assert "Hello" in said("hello", model=model)


def test_a_very_long_message_is_answered_by_its_end() -> None:
    assert "Tokyo" in said("lorem ipsum " * 100_000 + "what is the capital of Japan?")


@pytest.mark.parametrize(
    ("system", "asked", "answer"),
    [
        ("Answer with one JSON object and nothing else.", "echo: x", '{"answer":"x"}'),
        ("Answer with one JSON object and nothing else.", 'echo: {"a": 1}', '{"a": 1}'),
        (
            "Answer with one JSON value and nothing else: no words. It has to satisfy this JSON Schema:\n"
            '{"type":"array","items":{"type":"integer"},"minItems":1}',
            "echo: x",
            "[1]",
        ),
        ("Answer with one JSON value and nothing else. JSON Schema:\n{}}", "echo: x", '{"answer":"x"}'),
        ("Answer in JSON.", "echo: x", "x"),
    ],
)
def test_a_system_prompt_may_ask_for_json_alone(system: str, asked: str, answer: str) -> None:
    assert said(asked, system=system) == answer
