import inspect
import re
from typing import get_args

import pytest

from proxy.core import errors
from proxy.core.errors import Fault, InvalidRequest, LimitReached, ModelNotFound, PromptTooLong, ServerError

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, ServerError)]


def drawn(docstring: str) -> list[tuple[str, str, int]]:
    """The tree in a docstring: each class, its base and its status."""
    tree: list[tuple[str, str, int]] = []
    path: list[str] = []
    for branch, name, status in re.findall(r"^ {4}([│ ├└─]*)(\w+)(?: +(\d{3}) .*)?$", docstring, re.MULTILINE):
        path[len(branch) // 4 :] = [name]
        tree.append((name, path[-2] if len(path) > 1 else "Exception", int(status or 500)))
    return tree


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    built = [(cls.__name__, cls.__bases__[0].__name__, cls.default_status) for cls in CLASSES]
    assert drawn(errors.__doc__ or "") == built


def test_the_tree_has_at_most_ten_classes() -> None:
    assert len(CLASSES) <= 10


def test_every_kind_is_a_word_of_its_own() -> None:
    kinds = [cls.kind for cls in CLASSES]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch("[a-z_]+", kind) for kind in kinds)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_takes_its_fields_from_its_class(cls: type[ServerError]) -> None:
    error = cls("so it is")
    assert (error.message, str(error)) == ("so it is", "so it is")
    assert (error.status, error.fault) == (cls.default_status, cls.default_fault)
    assert (error.retry_after, error.should_retry) == (None, None)
    assert error.fault in get_args(Fault)


def test_an_error_may_say_more_than_its_class() -> None:
    error = LimitReached("so it is", status=402, fault="upstream", retry_after=0, should_retry=False)
    assert (error.status, error.fault, error.retry_after, error.should_retry) == (402, "upstream", 0, False)


@pytest.mark.parametrize("cls", [ModelNotFound, PromptTooLong])
def test_a_missing_model_and_a_conversation_that_is_too_long_are_invalid_requests(cls: type[ServerError]) -> None:
    assert issubclass(cls, InvalidRequest)
