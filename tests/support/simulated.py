"""Small centres and workloads for tests of the simulation, and the journal of a run as one hash."""

import hashlib

import msgspec

from ccc_router.events.envelope import Input
from ccc_router.queues.catalogue import demo_document, parse
from ccc_router.routing.policy import Agent, Capacity, Catalogue, Queue, QueueProfile, ServiceLevel, Text
from ccc_router.routing.step import Step
from ccc_router.simulation.workloads.description import Description, Surge
from ccc_router.simulation.workloads.synthetic import synthetic
from ccc_router.simulation.workloads.workload import Arrival, Shift, Window, Workload
from ccc_router.simulation.world.living import World

HOUR = 3_600_000
START = 1_772_384_400_000
"""2026-03-02, a Monday, midnight in Hà Nội."""


def demo() -> Catalogue:
    """The twelve queues and 24 agents of the demo."""
    found = parse(demo_document())
    assert isinstance(found, Catalogue)
    return found


def a_day(seed: int = 1, hours: float = 11, **changes: object) -> Workload:
    """A busy morning with an hour of surge: people give up and call again, offers are missed, agents go on breaks and home."""
    description = Description(
        hours=hours,
        surges=(Surge(from_hour=9.0, until_hour=10.0, factor=3.0),),
        missed_percent=10.0,
    )
    return synthetic(msgspec.structs.replace(description, **changes), demo(), seed)


def one_queue(agents: int) -> Catalogue:
    """Callers for one queue, answered by so many equal agents; its service level is 20 seconds."""
    name = Text(vi="-", en="-")
    return Catalogue(
        version=1,
        queues=(Queue(id="only", name=name, channels=("phone",), service_level=ServiceLevel(percent=80, seconds=20)),),
        skills=(),
        agents=tuple(
            Agent(
                id=f"agent-{number:03}",
                name="-",
                skills={},
                profiles=(QueueProfile(queue="only"),),
                capacity=Capacity(channels={"phone": 1}),
                phone=str(number),
            )
            for number in range(agents)
        ),
        endpoints=(),
    )


def everybody(catalogue: Catalogue, until: int) -> tuple[Shift, ...]:
    """All there all the time."""
    return tuple(Shift(agent.id, START, until) for agent in catalogue.agents)


def workload(catalogue: Catalogue, arrivals: list[Arrival], hours: float = 1.0) -> Workload:
    """These arrivals, with everybody there."""
    until = START + int(hours * HOUR)
    return Workload(Window(START, until, START), tuple(arrivals), everybody(catalogue, until))


class Journal:
    """Every input and decision of a run, in a hash; and the inputs and decisions themselves."""

    def __init__(self) -> None:
        self.entries: list[tuple[Input, Step]] = []
        self._hash = hashlib.sha256()

    def take(self, given: Input, done: Step) -> None:
        """One step of the core."""
        self.entries.append((given, done))
        for part in (given, done.decisions):
            self._hash.update(msgspec.json.encode(part))

    @property
    def digest(self) -> str:
        """The same for the same run."""
        return self._hash.hexdigest()


def digest_of(seed: int) -> str:
    """The hash of a short run's whole journal."""
    journal = Journal()
    World(demo(), a_day(seed, hours=9), journal.take).go()
    return journal.digest
