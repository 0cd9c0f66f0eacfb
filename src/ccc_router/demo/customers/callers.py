"""Callers: patience, a talk, a hang-up."""

import random
from typing import Final

from ccc_router.demo.customers.people import Matter, key_of
from ccc_router.demo.switch import Switch
from ccc_router.demo.world import Json, World

_PATIENCE_S: Final = 40.0
_HASTY: Final = 0.04
_TALK_S: Final = 5.0
_SHORTEST_S: Final = 0.5
_WANTS_CALLBACK: Final = 0.5
_GOODBYE_S: Final = 3.0


async def call(world: World, switch: Switch, endpoint: Json, matter: Matter, dice: random.Random) -> None:
    """One call, until the customer is gone. A caller who was connected waits again when he is passed on; who has waited long enough may
    choose to be called back."""
    line = switch.line()
    await switch.tell(
        line,
        "Offered",
        line.customer_leg,
        calling=matter.person.phone,
        called=switch.address,
        topic=key_of(endpoint["topics"], matter.topic),
        language=matter.language,
    )
    hasty = dice.random() < _HASTY
    while not line.over.is_set():
        patience = 2.0 if hasty else _PATIENCE_S * dice.lognormvariate(0, 0.5)
        if not await world.clock.wait(line.answered, patience):
            if not hasty and dice.random() < _WANTS_CALLBACK:
                await switch.tell(
                    line, "CallBack", line.customer_leg, calling=matter.person.phone, called=switch.address
                )
                await world.clock.wait(line.over, _GOODBYE_S)
            await switch.leave(line, "cancelled")
            return
        talk = _SHORTEST_S + _TALK_S * dice.lognormvariate(0, 0.5)
        if not await world.clock.wait(line.over, talk) and line.answered.is_set():
            await switch.leave(line)
