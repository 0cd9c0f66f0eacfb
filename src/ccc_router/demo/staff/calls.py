"""An agent on the phone. When a call is over, the switch decides and the contact's state tells."""

from typing import Final

from ccc_router.demo.staff import handing
from ccc_router.demo.staff.person import Person
from ccc_router.demo.world import Json

_CONNECTED: Final = frozenset({"active", "held", "wrap_up"})
_OVER: Final = frozenset({"wrap_up"})
_HOLDS: Final = 0.15
_PASSES_ON: Final = 0.04
_HANGS_UP: Final = 0.15
_ESCALATES: Final = 0.1
_LONGEST_RING_S: Final = 40.0
_LONGEST_TALK_S: Final = 300.0


async def talk(person: Person, contact: Json) -> None:
    """From the ringing phone to the end of wrap-up."""
    contact_id = contact["contact_id"]
    now = await person.until(contact_id, _CONNECTED, _LONGEST_RING_S)
    if now is None:
        return  # nobody answered in time, or the caller left
    escalated = False
    if now["state"] == "active":
        fate = person.dice.random()
        await person.world.pause(person.dice, 2)
        if fate < _HOLDS:
            await _hold(person, contact_id)
        elif fate < _HOLDS + _PASSES_ON and contact["direction"] == "inbound":
            if await handing.pass_on(person, now):
                return
        elif fate < _HOLDS + _PASSES_ON + _ESCALATES and contact["direction"] == "inbound":
            escalated = await handing.escalate(person, now, now["topic"], "", keep=True)
        elif fate > 1 - _HANGS_UP:
            await person.world.pause(person.dice, 2)
            await person.world.post(person.me, f"/v1/contacts/{contact_id}/hangup")
        now = await person.until(contact_id, _OVER, _LONGEST_TALK_S)
    if now is not None:
        await handing.finish(person, now, escalated=escalated)


async def _hold(person: Person, contact_id: str) -> None:
    held = await person.world.post(person.me, f"/v1/contacts/{contact_id}/hold")
    if held.done and await person.until(contact_id, frozenset({"held", "wrap_up"}), 5):
        await person.world.pause(person.dice, 1.5)
        await person.world.post(person.me, f"/v1/contacts/{contact_id}/resume")
