"""A neutral switch: posts signed call events, takes signed call control, and lets a test say what phones do."""

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.asgi import serving
from tests.support.process import SECRET

Command = dict[str, object]


class FakeSwitch:
    """The switch of endpoint ``endpoint``. ``agents_answer`` says whether phones that ring are picked up."""

    def __init__(self, endpoint: str = "hotline") -> None:
        self.endpoint = endpoint
        self.commands: list[Command] = []
        self.agents_answer = True
        self.customers_answer = True
        self.react: Callable[[Command], None] | None = None
        self.control_url = ""
        self._service: httpx.AsyncClient | None = None
        self._numbers = itertools.count(1)
        self._prefix = f"{datetime.now(UTC).timestamp():.6f}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeSwitch"]:
        """Listen for call control."""
        async with serving(Starlette(routes=[Route("/control", self._control, methods=["POST"])])) as url:
            self.control_url = f"{url}/control"
            try:
                yield self
            finally:
                if self._service is not None:
                    await self._service.aclose()

    def connect(self, service_url: str) -> None:
        """Where the service is."""
        self._service = httpx.AsyncClient(base_url=service_url, timeout=10)

    def words(self, call_id: str) -> list[object]:
        """The commands that came about a call, in order."""
        return [one["command"] for one in self.commands if one["call_id"] == call_id]

    async def event(self, name: str, call_id: str, leg_id: str = "cust", **more: object) -> httpx.Response:
        """Post one call event."""
        number = next(self._numbers)
        body = {
            "event_id": f"{self._prefix}-{number}",
            "event": name,
            "call_id": call_id,
            "leg_id": leg_id,
            "role": "customer" if leg_id == "cust" else "agent",
            "at": datetime.now(UTC).isoformat(),
            "sequence": number,
            **more,
        }
        return await self.post(json.dumps(body).encode())

    async def post(self, raw: bytes, message_id: str = "") -> httpx.Response:
        """Post a signed body as it is."""
        assert self._service is not None
        message_id = message_id or f"msg_{next(self._numbers)}"
        at = datetime.now(UTC)
        signature = Webhook(SECRET).sign(message_id, at, raw.decode())
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
            "content-type": "application/json",
        }
        return await self._service.post(f"/v1/channels/phone/{self.endpoint}/events", content=raw, headers=headers)

    async def _control(self, request: Request) -> Response:
        raw = await request.body()
        command: Command = Webhook(SECRET).verify(raw.decode(), dict(request.headers))
        self.commands.append(command)
        call_id = str(command["call_id"])
        match command["command"]:
            case "connect" | "dial":
                await self._ring(command, call_id)
            case "hold":
                await self.event("Held", call_id, self._leg(call_id))
            case "resume":
                await self.event("Retrieved", call_id, self._leg(call_id))
            case "hangup":
                if self._made(call_id):
                    await self.event("ConnectionCleared", call_id, self._leg(call_id))
                await self.event("ConnectionCleared", call_id)
            case _:
                pass
        return Response(status_code=202)

    async def _ring(self, command: Command, call_id: str) -> None:
        leg = f"agent-{command['offer_id']}"
        more = {"agent": command["agent_endpoint"], "offer_id": command["offer_id"]}
        await self.event("Delivered", call_id, leg, **more)
        if not self.agents_answer:
            return
        await self.event("Established", call_id, leg, **more)
        if command["command"] == "dial":
            await self.event("Offered", call_id, calling="19009068", called=command["called"], outbound=True)
            if self.customers_answer:
                await self.event("Established", call_id)
            else:
                await self.event("Failed", call_id, cause="busy")

    def _leg(self, call_id: str) -> str:
        return f"agent-{self._made(call_id)[-1]['offer_id']}"

    def _made(self, call_id: str) -> list[Command]:
        return [one for one in self.commands if one["call_id"] == call_id and one["command"] in ("connect", "dial")]
