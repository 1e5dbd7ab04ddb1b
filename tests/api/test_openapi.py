"""The description of the API: valid, complete, and kept by the daemon, whatever is made from it and sent."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from proxy.api.desk import Options
from proxy.api.openapi import description
from proxy.api.operations import DESCRIPTION, OPERATIONS
from proxy.api.routes import make_routes
from proxy.web.pages import PageRoutes
from proxy.wire.fields import Struct
from tests.api import test_any_body, test_routes
from tests.support.children import wait_until_none
from tests.support.contract import STATUSES, check
from tests.support.running import WAIT, Running, running_daemon, write_fake_cli

ROUTES = make_routes(
    *(cast(Any, None), Options(1, 1), cast(Any, None), cast(Any, None)),
    chats=cast(Any, None),
    pages=PageRoutes().routes(),
)
DOCUMENT = description([(route.path, sorted(route.methods or ())) for route in ROUTES])
MADE = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
}
NEEDED = {path: operation.body.needed for path, operation in OPERATIONS.items() if isinstance(operation.body, Struct)}

# Where a turn runs, a plain one: the fake CLI has no tools.
SOUND = {**test_any_body.BODIES, **test_routes.BODIES}

KEPT = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
WITHOUT_END = {"GET /admin/events"}
# A stream that ends with the daemon; what it answers is tested with the dashboard.

NO_ACCOUNT = {401}
# What the routes of an account answer, whatever is sent.

bounded = settings(
    derandomize=True,
    deadline=None,
    max_examples=12,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the fake CLI, whose models may be changed."""
    folder = tmp_path_factory.mktemp("described")
    with running_daemon(folder, cli=write_fake_cli(folder), settings={"spares": "1"}) as running:
        yield running
    wait_until_none(folder)


@cache
def cases_of(label: str) -> st.SearchStrategy[Case[Any]]:
    """Requests that the description allows, and, where it forbids any, some that it forbids."""
    allowed: st.SearchStrategy[Case[Any]] = MADE[label].as_strategy(generation_mode=GenerationMode.POSITIVE)
    if MADE[label].path not in NEEDED:
        return allowed
    return st.one_of(allowed, allowed, MADE[label].as_strategy(generation_mode=GenerationMode.NEGATIVE))


def sound_part(path: str) -> dict[str, Any]:
    """What a body needs, making sense: with it, whatever is made beside it gets further."""
    return {name: SOUND[path][name] for name in NEEDED.get(path, ())}


@pytest.mark.parametrize("label", sorted(MADE.keys() - WITHOUT_END))
def test_whatever_is_made_from_the_description_gets_an_answer_that_it_has(daemon: Running, label: str) -> None:
    @bounded
    @given(cases_of(label), st.booleans())
    def asked(case: Case[Any], sound: bool) -> None:
        if sound and isinstance(case.body, dict):
            # The fake CLI asks for no list of tools: a turn that has some waits for it.
            case.body = {name: case.body[name] for name in case.body if name != "tools"} | sound_part(case.path)
        answer = case.call(base_url=daemon.url, timeout=WAIT, proxies={"http": ""})
        case.validate_response(answer, checks=KEPT)
        if answer.content:
            check(answer, STATUSES | NO_ACCOUNT)

    asked()


def test_the_description_is_valid() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_route_is_described_and_nothing_else() -> None:
    assert {route.path for route in ROUTES} == set(OPERATIONS)


def test_the_description_is_served_and_need_not_be_fetched_twice(daemon: Running) -> None:
    with daemon.client() as client:
        answer = client.get(DESCRIPTION)
        again = client.get(DESCRIPTION, headers={"if-none-match": answer.headers["etag"]})
    assert json.loads(answer.content) == DOCUMENT
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, needed in NEEDED.items() for name in needed])
def test_a_field_that_is_said_to_be_needed_is(daemon: Running, path: str, name: str) -> None:
    method = "DELETE" if path == "/api/delete" else "POST"
    body = sound_part(path) | {"stream": False}
    with daemon.client() as client:
        whole = client.request(method, path, json=body)
        without = client.request(method, path, json={key: body[key] for key in body if key != name})
        empty = client.request(method, path, json=body | {name: type(body[name])()})
    assert without.status_code in (400, 404)
    assert empty.status_code in (400, 404)
    assert whole.text != without.text
