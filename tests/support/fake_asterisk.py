"""A switch made of a recording: it dials the service's ARI socket and takes call control, and plays the recorded events that follow."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.asgi import serving
from tests.support.process import SECRET

LOGIN = "switch:s3cret-pass"
Event = dict[str, Any]


class FakeAsterisk:
    """Plays ``events``, in their order. The offer of each connect takes the place of the recorded reservation."""

    def __init__(self, events: list[Event]) -> None:
        self._rest = list(events)
        self.commands: list[dict[str, Any]] = []
        self.react: Callable[[dict[str, Any]], Event | None] = lambda _command: None
        self.control_url = ""
        self._offer = ""
        self._socket: ClientConnection | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeAsterisk"]:
        """Listen for call control."""
        async with serving(Starlette(routes=[Route("/control", self._control, methods=["POST"])])) as url:
            self.control_url = f"{url}/control"
            yield self

    @asynccontextmanager
    async def dialled(self, service_url: str, endpoint: str) -> AsyncIterator[None]:
        """Connected to the service as Asterisk connects."""
        url = f"{service_url.replace('http', 'ws', 1)}/v1/channels/phone/{endpoint}/ari"
        headers = {"Authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode()}
        async with connect(url, additional_headers=headers, subprotocols=[Subprotocol("ari")], proxy=None) as socket:
            self._socket = socket
            yield

    @property
    def words(self) -> list[str]:
        """The commands that came, in order."""
        return [str(one["command"]) for one in self.commands]

    async def play(self, until: Event | None) -> None:
        """Send the recorded events up to and with this one; all that are left when there is none."""
        assert self._socket is not None
        upto = len(self._rest) if until is None else self._rest.index(until) + 1
        now, self._rest = self._rest[:upto], self._rest[upto:]
        for event in now:
            if event["type"] == "StasisStart" and event["args"][:1] == ["agent"]:
                event = {**event, "args": ["agent", self._offer, *event["args"][2:]]}
            await self._socket.send(json.dumps(event))

    async def _control(self, request: Request) -> Response:
        raw = await request.body()
        command: dict[str, Any] = Webhook(SECRET).verify(raw.decode(), dict(request.headers))
        self.commands.append(command)
        if command["command"] == "connect":
            self._offer = command["offer_id"]
        until = self.react(command)
        if until is not None:
            await self.play(until)
        return Response(status_code=202)
