"""Who may use which route, by hand. A route that is missing here fails, and so does one that is gone."""

from typing import Final

import httpx
import pytest
from fastapi import Request

from ccc_router.agents.routers import ROUTERS as AGENTS
from ccc_router.escalations.routers import ROUTERS as ESCALATIONS
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Unauthenticated, Unavailable
from ccc_router.rest.principal import Principal
from ccc_router.web.app import create_app
from ccc_router.web.openapi import guarded_routes, served
from ccc_router.web.services import Services
from tests.unit.web.test_app import Everything, KeptAnswers

A: Final = frozenset({"agent"})
L: Final = frozenset({"supervisor", "admin"})
S: Final = A | L
D: Final = frozenset({"department"})

TABLE: Final[dict[str, frozenset[str]]] = {
    "GET /v1/agents/me/presence": A,
    "PUT /v1/agents/me/presence": A,
    "POST /v1/agents/me/heartbeat": A,
    "GET /v1/agents/me/work": A,
    "POST /v1/agents/me/work/next": A,
    "GET /v1/agents/me/stream": A,
    "POST /v1/offers/{offer_id}/accept": A,
    "POST /v1/offers/{offer_id}/decline": A,
    "GET /v1/contacts": L,
    "GET /v1/contacts/{contact_id}": S,
    "GET /v1/contacts/{contact_id}/timeline": S,
    "GET /v1/contacts/{contact_id}/why": S,
    "GET /v1/agents/{agent}/why-not": S,
    "GET /v1/contacts/{contact_id}/draft": A,
    "PUT /v1/contacts/{contact_id}/draft": A,
    "POST /v1/contacts/{contact_id}/messages": A,
    "POST /v1/contacts/{contact_id}/hold": A,
    "POST /v1/contacts/{contact_id}/resume": A,
    "POST /v1/contacts/{contact_id}/hangup": A,
    "POST /v1/contacts/{contact_id}/consult": A,
    "POST /v1/contacts/{contact_id}/wait": A,
    "POST /v1/contacts/{contact_id}/transfer": A,
    "POST /v1/contacts/{contact_id}/requeue": S,
    "POST /v1/contacts/{contact_id}/escalate": A,
    "POST /v1/contacts/{contact_id}/wrap-up": A,
    "POST /v1/contacts/{contact_id}/complete": A,
    "POST /v1/contacts/{contact_id}/link": A,
    "POST /v1/contacts/{contact_id}/identify": A,
    "POST /v1/contacts/{contact_id}/unidentify": S,
    "POST /v1/contacts/{contact_id}/callback": S,
    "POST /v1/contacts/{contact_id}/assign": L,
    "POST /v1/contacts/{contact_id}/close": L,
    "POST /v1/contacts/{contact_id}/priority": L,
    "POST /v1/attachments": S | D,
    "GET /v1/attachments/{attachment_id}": S,
    "GET /v1/cases": S,
    "GET /v1/cases/{case_id}": S,
    "PATCH /v1/cases/{case_id}": S,
    "POST /v1/cases/{case_id}/call": A,
    "GET /v1/customers": S,
    "GET /v1/queues": L,
    "POST /v1/queues/{queue}/surge": L,
    "GET /v1/incidents": L,
    "POST /v1/incidents": L,
    "POST /v1/incidents/{incident_id}/attach": L,
    "POST /v1/incidents/{incident_id}/resolve": L,
    "GET /v1/queues/{queue}/readings": L,
    "GET /v1/readings": L,
    "GET /v1/supervisors/stream": L,
    "GET /v1/agents": L,
    "PUT /v1/agents/{agent}/presence": L,
    "GET /v1/catalog": L,
    "PUT /v1/catalog": L,
    "PATCH /v1/catalog": L,
    "GET /v1/deliveries": L,
    "POST /v1/deliveries/{delivery_id}/retry": L,
    "GET /v1/parked-inputs": L,
    "GET /v1/journal": L,
    "GET /v1/escalations": S | D,
    "GET /v1/escalations/{escalation_id}": S | D,
    "GET /v1/escalations/{escalation_id}/attachments/{attachment_id}": S | D,
    "POST /v1/escalations/{escalation_id}/acknowledge": D,
    "POST /v1/escalations/{escalation_id}/ask": D,
    "POST /v1/escalations/{escalation_id}/progress": D,
    "POST /v1/escalations/{escalation_id}/answer": D,
    "POST /v1/escalations/{escalation_id}/return": D,
    "POST /v1/escalations/{escalation_id}/forward": D,
    "POST /v1/escalations/{escalation_id}/extend": D,
    "POST /v1/escalations/{escalation_id}/grant": L,
    "POST /v1/escalations/{escalation_id}/refuse": L,
    "POST /v1/escalations/{escalation_id}/reply": S,
    "POST /v1/escalations/{escalation_id}/accept": S,
    "POST /v1/escalations/{escalation_id}/reject": S,
    "POST /v1/escalations/{escalation_id}/withdraw": S,
    "GET /v1/departments": L,
    "POST /v1/departments/{department}/enable": frozenset({"admin"}),
}
"""Routes for callers with a token, and the roles that may use them."""

OPEN: Final = {
    "GET /livez", "GET /readyz", "GET /metrics", "GET /docs", "GET /openapi.json",
    "GET /v1/links/{token}", "POST /v1/links/{token}",
}  # fmt: skip
"""Routes without a token of ours; a link's own secret is its token."""


async def identify(request: Request) -> Principal:
    """A bearer token that is just a role."""
    role = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not role:
        raise Unauthenticated
    return Principal("somebody", Role(role))


class Closed:
    """A room that nobody can work in: whoever got past the door hears 503."""

    def __getattr__(self, name: str) -> object:
        raise Unavailable


APP: Final = create_app(
    Services(
        clock=SystemClock(),
        identify=identify,
        replays=KeptAnswers(),
        readiness=Everything(),
        routers=(*AGENTS, *ESCALATIONS),
        state={"agents": Closed(), "escalations": Closed()},
        metrics_token="scraper",
    )
)


def names(guarded: bool) -> set[str]:
    """The routes the app serves, as the table writes them."""
    routes = guarded_routes(APP) if guarded else served(APP.routes)
    found = [(str(getattr(route, "path", "")), set(getattr(route, "methods", None) or ())) for route in routes]
    return {f"{method} {path}" for path, methods in found for method in methods - {"HEAD"}}


def test_the_table_names_every_route_and_no_other() -> None:
    assert names(guarded=True) == TABLE.keys()
    assert names(guarded=False) == TABLE.keys() | OPEN


@pytest.mark.parametrize("route", TABLE)
async def test_who_may_use_the_route(route: str) -> None:
    """Without a token 401; for a role that is not in the table 403; for one that is, neither."""
    method, path = route.split(" ")
    path = path.replace("{queue}", "general").replace("{agent}", "an").replace("{", "x_").replace("}", "")
    transport = httpx.ASGITransport(APP, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.request(method, path)).status_code == 401
        for role in Role:
            answer = await client.request(method, path, headers={"Authorization": f"Bearer {role}"})
            if role in TABLE[route]:
                assert answer.status_code not in (401, 403), role
            else:
                assert answer.status_code == 403, role
