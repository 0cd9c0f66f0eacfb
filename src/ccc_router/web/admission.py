"""Who is let in before anything of a request is read: places by endpoint, bytes of bodies, streams (I14).

Callers with a token have places by their role besides, once it is known who they are (`rest.access`). Health and metrics always answer:
whoever looks after the service must see it when it is full.
"""

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..rest.gates import Gates
from .middleware import BodyLimits

_ALWAYS: Final = frozenset({"/livez", "/readyz", "/metrics"})
_CHANNELS: Final = ("v1", "channels")
_STREAM: Final = "stream"
_CALLERS: Final = "callers"
_LONGEST_NAME: Final = 100


class Admission:
    """Stands before everything that reads."""

    def __init__(self, app: ASGIApp, *, gates: Gates, limits: BodyLimits) -> None:
        self.app = app
        self._gates = gates
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self.app(scope, receive, send)
            return
        steps = scope["path"].strip("/").split("/", 5)
        party = steps[3][:_LONGEST_NAME] if len(steps) > 3 and tuple(steps[:2]) == _CHANNELS else _CALLERS
        with ExitStack() as entered:
            entered.enter_context(self._place(scope, party))
            entered.enter_context(self._gates.bodies.within(party, self._bytes(scope)))
            await self.app(scope, receive, send)

    def _place(self, scope: Scope, party: str) -> AbstractContextManager[None]:
        if scope["method"] == "GET" and scope["path"].rpartition("/")[2] == _STREAM:
            return self._gates.streams.within(party)
        return self._gates.endpoints.within(party) if party != _CALLERS else nullcontext()

    def _bytes(self, scope: Scope) -> int:
        """What a body may take of our memory: its length as announced, or all it may be where none is. 0 for none."""
        headers = Headers(scope=scope)
        told = headers.get("content-length")
        limit = self._limits.of(scope["path"])
        if told is None:
            return limit if "transfer-encoding" in headers else 0
        return (
            min(int(told), limit) if told.isdigit() and len(told) < 16 else 0
        )  # a longer one is refused where it is read
