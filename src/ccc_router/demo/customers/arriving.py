"""When they come: by chance, each channel at its own rate."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from ccc_router.demo.customers.people import Matter, somebody
from ccc_router.demo.world import World

Come = Callable[[Matter, Random], Coroutine[Any, Any, None]]

A_SECOND: Final = {"phone": 1.0, "email": 0.3, "fanpage": 0.4, "portal": 0.45}
"""First contacts a second at speed 1: with the demo's 24 agents, busy but in time."""
_MOST_AT_ONCE: Final = 300


@dataclass(slots=True)
class Arrivals:
    """The people of one channel. Beyond a few hundred at once the next stay at home: this is one machine."""

    world: World
    channel: str
    come: Come
    here: int = 0

    async def go_on(self) -> None:
        """Let them come, without end."""
        dice = self.world.chance("arrivals", self.channel)
        number = 0
        while True:
            await self.world.clock.sleep(dice.expovariate(A_SECOND[self.channel] * self.world.speed))
            if self.here >= _MOST_AT_ONCE:
                continue
            number += 1
            own = self.world.chance(self.channel, number)
            matter = somebody(own, self.world.catalogue, self.channel)
            self.world.begin(self._one(matter, own), f"customer-{self.channel}")

    async def _one(self, matter: Matter, dice: Random) -> None:
        self.here += 1
        try:
            await self.come(matter, dice)
        finally:
            self.here -= 1
