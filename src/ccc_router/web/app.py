"""The app factory: rooms' routes, who is let in, errors, health, metrics, the OpenAPI document."""

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.exceptions import HTTPException

from ..kernel.errors import CccError
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


def create_metrics_app(readiness: health.Readiness, registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """`/metrics`, `/livez` and `/readyz` and nothing else, for a port of its own that only scrapers and probes reach."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health.router(readiness))
    app.include_router(metrics.router(registry, ""))
    return app


def _routers(app: FastAPI, services: Services) -> Iterator[APIRouter]:
    yield health.router(services.readiness)
    yield from services.routers
    if services.metrics_token:
        yield metrics.router(services.registry, services.metrics_token)
    yield docs.router(app)


async def _answered(_request: Request, error: Exception) -> JSONResponse:
    return problem_of(error)
