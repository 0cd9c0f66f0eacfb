"""How a department works on an escalation, whichever way it was told of it."""

import asyncio
from typing import Final, Literal

from ccc_router.demo import words
from ccc_router.demo.world import Caller, Json, World

Temper = Literal["prompt", "slow", "dead"]

TEMPERS: Final[dict[str, Temper]] = {
    "collection": "slow",  # takes its time to say "received", and longer than its deadline to answer
    "it": "dead",  # its machine hangs up on everybody
    "legal": "dead",  # reads its mail and never answers
}
_ACKNOWLEDGES_S: Final = 1.0
_ANSWERS_S: Final = 3.0
_SLOWER: Final = 40
_ASKS: Final = 0.12
_RETURNS: Final = 0.06
_FORWARDS: Final = 0.03
_PROGRESS: Final = 0.2
_REPLY_S: Final = 60.0


def temper_of(department: str) -> Temper:
    """How it is."""
    return TEMPERS.get(department, "prompt")


class Department:
    """One department with a system of its own and a token."""

    def __init__(self, world: World, department: str) -> None:
        self.id = department
        self.temper = temper_of(department)
        self.seen: set[str] = set()
        self._world = world
        self._me = Caller("department", department)
        self._dice = world.chance("department", department)
        self._waiting: dict[str, asyncio.Event] = {}

    async def resume(self) -> None:
        """Take up what was left open before."""
        got = await self._world.get(self._me, "/v1/escalations?state=raised&state=acknowledged&limit=200")
        for one in got.body.get("items", ()):
            if one["department"] == self.id:
                self._world.begin(self.work_on(one["escalation_id"]), f"department-{self.id}")

    def told(self, event: Json) -> None:
        """A notice came, once."""
        escalation = event["data"]["escalation_id"]
        match event["type"].split(".")[2]:
            case "raised" if event["data"]["department"] == self.id:
                self._world.begin(self.work_on(escalation), f"department-{self.id}")
            case "rejected":
                self._world.begin(self._answer(escalation), f"department-{self.id}")
            case "reply" if escalation in self._waiting:
                self._waiting[escalation].set()
            case _:
                pass

    async def work_on(self, escalation: str) -> None:
        """Acknowledge, then answer in time, late, ask back, return or pass on."""
        await self._world.pause(self._dice, _ACKNOWLEDGES_S)
        await self._say(escalation, "acknowledge")
        fate = self._dice.random()
        if fate < _RETURNS:
            await self._say(escalation, "return", {"reason": words.DEPARTMENT_RETURNS})
        elif fate < _RETURNS + _FORWARDS:
            await self._say(escalation, "forward", {"department": "office", "text": words.DEPARTMENT_RETURNS})
        else:
            if fate < _RETURNS + _FORWARDS + _ASKS:
                await self._ask(escalation)
            elif fate > 1 - _PROGRESS:
                await self._say(escalation, "progress", {"text": words.DEPARTMENT_PROGRESS})
            await self._answer(escalation)

    async def _ask(self, escalation: str) -> None:
        heard = self._waiting[escalation] = asyncio.Event()
        await self._say(escalation, "ask", {"text": words.DEPARTMENT_ASKS})
        await self._world.clock.wait(heard, _REPLY_S)
        del self._waiting[escalation]

    async def _answer(self, escalation: str) -> None:
        await self._world.pause(self._dice, _ANSWERS_S * (_SLOWER if self.temper == "slow" else 1))
        await self._say(escalation, "answer", {"text": self._dice.choice(words.DEPARTMENT_ANSWERS)})

    async def _say(self, escalation: str, what: str, body: Json | None = None) -> None:
        await self._world.post(self._me, f"/v1/escalations/{escalation}/{what}", body)
