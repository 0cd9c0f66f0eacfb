"""What a supervisor may read, gathered once a second over the public routes."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from ccc_router.demo.view.tape import SUPERVISOR, Tape
from ccc_router.demo.world import Json, World

CHANNELS: Final = ("phone", "email", "fanpage", "portal", "internal")
_PAGES: Final = 5
_BUSY: Final = ("offered", "busy", "wrap_up")


@dataclass(frozen=True, slots=True)
class Figures:
    """One look. ``owed`` by kind; ``agents`` by what they do."""

    now: str
    seconds: float
    queues: list[Json]
    agents: Counter[str]
    owed: Counter[str]
    parked: int
    parked_inputs: int
    tape: Tape

    def sum(self, name: str) -> int:
        """Over all queues."""
        return sum(int(queue[name]) for queue in self.queues)

    @property
    def oldest_s(self) -> int:
        """The longest wait."""
        return max((int(queue["oldest_waited_s"]) for queue in self.queues), default=0)

    @property
    def level(self) -> float | None:
        """Of all queues: answered within their targets, of answered and abandoned."""
        counted = [queue for queue in self.queues if queue["service_level"] is not None]
        whole = sum(queue["answered"] + queue["abandoned"] for queue in counted)
        part = sum(queue["service_level"] * (queue["answered"] + queue["abandoned"]) for queue in counted)
        return part / whole if whole else None

    def escalations(self) -> Counter[str]:
        """By state, as they are now."""
        return Counter(self.tape.escalations.values())


async def look(world: World, tape: Tape, began: float) -> Figures:
    """Read everything once."""
    await tape.follow()
    readings = await _all(world, "/v1/readings")
    owed = await _all(world, "/v1/deliveries?state=owed&limit=200")
    return Figures(
        now=f"{world.clock.now().astimezone():%H:%M:%S}",
        seconds=world.clock.monotonic() - began,
        queues=readings,
        agents=Counter(map(_does, await _all(world, "/v1/agents?limit=200"))),
        owed=Counter(one["kind"] for one in owed),
        parked=len(await _all(world, "/v1/deliveries?state=parked&limit=200")),
        parked_inputs=len(await _all(world, "/v1/parked-inputs?limit=200")),
        tape=tape,
    )


def _does(agent: Json) -> str:
    if agent["lost"]:
        return "lost"
    if agent["doing"] in _BUSY:
        return str(agent["doing"])
    return {"not_ready": "on break", "signed_out": "signed out"}.get(agent["state"], "ready")


async def _all(world: World, path: str) -> list[Json]:
    """The items of a list, of its first pages."""
    found: list[Json] = []
    more = path
    for _ in range(_PAGES):
        got = await world.get(SUPERVISOR, more)
        found += got.body.get("items", [])
        if not got.body.get("next"):
            break
        more = f"{path}{'&' if '?' in path else '?'}cursor={got.body['next']}"
    return found
