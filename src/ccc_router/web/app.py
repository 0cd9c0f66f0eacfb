"""The app factory: rooms' routes, who is let in, errors, health, metrics, the OpenAPI document."""

import hmac
from collections.abc import Iterator

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..kernel.errors import CccError, Unauthenticated
from ..rest.problems import problem_of
from . import docs, health, metrics, openapi
from .admission import Admission
from .direct import Direct
from .middleware import BodyGuard, Surroundings
from .services import Services


def create_app(services: Services) -> FastAPI:
    """The whole HTTP interface over `services`. Starts and stops nothing: that is the caller's."""
    app = FastAPI(
        title="ccc-router",
        version=openapi.VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # we have our own, which hold nothing personal
    )
    app.state.identify = services.identify
    app.state.replays = services.replays
    app.state.gates = services.gates
    for name, room in services.state.items():
        setattr(app.state, name, room)
    for error in (CccError, HTTPException, RequestValidationError):
        app.add_exception_handler(error, _answered)
    for router in _routers(app, services):
        # Their routes as they are: include_router would work out each of them a second time, in the first requests.
        app.router.routes.extend(router.routes)
    app.add_middleware(BodyGuard, limits=services.limits, clock=services.clock)
    app.add_middleware(Direct, routes=services.direct)
    app.add_middleware(Admission, gates=services.gates, limits=services.limits)
    app.add_middleware(Surroundings, clock=services.clock)
    openapi.install(app, webhooks=services.webhooks, schemas=services.schemas)
    return app


def _routers(app: FastAPI, services: Services) -> Iterator[APIRouter]:
    yield _operations(services)
    yield from services.routers
    yield docs.router(app)


def _operations(services: Services) -> APIRouter:
    """`GET /livez` and `GET /readyz`, open to everybody: they say nothing but names of parts; `GET /metrics` where there is a token for it."""
    operations = APIRouter(tags=["operations"])

    @operations.get("/livez", summary="The process answers")
    async def livez() -> health.Alive:
        return health.Alive()

    @operations.get(
        "/readyz",
        summary="The service can do its work",
        response_model=health.Ready,
        responses={503: {"model": health.Ready, "description": "Something the service needs is missing."}},
    )
    async def readyz() -> Response:
        return await health.looked_at(services.readiness)

    async def scraped(request: Request) -> Response:
        told = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(told, f"Bearer {services.metrics_token}".encode()):
            raise Unauthenticated
        return metrics.exposed(services.registry)

    if services.metrics_token:
        operations.add_api_route("/metrics", scraped, response_class=Response, include_in_schema=False)
    return operations


async def _answered(_request: Request, error: Exception) -> JSONResponse:
    return problem_of(error)
