"""Visitors of the portal: they send the form, watch the conversation by server-sent events, and write again."""

import random
from typing import Final

from ccc_router.demo import words
from ccc_router.demo.customers.people import Matter
from ccc_router.demo.world import World
from ccc_router.kernel import ids

_LEAVES_MAIL: Final = 0.3
_WRITES_AGAIN: Final = 0.25
_READS_S: Final = 3.0
_STAYS_S: Final = 120.0


async def visit(world: World, endpoint: str, matter: Matter, dice: random.Random) -> None:
    """One visit, until the answer is read or the visitor's time is over. His stream may be cut: he comes back where he was."""
    base = f"/v1/channels/portal/{endpoint}/contacts"
    form = {
        "text": words.spoken(words.QUESTIONS[matter.topic], matter.language),
        "name": matter.person.name,
        "phone": matter.person.phone,
        "topic": matter.topic,
        "language": matter.language,
        "consent": "2026-01",
    }
    if dice.random() < _LEAVES_MAIL:
        form["email"] = matter.person.email
    sent = await world.send("POST", base, headers={"Idempotency-Key": ids.fresh("form")}, body=form)
    if sent.status != 201:
        return
    path = f"{base}/{sent.body['reference']}"
    bearer = {"Authorization": f"Bearer {sent.body['token']}"}
    leaves_at = world.clock.monotonic() + _STAYS_S
    seen = ""
    while (left := leaves_at - world.clock.monotonic()) > 0:
        more = {"Last-Event-ID": seen} if seen else {}
        async for event, data, number in world.events(f"{path}/stream", {**bearer, **more}, left):
            seen = number or seen
            if event != "message" or data["author"] != "centre":
                continue
            await world.pause(dice, _READS_S)
            if dice.random() >= _WRITES_AGAIN:
                return
            headers = {**bearer, "Idempotency-Key": ids.fresh("form")}
            again = {"text": words.spoken(dice.choice(words.MORE), matter.language)}
            await world.send("POST", f"{path}/messages", headers=headers, body=again)
        await world.clock.sleep(0.5)
