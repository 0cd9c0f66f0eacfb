"""Is the process alive; can it do its work. Also for a port of its own, which a process has that answers nobody else.

Nothing here is of FastAPI: a process without the API need not load it.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..rest.schemas import Document
from . import metrics


class Check(Document):
    """One thing the service needs."""

    ok: bool
    detail: str = ""


class Ready(Document):
    """Whether the service can do its work, and what it can not."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, Check]


class Alive(Document):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(Protocol):
    """Looks at database, engine lease, inbox lag and loops; never raises."""

    async def check(self) -> Mapping[str, Check]: ...


async def looked_at(readiness: Readiness) -> Response:
    """The answer of ``/readyz``: 200, or 503 when something the service needs is missing."""
    checks = dict(await readiness.check())
    ready = all(check.ok for check in checks.values())
    document = Ready(status="ready" if ready else "not_ready", checks=checks)
    return JSONResponse(document.model_dump(), status_code=200 if ready else 503)


def create_probed_app(readiness: Readiness, registry: CollectorRegistry = REGISTRY) -> Starlette:
    """`/metrics`, `/livez` and `/readyz` and nothing else, for a port of its own that only scrapers and probes reach."""

    async def livez(_: Request) -> Response:
        return JSONResponse(Alive().model_dump())

    async def readyz(_: Request) -> Response:
        return await looked_at(readiness)

    async def read(_: Request) -> Response:
        return metrics.exposed(registry)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", read)])
