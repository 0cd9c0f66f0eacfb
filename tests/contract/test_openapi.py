"""The API keeps the promises of its OpenAPI document: every operation works as it is meant to, and nothing that anybody may
send is answered with 500 or with what is not documented."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import SerializationContext
from schemathesis.core.result import Ok
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ccc_router.events.vocabulary import Role
from tests.contract.test_access import OPEN, TABLE
from tests.support.a_day import Centre, a_centre, a_day


@schemathesis.serializer("message/rfc822")
def _as_mail(_context: SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


Operation = APIOperation[Any, Any, Any, Any]

CHECKS: Final = [
    status_code_conformance,  # also finds every 500: no operation documents one
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALLERS: Final = {
    Role.AGENT: "an",
    Role.SUPERVISOR: "mai",
    Role.ADMIN: "root",
    Role.DEPARTMENT: "d_hi",
    Role.CHANNEL: "hotline",
}
SIGNED: Final = {
    "POST /v1/channels/phone/{endpoint}/events",
    "POST /v1/channels/email/{endpoint}/messages",
    "GET /v1/channels/fanpage/{endpoint}/webhook",
    "POST /v1/channels/fanpage/{endpoint}/webhook",
    "GET /v1/channels/portal/{endpoint}/challenge",
    "POST /v1/channels/portal/{endpoint}/contacts",
    "POST /v1/channels/portal/{endpoint}/uploads",
    "GET /v1/channels/portal/{endpoint}/contacts/{reference}",
    "POST /v1/channels/portal/{endpoint}/contacts/{reference}/messages",
    "POST /v1/channels/portal/{endpoint}/contacts/{reference}/callback",
    "GET /v1/channels/portal/{endpoint}/contacts/{reference}/stream",
    "GET /v1/channels/portal/{endpoint}/contacts/{reference}/files/{file}",
    "GET /v1/links/{token}",
    "POST /v1/links/{token}",
}
"""Routes with a signature, a token of their own or a proof of work instead of a role."""
NEVER_2XX: Final = {"POST /v1/contacts/{contact_id}/consult"}
"""Reserved: 501."""
FEW: Final = 2
MORE: Final = 8


@pytest.mark.timeout(600)
async def test_every_operation_works_and_nothing_undocumented_is_answered() -> None:
    async with a_centre() as centre:
        await a_day(centre)
        assert centre.walk.operations - centre.walk.done == NEVER_2XX
        await asyncio.to_thread(_try_everything, centre)


def _try_everything(centre: Centre) -> None:
    """Whatever the document allows, with each role's token and without one, on ids that exist and on ids that do not."""
    tokens = {role: centre.service.token(role, subject) for role, subject in CALLERS.items()}
    with requests.Session() as session:
        for operation in _operations(centre):
            allowed = TABLE.get(f"{operation.method.upper()} {operation.path}", frozenset())
            cases = _drawn(centre, operation)
            _ask(centre, session, cases[:FEW], None)
            for role, token in tokens.items():
                _ask(centre, session, cases if role in allowed else cases[:FEW], token)


def _operations(centre: Centre) -> Iterator[Operation]:
    for found in centre.walk.schema.get_all_operations():
        assert isinstance(found, Ok)
        if not found.ok().path.endswith("/stream"):
            yield found.ok()


def _drawn(centre: Centre, operation: Operation) -> list[Case[Any]]:
    """Cases of an operation, the same for every caller: drawing one takes longer than asking."""
    drawn: list[Case[Any]] = []

    @settings(
        max_examples=MORE,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), known=st.booleans(), place=st.integers(0, 50))
    def draw(case: Case[Any], known: bool, place: int) -> None:
        if known:
            _name_what_exists(case.path_parameters, centre.ids, place)
        if "wait" in (case.query or {}):
            case.query["wait"] = 0  # nobody has a minute
        drawn.append(case)

    draw()
    assert drawn, operation.path
    return drawn


def _ask(centre: Centre, session: requests.Session, cases: list[Case[Any]], token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for case in cases:
        answer = case.call(base_url=centre.service.url, session=session, headers=headers, timeout=30)
        case.validate_response(answer, checks=CHECKS)


def _name_what_exists(parameters: dict[str, Any], ids: dict[str, list[str]], place: int) -> None:
    ids = ids | {"endpoint": ["site", "hotline", "page", "mailbox"], "queue": ["general"], "agent": ["binh"]}
    for name in parameters or {}:
        if name in ids:
            parameters[name] = ids[name][place % len(ids[name])]


async def test_the_document_shows_every_route_and_an_example_of_everything() -> None:
    async with a_centre() as centre:
        document = centre.walk.document
    assert document["openapi"].startswith("3.1")
    assert centre.walk.operations == (TABLE.keys() | SIGNED | OPEN) - {"GET /metrics", "GET /docs", "GET /openapi.json"}
    assert len(document["webhooks"]) == 6
    missing, wrong = [], []
    for name, content in _contents(document):
        if "example" not in content:
            missing.append(name)
            continue
        validator = jsonschema_rs.validator_for(content["schema"] | {"components": document["components"]})
        wrong += [f"{name}: {error.message}" for error in validator.iter_errors(content["example"])]
    assert missing == []
    assert wrong == []


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON body and answer of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = {"body": operation.get("requestBody", {})} | operation["responses"]
            for where, body in bodies.items():
                for media_type, content in body.get("content", {}).items():
                    if "json" in media_type and not where.startswith(("4", "5")):
                        yield f"{method} {path} {where}", content
