"""A JSON text of very many values is refused before it takes the time and the memory of reading them."""

import json

import pytest

from proxy.core.errors import InvalidRequest
from proxy.wire.body import first_value, object_in
from proxy.wire.census import MOST_VALUES, check_census

JUST = MOST_VALUES - 2  # beside them stand a name and a bracket


@pytest.mark.parametrize("value", ["0", "[]", "{}", '""', '"a,b:[{"', r'"\""', "1.5", "null"])
def test_as_many_values_as_may_be_are_read_and_one_more_is_not(value: str) -> None:
    nested = JUST // 2 if value in ("[]", "{}") else JUST
    text = f'{{"a":[{",".join([value] * (nested - 2))}]}}'
    check_census(text)
    with pytest.raises(InvalidRequest, match="more than 400000 values") as refused:
        check_census(f'{{"a":[{",".join([value] * (nested + 3))}]}}')
    assert refused.value.status == 413


def test_marks_in_strings_are_no_values() -> None:
    text = json.dumps({"messages": [{"role": "user", "content": '"[{:,' * MOST_VALUES}]})
    assert first_value(text.encode())[0][0] == "messages"


@pytest.mark.parametrize("end", ["", "\\", '\\"', "\n"])
def test_a_string_without_an_end_is_looked_through_once(end: str) -> None:
    check_census("," * MOST_VALUES + '"' + '\\"[' * MOST_VALUES + end)


def test_json_within_json_is_bounded_too() -> None:
    with pytest.raises(InvalidRequest, match="more than 400000 values"):
        object_in(f"[{','.join('0' for _ in range(MOST_VALUES + 1))}]")
