"""A neutral phone switch: tells call events, takes call control, rings agents' phones. Both ways are signed."""

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ccc_router.demo.world import World
from ccc_router.kernel import signing

Command = dict[str, Any]

_RINGS_S: Final = 0.8
_RINGS_OUT_S: Final = 4.0
_NOT_PICKED_UP: Final = 0.04
_CUSTOMER_PICKS_UP: Final = 0.8
_TALKS_S: Final = 5.0


@dataclass(slots=True)
class Line:
    """One call. ``answered`` is set while customer and agent are connected, ``over`` when the customer is gone."""

    call_id: str
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    agent_leg: str = ""
    ringing_leg: str = ""

    @property
    def customer_leg(self) -> str:
        """The customer's leg."""
        return f"{self.call_id}-c"


class Switch:
    """The switch of one phone endpoint."""

    def __init__(self, world: World, endpoint: str, address: str) -> None:
        self._world = world
        self._endpoint = endpoint
        self._keys = signing.keys_of([world.secret_of(endpoint)])
        self._dice = world.chance("switch", endpoint)
        self._numbers = itertools.count(1)
        self._lines: dict[str, Line] = {}
        self.address = address
        self.app = Starlette(routes=[Route("/control", self._control, methods=["POST"])])

    def line(self) -> Line:
        """A new call."""
        return self._keep(Line(f"{self._world.run}-{next(self._numbers)}"))

    def _keep(self, line: Line) -> Line:
        self._lines[line.call_id] = line
        return line

    async def tell(self, line: Line, event: str, leg: str, **more: object) -> None:
        """Post one call event; those of a call in their order."""
        async with line.telling:
            number = next(self._numbers)
            document = {
                "event_id": f"{self._world.run}-e{number}",
                "event": event,
                "call_id": line.call_id,
                "leg_id": leg,
                "role": "customer" if leg == line.customer_leg else "agent",
                "at": self._world.clock.now().isoformat(),
                "sequence": number,
                **more,
            }
            body = json.dumps(document, ensure_ascii=False).encode()
            at = self._world.clock.now_ms() // 1000
            headers = signing.sign(self._keys, f"msg_{self._world.run}_{number}", at, body)
            headers["content-type"] = "application/json"
            path = f"/v1/channels/phone/{self._endpoint}/events"
            await self._world.send("POST", path, headers=headers, content=body)

    async def leave(self, line: Line, cause: str = "") -> None:
        """The customer hangs up; the agent's phone hears it."""
        if line.over.is_set():
            return
        line.over.set()
        line.answered.clear()
        await self.tell(line, "ConnectionCleared", line.customer_leg, **({"cause": cause} if cause else {}))
        for leg in {line.agent_leg, line.ringing_leg} - {""}:
            await self.tell(line, "ConnectionCleared", leg)
        self._lines.pop(line.call_id, None)

    async def _control(self, request: Request) -> Response:
        raw = await request.body()
        now = self._world.clock.now_ms() / 1000
        if not isinstance(signing.verify(self._keys, request.headers, raw, now), signing.Verified):
            return Response(status_code=401)
        command: Command = json.loads(raw)
        line = self._lines.get(command["call_id"])
        if command["command"] == "dial":
            line = self._keep(Line(command["call_id"]))
        if line is None:
            await self._unknown(command)
            return Response(status_code=404)
        self._world.begin(self._do(line, command), f"switch-{command['command']}")
        return Response(status_code=202)

    async def _unknown(self, command: Command) -> None:
        """A call of before the switch began: it says so, lest somebody goes on waiting for it."""
        if command["command"] in ("connect", "hangup", "queue") and command.get("leg_id"):
            lost = Line(command["call_id"])
            self._world.begin(self.tell(lost, "ConnectionCleared", command["leg_id"], role="customer"), "switch-lost")

    async def _do(self, line: Line, command: Command) -> None:
        match command["command"]:
            case "connect":
                await self._ring(line, command)
            case "dial":
                await self._dial(line, command)
            case "queue" | "cancel":
                await self._drop_agent(line)
            case "hold" if line.agent_leg:
                await self.tell(line, "Held", line.agent_leg)
            case "resume" if line.agent_leg:
                await self.tell(line, "Retrieved", line.agent_leg)
            case "hangup":
                if line.agent_leg:
                    await self.tell(line, "ConnectionCleared", line.agent_leg)
                    line.agent_leg = ""
                await self.leave(line)
            case _:
                pass

    async def _drop_agent(self, line: Line) -> None:
        legs, line.agent_leg, line.ringing_leg = {line.agent_leg, line.ringing_leg} - {""}, "", ""
        line.answered.clear()
        for leg in legs:
            await self.tell(line, "ConnectionCleared", leg, cause="cancelled")

    async def _ring(self, line: Line, command: Command) -> bool:
        leg = line.ringing_leg = f"{line.call_id}-a{next(self._numbers)}"
        about = {"agent": command["agent_endpoint"], "offer_id": command["offer_id"]}
        await self.tell(line, "Delivered", leg, **about)
        answers = self._dice.random() >= _NOT_PICKED_UP
        await self._world.pause(self._dice, _RINGS_S if answers else _RINGS_OUT_S)
        if line.ringing_leg != leg or line.over.is_set():  # cancelled, or the caller left meanwhile
            return False
        line.ringing_leg = ""
        if not answers:
            await self.tell(line, "Failed", leg, cause="no_answer", **about)
            return False
        line.agent_leg = leg
        await self.tell(line, "Established", leg, **about)
        line.answered.set()
        return True

    async def _dial(self, line: Line, command: Command) -> None:
        if not await self._ring(line, command):
            self._lines.pop(line.call_id, None)
            return
        about = {"calling": self.address, "called": command["called"], "outbound": True}
        await self.tell(line, "Offered", line.customer_leg, **about)
        await self._world.pause(self._dice, _RINGS_S * 2)
        if self._dice.random() < _CUSTOMER_PICKS_UP:
            await self.tell(line, "Established", line.customer_leg)
            await self._world.pause(self._dice, _TALKS_S)
            await self.leave(line)
        else:
            await self.leave(line, "no_answer")
