"""Is the process alive; can it do its work."""

from collections.abc import Mapping
from typing import Literal, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ..rest.schemas import Document


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


def router(readiness: Readiness) -> APIRouter:
    """`GET /livez` and `GET /readyz`, open to everybody: they say nothing but names of parts."""
    health = APIRouter(tags=["operations"])

    @health.get("/livez", summary="The process answers")
    async def livez() -> Alive:
        return Alive()

    @health.get(
        "/readyz",
        summary="The service can do its work",
        response_model=Ready,
        responses={503: {"model": Ready, "description": "Something the service needs is missing."}},
    )
    async def readyz() -> JSONResponse:
        checks = dict(await readiness.check())
        ready = all(check.ok for check in checks.values())
        document = Ready(status="ready" if ready else "not_ready", checks=checks)
        return JSONResponse(document.model_dump(), status_code=200 if ready else 503)

    return health
