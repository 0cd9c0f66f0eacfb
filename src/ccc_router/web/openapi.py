"""The OpenAPI 3.1 document: what FastAPI derives, made to say all that is true."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from ..rest.access import Guarded
from ..rest.problems import Fault, Problem
from .examples import illustrate

Schema = dict[str, Any]

VERSION: Final = "1.0.0"

DESCRIPTION: Final = """\
Contacts from phone, email, fanpage and portal, routed to agents, escalated to departments.

Times are RFC 3339 in UTC. Errors are problem documents (RFC 9457): decide by `code`. Unknown fields are refused.
`Idempotency-Key` is honoured on every POST for 24 hours, scoped to caller and route. Lists have a `limit` and a `cursor`.
"""
_TAGS: Final = [
    {"name": "presence", "description": "Agents: whether I take contacts."},
    {"name": "work", "description": "Agents: the next contact, and what I have."},
    {"name": "contacts", "description": "Handling a contact."},
    {"name": "cases", "description": "The customer's issue over time and channels."},
    {"name": "escalations", "description": "What an agent cannot solve goes to the department that can."},
    {"name": "supervision", "description": "Queues, agents and contacts as supervisors see them."},
    {"name": "catalogue", "description": "Queues, skills, agents, endpoints, departments and policy, versioned."},
    {"name": "records", "description": "What is owed, what was parked, and the journal."},
    {"name": "channels", "description": "Where contacts come in."},
    {"name": "portal", "description": "What a visitor of the portal does, with the token of his ticket."},
    {"name": "operations", "description": "Health."},
]


def install(app: FastAPI, *, webhooks: Mapping[str, Schema], schemas: Mapping[str, Schema]) -> None:
    """Make `app.openapi()` give our document.

    ``webhooks`` are the calls departments receive, as path items by name; ``schemas`` are what they refer to.
    """

    def document() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, webhooks, schemas)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _build(app: FastAPI, webhooks: Mapping[str, Schema], schemas: Mapping[str, Schema]) -> Schema:
    built = get_openapi(
        title="ccc-router",
        version=VERSION,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        tags=_TAGS,
    )
    components = built.setdefault("components", {})
    known = components.setdefault("schemas", {})
    known.update(_problem_schemas() | dict(schemas))
    known.pop("HTTPValidationError", None)
    known.pop("ValidationError", None)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "ticket": {"type": "http", "scheme": "bearer", "description": "The token of a portal visitor's reference."},
    }
    for methods in built["paths"].values():
        for operation in methods.values():
            illustrate(operation, known)
    built["webhooks"] = dict(webhooks)
    return built


def guarded_routes(app: FastAPI) -> list[Guarded]:
    """The routes for callers with a token."""
    return [route for route in served(app.routes) if isinstance(route, Guarded)]


def served(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Every route, also those of included routers."""
    found: list[BaseRoute] = []
    for route in routes:
        inner = getattr(route, "original_router", None)
        found.extend(served(inner.routes) if inner is not None else [route])
    return found


def _problem_schemas() -> Schema:
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    problem.pop("$defs", None)
    return {"Problem": problem, "Fault": Fault.model_json_schema()}
