"""Calls that agents take: a switch that does as it is told, callers who lose patience, phones that are not picked up."""

import asyncio
import itertools
import json
import random
import time
from typing import Any, Final

from soak.centre import HOTLINE
from soak.load.asking import Doors
from soak.load.calls import Numbers, event, posted

_PATIENCE_S: Final = (3.0, 20.0)
_TALK_S: Final = (0.5, 4.0)
_NOT_PICKED_UP: Final = 0.1
_LONGEST_S: Final = 30.0
_LAST_S: Final = 2.0


class Hotline:
    """The switch of the endpoint with call control, and its callers."""

    def __init__(self, doors: Doors, numbers: Numbers, rng: random.Random, every_s: float) -> None:
        self._doors = doors
        self._numbers = numbers
        self._rng = rng
        self._every_s = every_s
        self._calls = itertools.count(1)
        self._wishes: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._known: set[str] = set()

    async def run(self) -> None:
        """Callers come one after the other until it is over; returns when the last has hung up."""
        async with asyncio.TaskGroup() as callers:
            while not self._doors.over.is_set():
                callers.create_task(self._call())
                await asyncio.sleep(self._rng.expovariate(1 / self._every_s))

    def control(self, body: bytes) -> int:
        """A signed command of the service; the status of the answer. The same command again changes nothing."""
        command = json.loads(body)
        self._doors.record.note("control", (command["command_id"], command["call_id"], command["command"]))
        wishes = self._wishes.get(command["call_id"])
        if wishes is None:
            return 404
        if command["command_id"] not in self._known:
            self._known.add(command["command_id"])
            wishes.put_nowait(command)
        return 202

    async def _call(self) -> None:
        call, caller = f"h{next(self._calls)}", self._rng.randrange(20_000)
        wishes = self._wishes[call] = asyncio.Queue()
        await self._tell(call, caller, ("Offered", "c", ""), ("Queued", "c", ""))
        try:
            async with asyncio.timeout(_LONGEST_S):
                await self._be_served(call, caller, wishes)
        except TimeoutError:
            pass
        finally:
            self._wishes.pop(call, None)
        await self._tell(call, caller, ("ConnectionCleared", "c", ""))

    async def _be_served(self, call: str, caller: int, wishes: "asyncio.Queue[dict[str, Any]]") -> None:
        """Until the caller or the agent has had enough."""
        patience_s, leg = self._rng.uniform(*_PATIENCE_S), ""
        while True:
            try:
                async with asyncio.timeout(min(patience_s, _LAST_S) if self._doors.over.is_set() else patience_s):
                    command = await wishes.get()
            except TimeoutError:
                if leg:
                    await self._tell(call, caller, ("ConnectionCleared", leg, ""))
                return
            match command["command"]:
                case "connect":
                    leg = await self._ring(call, caller, command)
                    patience_s = self._rng.uniform(*_TALK_S) + 10 if leg else patience_s
                case "cancel":
                    leg = ""
                case "hold" if leg:
                    await self._tell(call, caller, ("Held", leg, ""))
                case "resume" if leg:
                    await self._tell(call, caller, ("Retrieved", leg, ""))
                case "hangup":
                    if leg:
                        await self._tell(call, caller, ("ConnectionCleared", leg, ""))
                    return
                case _:
                    pass

    async def _ring(self, call: str, caller: int, command: dict[str, Any]) -> str:
        """The agent's leg, or nothing when nobody picks up."""
        leg = f"a{command['offer_id']}"
        more = f',"agent":"{command["agent_endpoint"]}","offer_id":"{command["offer_id"]}"'
        if self._rng.random() < _NOT_PICKED_UP:
            await self._tell(call, caller, ("Delivered", leg, more), ("Failed", leg, f'{more},"cause":"no_answer"'))
            return ""
        await self._tell(call, caller, ("Delivered", leg, more), ("Established", leg, more))
        return leg

    async def _tell(self, call: str, caller: int, *told: tuple[str, str, str]) -> None:
        numbers = [self._numbers.take() for _ in told]
        events = [
            event(number, name, call, leg, caller=caller, at=time.time(), more=more)
            for number, (name, leg, more) in zip(numbers, told, strict=True)
        ]
        await self._doors.insist(posted(self._doors, HOTLINE, numbers, events, len(numbers)))
