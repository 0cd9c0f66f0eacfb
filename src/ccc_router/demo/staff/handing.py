"""What ends an agent's part: completing, handing on, escalating."""

from typing import Final

from ccc_router.demo import words
from ccc_router.demo.staff.person import Person
from ccc_router.demo.world import Json

_WRAPS_UP_S: Final = 1.2
_DISPOSITIONS: Final = ("answered", "answered", "answered", "referred", "data_corrected", "follow_up")
_LATER: Final = 0.1


async def finish(person: Person, contact: Json, *, escalated: bool = False) -> None:
    """Wrap up, now and then with more time, and complete."""
    path = f"/v1/contacts/{contact['contact_id']}"
    if contact["state"] == "wrap_up" and person.dice.random() < _LATER:
        await person.world.post(person.me, f"{path}/wrap-up", {"extend_s": 30, "reason": "looking_up"})
        await person.world.pause(person.dice, _WRAPS_UP_S)
    await person.world.pause(person.dice, _WRAPS_UP_S)
    outcome: Json = {"disposition": person.dice.choice(_DISPOSITIONS), "resolution": "resolved"}
    if escalated:
        outcome = {"disposition": "escalated", "resolution": "unresolved"}
    if person.dice.random() < _LATER:
        outcome["note"] = person.dice.choice(words.NOTES)
    await person.world.post(person.me, f"{path}/complete", outcome)


def topic_of(person: Person, topic: str) -> Json | None:
    """A topic of the catalogue."""
    topics: list[Json] = person.world.catalogue["topics"]
    return next((one for one in topics if one["id"] == topic), None)


async def pass_on(person: Person, contact: Json) -> bool:
    """Hand over to the queue of the contact's topic, or to the general one. Tell whether it is gone."""
    topic = topic_of(person, contact["topic"])
    queue = topic["queue"] if topic is not None and topic["queue"] != contact["queue"] else "general"
    if queue == contact["queue"]:
        return False
    moved = await person.world.post(person.me, f"/v1/contacts/{contact['contact_id']}/transfer", {"queue": queue})
    return moved.done


async def escalate(person: Person, contact: Json, topic: str, question: str, *, keep: bool) -> bool:
    """Hand the case to the department of its topic. Tell whether that was possible."""
    known = topic_of(person, topic)
    if known is None or not known["department"]:
        return False
    asked = question or words.QUESTIONS.get(topic, words.QUESTIONS["general"])[0]
    body = {
        "department": known["department"],
        "summary": words.SUMMARY.format(question=asked),
        "urgency": "urgent" if known["priority"] >= 2 else "normal",
        "keep": keep,
    }
    raised = await person.world.post(person.me, f"/v1/contacts/{contact['contact_id']}/escalate", body)
    return raised.done
