"""Something came back from a department: the agent who knows the case reads it, judges it, and tells the customer."""

from typing import Final

from ccc_router.demo import words
from ccc_router.demo.staff import handing
from ccc_router.demo.staff.person import Person
from ccc_router.demo.world import Json

_READS_S: Final = 2.0
_REJECTS: Final = 0.12
_CALLS: Final = 8
_AGAIN_S: Final = 2.5


async def take_back(person: Person, contact: Json) -> None:
    """Answered: accept and tell the customer, or reject. Asked: reply. Returned or overdue: note it."""
    if contact["state"] == "wrap_up":
        await handing.finish(person, contact)
        return
    await person.world.pause(person.dice, _READS_S)
    path = f"/v1/escalations/{contact['escalation_id']}"
    got = await person.world.get(person.me, path)
    said = got.body.get("messages") or []
    if got.body.get("state") == "answered":
        if person.dice.random() < _REJECTS and not got.body["rejections"]:
            await person.world.post(person.me, f"{path}/reject", {"reason": words.REJECTED})
        elif await _accept(person, contact, path, said[-1]["text"] if said else ""):
            return
    elif got.done and said and said[-1]["text"] == words.DEPARTMENT_ASKS:
        await person.world.post(person.me, f"{path}/reply", {"text": words.CENTRE_REPLIES})
    note = {"text": words.NOTES[1], "visibility": "note"}
    await person.world.post(person.me, f"/v1/contacts/{contact['contact_id']}/messages", note)
    await handing.finish(person, contact)


async def _accept(person: Person, contact: Json, path: str, text: str) -> bool:
    """The answer is good. Tell whether the contact is done with."""
    accepted = await person.world.post(person.me, f"{path}/accept")
    return accepted.done and await _tell_customer(person, contact, text)


async def _tell_customer(person: Person, contact: Json, text: str) -> bool:
    """On the channel he used; who only ever called is called. Tell whether the contact is done with."""
    written = {"text": text or words.ANSWERS[2][0], "then": "complete", "disposition": "answered"}
    path = f"/v1/contacts/{contact['contact_id']}/messages"
    sent = await person.world.post(person.me, path, written)
    if sent.code == "no_window":
        await _call(person, f"/v1/cases/{contact['case_id']}/call")
    return sent.done


async def _call(person: Person, path: str) -> None:
    """Take nothing new, so that there is room for a call as soon as the work at hand leaves it."""
    await person.step_out("callback")
    for _ in range(_CALLS):
        asked = await person.world.post(person.me, path)
        if asked.code != "capacity":
            break
        await person.world.pause(person.dice, _AGAIN_S)
    await person.step_in()
