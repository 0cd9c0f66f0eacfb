"""An agent answers in writing: mail, page and portal alike."""

from datetime import timedelta
from typing import Final, Literal

from ccc_router.demo import words
from ccc_router.demo.staff import handing
from ccc_router.demo.staff.person import Person
from ccc_router.demo.world import Json

Then = Literal["keep", "wait", "complete"]

_READS_S: Final = 1.5
_WRITES_S: Final = 2.5
_GIVES_BACK: Final = 0.02
_PASSES_ON: Final = 0.25
_ESCALATES: Final = 0.2
_WAITS: Final = 0.2
_NOTES: Final = 0.1
_TURN: Final = timedelta(seconds=45)
_TRIES: Final = 4


async def answer(person: Person, contact: Json) -> None:
    """Read, then give back, pass on, escalate, or answer; when the customer writes meanwhile, read again."""
    if contact["state"] == "wrap_up":
        await handing.finish(person, contact)
        return
    await person.world.pause(person.dice, _READS_S)
    question, comment = await _question(person, contact)
    topic = await _sort(person, contact, question)
    fate = person.dice.random()
    if fate < _GIVES_BACK:
        path = f"/v1/contacts/{contact['contact_id']}/requeue"
        await person.world.post(person.me, path, {"reason": "shift_ends"})
    elif fate < _PASSES_ON and contact["queue"] == "general" and await handing.pass_on(person, contact):
        return
    elif fate > 1 - _ESCALATES and await handing.escalate(person, contact, topic, question, keep=True):
        if await _write(person, contact, words.PASSED_ON, "keep", private=comment):
            await handing.finish(person, contact, escalated=True)
    else:
        await _reply(person, contact, private=comment)


async def _reply(person: Person, contact: Json, *, private: bool) -> None:
    await person.world.pause(person.dice, _WRITES_S)
    contact_id = contact["contact_id"]
    if person.dice.random() < _NOTES:
        note = {"text": person.dice.choice(words.NOTES), "visibility": "note"}
        await person.world.post(person.me, f"/v1/contacts/{contact_id}/messages", note)
        await person.world.put(person.me, f"/v1/contacts/{contact_id}/draft", {"text": words.ANSWERS[0][0]})
    if not private and person.dice.random() < _WAITS:
        await _write(person, contact, words.ASKS_BACK, "wait", private=False)
    else:
        await _write(person, contact, person.dice.choice(words.ANSWERS), "complete", private=private)


async def _write(person: Person, contact: Json, pair: tuple[str, str], then: Then, *, private: bool) -> bool:
    """Send it. Tell whether it was taken; what the customer wrote meanwhile is read first."""
    now: Json | None = contact
    for _ in range(_TRIES):
        if now is None:
            return False
        body: Json = {
            "text": words.spoken(pair, now["language"]),
            "seen_up_to": now["customer_message"],
            "then": then,
            "visibility": "private" if private else "public",
        }
        if then == "complete":
            body["disposition"] = "answered"
        if then == "wait":
            body["wait_until"] = (person.world.clock.now() + _TURN).isoformat()
        sent = await person.world.post(person.me, f"/v1/contacts/{now['contact_id']}/messages", body)
        if sent.done or sent.code != "customer_wrote":
            return sent.done
        await person.world.pause(person.dice, _READS_S)
        now = await person.fresh(contact["contact_id"])
    return False


async def _question(person: Person, contact: Json) -> tuple[str, bool]:
    """What the customer asked first, and whether in a comment that is better answered in private."""
    got = await person.world.get(person.me, f"/v1/contacts/{contact['contact_id']}/timeline?limit=100")
    said = [item for item in got.body.get("items", ()) if item["kind"] == "message" and item["direction"] == "inbound"]
    if not said:
        return "", False
    text = next((item["text"] for item in said if words.topic_in(item["text"])), said[-1]["text"])
    return text[:500], said[-1]["form"] == "comment" and person.dice.random() < 0.5


async def _sort(person: Person, contact: Json, question: str) -> str:
    """Give the case its topic where nobody did."""
    topic = contact["topic"] or words.topic_in(question)
    if topic and not contact["topic"]:
        changed = await person.world.patch(person.me, f"/v1/cases/{contact['case_id']}", {"topic": topic})
        if changed.done:
            contact["topic"] = topic
    return topic
