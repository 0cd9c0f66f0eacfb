"""What surrounds every request: its id, its log line, its headers, the limits of its body, and the answer to our own faults.

Plain ASGI, because Starlette's ``BaseHTTPMiddleware`` buffers streams and loses cancellations.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..kernel import ids, tracing
from ..kernel.clock import Clock
from ..kernel.errors import CccError, RequestTimeout, TooLarge
from ..kernel.log import get_logger
from ..rest.problems import problem_of
from . import metrics

_log = get_logger("web")

MEBIBYTE: Final = 1024 * 1024
_DELIVERIES: Final = "/channels/"  # the pattern may stand with or without the prefix of the router around it
_UNTRACED: Final = frozenset({"/livez", "/readyz", "/metrics"})  # asked every few seconds, and lead to nothing
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_RAW_HEADERS: Final = tuple((name.lower().encode(), value.encode()) for name, value in _HEADERS.items())


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How long a body may be, by the longest path prefix that fits, and how long it may take to come."""

    default: int = MEBIBYTE
    by_prefix: Sequence[tuple[str, int]] = ()
    seconds: float = 20.0

    def of(self, path: str) -> int:
        """Bytes."""
        fitting = [(len(prefix), size) for prefix, size in self.by_prefix if path.startswith(prefix)]
        return max(fitting)[1] if fitting else self.default


@dataclass(slots=True)
class Exchange:
    """What became of one request."""

    request_id: str
    started: float
    status: int = 0
    begun: bool = False


class Surroundings:
    """The outermost middleware of ours."""

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        self.app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(ids.fresh("rq"), self._clock.monotonic())
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        if not tracing.on() or scope["path"] in _UNTRACED:
            await self._exchange(exchange, scope, receive, send)
            return
        with tracing.span("request", "server", tracing.read(Headers(scope=scope).get(tracing.HEADER, ""))) as span:
            await self._exchange(exchange, scope, receive, send)
            method, route = method_of(scope), route_of(scope)
            span.call(f"{method} {route}".strip())
            span.note(
                {"http.request.method": method, "http.route": route, "http.response.status_code": exchange.status}
            )

    async def _exchange(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        dressed = _dress(exchange, send)
        with metrics.IN_FLIGHT.track_inprogress():
            try:
                await self.app(scope, receive, dressed)
            except ClientDisconnect:
                exchange.status = exchange.status or 499
            except CccError as error:
                await self._answer(exchange, problem_of(error), scope, receive, dressed)
            except Exception as error:  # noqa: BLE001 - the last place where a fault of ours becomes an answer
                answer = problem_of(error)
                # A database that is away is no fault of ours: its alarm is another one.
                told = _log.exception if answer.status_code == 500 else _log.warning
                name = "request_failed" if answer.status_code == 500 else "request_unavailable"
                told(name, request_id=exchange.request_id, route=route_of(scope), error=type(error).__name__)
                await self._answer(exchange, answer, scope, receive, dressed)
            finally:
                self._record(scope, exchange)

    async def _answer(self, exchange: Exchange, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        if not exchange.begun:
            await response(scope, receive, send)

    def _record(self, scope: Scope, exchange: Exchange) -> None:
        """One line and one measurement: the route's pattern, never its path or query, which may hold anything."""
        seconds = self._clock.monotonic() - exchange.started
        method, route = method_of(scope), route_of(scope)
        metrics.observe(method, route, exchange.status, seconds)
        principal = scope.get("state", {}).get("principal")
        if _DELIVERIES in route and exchange.status < 300:
            return  # a delivery taken is counted by its channel and kept raw; a line for each would cost more than taking it
        _log.info(
            "request",
            request_id=exchange.request_id,
            method=method,
            route=route,
            status=exchange.status,
            took_ms=round(seconds * 1000, 1),
            role=str(principal.role) if principal else "",
        )


def _dress(exchange: Exchange, send: Send) -> Send:
    """Add our headers to the answer; remember its status."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status, exchange.begun = message["status"], True
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = exchange.request_id
            told = {name for name, _ in headers.raw}
            headers.raw.extend(pair for pair in _RAW_HEADERS if pair[0] not in told)
        await send(message)

    return dressed


class BodyGuard:
    """Refuses bodies that are too long or too slow while they come, without keeping them."""

    def __init__(self, app: ASGIApp, *, limits: BodyLimits, clock: Clock) -> None:
        self.app = app
        self._limits = limits
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limits.of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdigit() or int(announced) > limit:
            raise TooLarge(f"The body is over {limit} bytes.", limit_bytes=limit)
        deadline = self._clock.monotonic() + self._limits.seconds
        size, complete = 0, False

        async def guarded() -> Message:
            nonlocal size, complete
            if complete:  # what comes now is only the end of the connection, which may take its time
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                    message = await receive()
            except TimeoutError as error:
                raise RequestTimeout from error
            size += len(message.get("body", b""))
            if size > limit:
                raise TooLarge(f"The body is over {limit} bytes.", limit_bytes=limit)
            complete = not message.get("more_body", False)
            return message

        await self.app(scope, guarded, send)


def route_of(scope: Scope) -> str:
    """The pattern of the route that answered: `/v1/contacts/{contact_id}`; "" when there is none."""
    pattern: str = getattr(scope.get("route"), "path", "")
    return pattern


def method_of(scope: Scope) -> str:
    """The method, if it is one of HTTP's own: a label must not be the caller's to choose."""
    method: str = scope["method"]
    return method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} else "other"
