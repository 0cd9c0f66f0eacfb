"""Which roles may use a route. A route that does not say so cannot be made.

A handler names its callers by the type of one argument: ``async def accept(caller: AsAgent, …)``. ``Guarded`` is the route
class of every router with tokens: it asks for the token before it reads a body, so that nobody unknown makes us parse
anything, and it answers a repeated ``Idempotency-Key`` without running the handler again (``replay.py``).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from ..events.vocabulary import Role
from ..kernel.errors import Forbidden, Invalid
from .gates import Gates
from .principal import LEADERS, STAFF, Principal
from .problems import documented
from .replay import IDEMPOTENCY_KEY, run_once

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Identify(Protocol):
    """Reads and verifies the caller's token (``app.state.identify``). Raises ``Unauthenticated``."""

    def __call__(self, request: Request) -> Awaitable[Principal]: ...


class Allowed:
    """The dependency that lets ``roles`` in and gives the handler its ``Principal``."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    async def __call__(self, request: Request) -> Principal:
        known: Principal | None = getattr(request.state, "principal", None)
        if known is None:
            identify: Identify = request.app.state.identify
            known = await identify(request)
            request.state.principal = known
        if known.role not in self.roles:
            raise Forbidden
        return known


def allow(*roles: Role) -> Any:
    """The marker for ``Annotated[Principal, allow(...)]``."""
    return Depends(Allowed(frozenset(roles)))


AsAgent = Annotated[Principal, allow(Role.AGENT)]
AsStaff = Annotated[Principal, allow(*STAFF)]
AsLeader = Annotated[Principal, allow(*LEADERS)]
AsAdmin = Annotated[Principal, allow(Role.ADMIN)]
AsDepartment = Annotated[Principal, allow(Role.DEPARTMENT)]
ONLY_STAFF = allow(*STAFF)
"""For `dependencies=[…]` of a route whose handler does not look at its caller."""
ONLY_LEADERS = allow(*LEADERS)
AsStaffOrDepartment = Annotated[Principal, allow(*STAFF, Role.DEPARTMENT)]


async def _report(request: Request, caller: AsLeader) -> AsyncIterator[None]:
    gates: Gates = request.app.state.gates
    with gates.reports.within(caller.source):
        yield


A_REPORT = Depends(_report)
"""For `dependencies=[…]` of a route that looks at many rows: few at once, the others are refused (429 or 503) before they look."""


class Guarded(APIRoute):
    """A route for callers with a token."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = {method.upper() for method in options.get("methods") or ["GET"]}
        has_body = not methods <= {"GET", "DELETE"}
        options["openapi_extra"] = _shown(methods) | (options.get("openapi_extra") or {})
        options["responses"] = documented(has_body=has_body, has_id="{" in path) | (options.get("responses") or {})
        super().__init__(path, endpoint, **options)
        if allowed_by(self.dependant) is None:
            raise TypeError(
                f"{sorted(methods)} {path} does not say who may use it: give it an argument like `caller: AsAgent`"
            )

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()
        allowed = allowed_by(self.dependant)
        known = _query_names(self.dependant)
        replayed = "POST" in (self.methods or ()) and not getattr(self.endpoint, "__asks_anew__", False)

        async def handle(request: Request) -> Response:
            if allowed is None:
                raise Forbidden
            principal = await allowed(request)
            gates: Gates = request.app.state.gates
            with gates.caller(principal):  # before the body: who has too much under way makes us read nothing
                _refuse_unknown(request, known)
                await request.body()  # before the handler: a body too long or too slow is answered as what it is
                if replayed and "idempotency-key" in request.headers:
                    return await run_once(request, principal.source, self.path_format, inner)
                return await inner(request)

        return handle


def _shown(methods: set[str]) -> dict[str, Any]:
    """What the OpenAPI document says of every route with a token."""
    shown: dict[str, Any] = {"security": [{"bearer": []}]}
    return shown | {"parameters": [IDEMPOTENCY_KEY]} if methods == {"POST"} else shown


def asks_anew(endpoint: Endpoint) -> Endpoint:
    """Mark a POST whose repetition is answered from the state, not from the kept answer (``work/next``)."""
    endpoint.__dict__["__asks_anew__"] = True
    return endpoint


def allowed_by(dependant: Dependant) -> Allowed | None:
    """The ``Allowed`` among a route's dependencies, however deep."""
    if isinstance(dependant.call, Allowed):
        return dependant.call
    found = (allowed_by(inner) for inner in dependant.dependencies)
    return next((allowed for allowed in found if allowed is not None), None)


def _query_names(dependant: Dependant) -> frozenset[str]:
    own = {field.alias for field in dependant.query_params}
    return frozenset(own.union(*(_query_names(inner) for inner in dependant.dependencies)))


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    if any(name not in known for name in request.query_params):
        raise Invalid(
            "The query has a parameter that is not known here.", code="unknown_parameter", known=sorted(known)
        )
