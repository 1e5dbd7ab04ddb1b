"""What a directive in the prompt means."""

import pytest

from proxy.simulator.directives import KINDS, find_directive, without_directive
from proxy.simulator.errors import ApiError


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_found(kind: str) -> None:
    directive = find_directive(f"please [simulate: {kind}] now")
    assert directive is not None
    assert directive.kind == kind


def test_a_text_without_directive_has_none() -> None:
    assert find_directive("what does [simulate] do?") is None


def test_status_reads_with_and_without_an_equals_sign() -> None:
    written = [find_directive(text) for text in ("[simulate: status=529]", "[simulate: status 529]")]
    assert [found and found.number(0) for found in written] == [529, 529]


def test_options_are_words_or_json_texts() -> None:
    found = find_directive('[simulate: error after=3 type=api_error message="a ] \\"b\\""]')
    assert found is not None
    assert found.options == {"after": "3", "type": "api_error", "message": 'a ] "b"'}


def test_values_are_words_and_json() -> None:
    found = find_directive('[simulate: tool get_weather {"city": "Paris]"} get_time {}]')
    assert found is not None
    assert found.values == ("get_weather", {"city": "Paris]"}, "get_time", {})


def test_the_last_directive_wins() -> None:
    found = find_directive("[simulate: words 3] and [simulate: words 4]")
    assert found is not None
    assert found.number(0) == 4


def test_the_rest_of_the_text_stays() -> None:
    text = "count to 3 [simulate: slow rate=5 ttft=0.5]"
    found = find_directive(text)
    assert found is not None
    assert without_directive(text, found) == "count to 3"
    assert (found.seconds("rate"), found.seconds("ttft"), found.seconds("think")) == (5.0, 0.5, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[simulate: explode]", "unknown directive 'explode'"),
        ("[simulate: ]", "unknown directive ''"),
        ("[simulate: words 3", "no end"),
        ("[simulate: cut aftr=3]", "cut has no option aftr"),
        ('[simulate: text "a]', "simulate: Unterminated string"),
        ("[simulate: tool get {city}]", "simulate: Expecting property name"),
    ],
)
def test_nonsense_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(ApiError, match=words.replace("'", ".")) as caught:
        find_directive(text)
    assert caught.value.status == 400


def test_numbers_must_be_numbers() -> None:
    found = find_directive("[simulate: words many rate=fast after=x]".replace(" after=x", ""))
    assert found is not None
    with pytest.raises(ApiError, match="words must be a whole number"):
        found.number(1)
    with pytest.raises(ApiError, match="rate must be a number"):
        found.seconds("rate")
