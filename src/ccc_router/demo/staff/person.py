"""An agent: signs in, pulls, takes, declines or misses what he is offered, takes breaks. What he has, his stream tells him."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ccc_router.demo.world import Answer, Caller, Json, World

Handle = Callable[["Person", Json], Awaitable[None]]

_MISSES: Final = 0.02
_DECLINES: Final = 0.03
_LOOKS_S: Final = 0.5
_BREAK_AFTER_S: Final = 90.0
_BREAK_S: Final = 8.0
_BEATS_S: Final = 10.0
_AT_HAND: Final = frozenset({"connecting", "active", "held", "wrap_up"})


class Person:
    """One agent of the catalogue. ``handle`` is what he does with a contact that is his."""

    def __init__(self, world: World, profile: Json, handle: Handle) -> None:
        self.world = world
        self.me = Caller("agent", profile["id"])
        self.dice = world.chance("agent", profile["id"])
        self._handle = handle
        self._state = "on_demand" if self.dice.random() < 0.3 else "ready"
        self._contacts: dict[str, Json] = {}
        self._busy: set[str] = set()
        self._out = False
        self._changed = asyncio.Event()

    # -- what he does

    async def shift(self) -> None:
        """Work, without end."""
        await self.world.pause(self.dice, 0.5)
        await self._say(self._state)
        self.world.begin(self._watch(), f"stream-{self.me.subject}")
        self.world.begin(self._beat(), f"heartbeat-{self.me.subject}")
        rest_at = self._next_break()
        while True:
            if self._out:
                await self.world.clock.sleep(0.5)
                continue
            if self.world.clock.monotonic() >= rest_at and not self._busy:
                await self._break()
                rest_at = self._next_break()
            got = await self.world.post(self.me, "/v1/agents/me/work/next?wait=10", wait_s=30)
            if got.status == 200:
                await self._consider(got.body)
            elif got.status == 204:
                await self._still_in()
            else:
                await self.world.clock.sleep(1)

    async def _consider(self, offer: Json) -> None:
        fate = self.dice.random()
        path = f"/v1/offers/{offer['offer_id']}"
        if fate < _MISSES:
            await self.world.clock.sleep(offer["ttl_ms"] / 1000 + 0.2)
            return
        await self.world.pause(self.dice, _LOOKS_S)
        if fate < _MISSES + _DECLINES and offer["channel"] != "internal":
            await self.world.post(self.me, f"{path}/decline", {"reason": "busy_with_case"})
            return
        taken = await self.world.post(self.me, f"{path}/accept")
        if taken.done:
            self._mine(taken.body)

    async def step_out(self, reason: str) -> None:
        """Take nothing new until `step_in`; what is at hand goes on."""
        self._out = True
        await self._say("not_ready", reason)

    async def step_in(self) -> None:
        """Take contacts again."""
        self._out = False
        await self._say(self._state)

    async def _break(self) -> None:
        await self._say("not_ready", "break")
        await self.world.pause(self.dice, _BREAK_S)
        await self._say(self._state)

    async def _still_in(self) -> None:
        """Nothing came: perhaps because he missed too much and was taken out."""
        if self._out:
            return
        presence = await self.world.get(self.me, "/v1/agents/me/presence")
        if presence.body.get("state") in ("not_ready", "signed_out"):
            await self.world.pause(self.dice, 2)
            await self._say(self._state)

    async def _say(self, state: str, reason: str = "") -> Answer:
        body = {"state": state, "reason": reason} if reason else {"state": state}
        return await self.world.put(self.me, "/v1/agents/me/presence", body)

    def _next_break(self) -> float:
        return self.world.clock.monotonic() + _BREAK_AFTER_S * self.dice.lognormvariate(0, 0.5)

    # -- what he has

    async def fresh(self, contact_id: str) -> Json | None:
        """The contact as it is now; None when it is not his any more."""
        got = await self.world.get(self.me, f"/v1/contacts/{contact_id}")
        mine = got.status == 200 and got.body["agent"] == self.me.subject and got.body["state"] in _AT_HAND
        return got.body if mine else None

    async def until(self, contact_id: str, states: frozenset[str], seconds: float) -> Json | None:
        """Wait until his contact is in one of the states; None when the time is over or it is not his any more."""
        end = self.world.clock.monotonic() + seconds
        while (left := end - self.world.clock.monotonic()) > 0:
            self._changed.clear()
            known = self._contacts.get(contact_id)
            if known is None or known["state"] in states:
                known = await self.fresh(contact_id)
                if known is None or known["state"] in states:
                    return known
            await self.world.clock.wait(self._changed, min(left, 5.0))
        return None

    async def _watch(self) -> None:
        while True:
            async for _name, data, _number in self.world.events("/v1/agents/me/stream", self.world.bearer(self.me)):
                if "contacts" in data:
                    self._contacts = {one["contact_id"]: one for one in data["contacts"]}
                    for one in data["contacts"]:
                        self._mine(one)
                    self._changed.set()
            await self.world.clock.sleep(0.5)

    async def _beat(self) -> None:
        """An open stream is no sign of life; a request is."""
        while True:
            await self.world.clock.sleep(_BEATS_S)
            await self.world.post(self.me, "/v1/agents/me/heartbeat")

    def _mine(self, contact: Json) -> None:
        contact_id = contact["contact_id"]
        if contact["state"] in _AT_HAND and contact_id not in self._busy:
            self._busy.add(contact_id)
            self._contacts.setdefault(contact_id, contact)
            self.world.begin(self._work_on(contact_id), f"{contact['channel']}-{self.me.subject}")

    async def _work_on(self, contact_id: str) -> None:
        try:
            contact = await self.fresh(contact_id)
            if contact is not None:
                await self._handle(self, contact)
        finally:
            self._busy.discard(contact_id)
