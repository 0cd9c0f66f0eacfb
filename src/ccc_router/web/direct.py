"""Vendors' deliveries go to their handlers directly: finding a route and reading its parameters by the framework costs more than taking one.

The routes stand in the framework all the same, for the OpenAPI document and for every other method.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]
"""Answers a POST; what it raises is answered as everywhere."""

_PARAMETER: Final = "{endpoint}"


class _Route:
    """A pattern with one parameter. ``path`` is what metrics call it."""

    def __init__(self, pattern: str, handler: Handler) -> None:
        self.path = pattern
        self.before, _, self.after = pattern.partition(_PARAMETER)
        self.handler = handler

    def endpoint_of(self, path: str) -> str:
        """The parameter in a path; "" when it is another route's."""
        if not (path.startswith(self.before) and path.endswith(self.after)):
            return ""
        name = path[len(self.before) : len(path) - len(self.after)]
        return "" if "/" in name else name


class Direct:
    """Stands before the framework."""

    def __init__(self, app: ASGIApp, *, routes: Mapping[str, Handler]) -> None:
        """``routes``: handlers of POST by pattern, such as ``/v1/channels/phone/{endpoint}/events``."""
        self.app = app
        self._routes = [_Route(pattern, handler) for pattern, handler in routes.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            for route in self._routes:
                if name := route.endpoint_of(scope["path"]):
                    scope["route"], scope["path_params"] = route, {"endpoint": name}
                    response = await route.handler(Request(scope, receive))
                    await response(scope, receive, send)
                    return
        await self.app(scope, receive, send)
