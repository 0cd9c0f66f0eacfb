"""How the core grows: the cost of a decision, its memory, and the time to take up its state, at the size of a small centre and of a country.

The load is the same at both sizes: everybody is busy and people wait; an agent is done, gets the next contact and takes it, and
somebody new comes. Costs are processor time of this process for each decision that the engine would journal.
"""

import gc
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from bench.load import SEED, median
from bench.plain import DISPOSITIONS, a_queue, an_agent, skills, text, topics
from bench.server import Server
from ccc_router.events.codec import canonical
from ccc_router.events.commands import AcceptOffer, CompleteContact, SetPresence
from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.facts import MessageReceived
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.queues.catalogue import as_document, faults_of
from ccc_router.queues.store import state_rows
from ccc_router.queues.store.columns import Writes
from ccc_router.queues.store.loading import load
from ccc_router.queues.store.loads import Loads
from ccc_router.routing import Rows, State, step
from ccc_router.routing.policy import Capacity, Catalogue, Endpoint
from ccc_router.storage import migrate

_START: Final = 1_800_000_000_000
_SERVED: Final = 5
_ROUNDS: Final = 5
_LIVES: Final = 400
_POOL: Final = "bench"
_ROWS_A_WRITE: Final = 5_000


class Size(NamedTuple):
    """How many wait and work, and how many signatures they have."""

    waiting: int
    agents: int
    profiles: int
    requirements: int


SMALL: Final = Size(1_000, 100, 20, 20)
LARGE: Final = Size(100_000, 10_000, 2_000, 200)


def catalogue(size: Size) -> Catalogue:
    """A queue a requirement signature, each with a skill of its own; agents of so many different profiles, five queues each."""
    rng = random.Random(SEED)
    queues = [f"queue.{number}" for number in range(size.requirements)]
    profiles: dict[tuple[str, ...], None] = {}
    while len(profiles) < size.profiles:
        profiles[tuple(rng.sample(queues, _SERVED))] = None
    kinds = list(profiles)
    capacity = Capacity(channels={"portal": 1})
    return Catalogue(
        version=1,
        queues=tuple(a_queue(one, (one,), ("portal",)) for one in queues),
        skills=skills(queues),
        agents=tuple(an_agent(number, kinds[number % len(kinds)], capacity) for number in range(size.agents)),
        endpoints=(Endpoint(id="site", channel="portal", name=text("site"), queue=queues[0]),),
        dispositions=DISPOSITIONS,
        topics=topics(queues),
    )


@dataclass
class Centre:
    """A state at work. Time goes on by a millisecond with each input."""

    size: Size
    state: State
    inputs: int = 0
    decisions: int = 0
    arrived: int = 0

    def give(self, body: AnyInput, resolved: Resolved | None = None) -> None:
        """One input."""
        self.inputs += 1
        now = _START + self.inputs
        given = Input(self.state.position + 1, now, body, resolved or Resolved(), "bench", received_at=now)
        self.decisions += len(step(self.state, given).decisions)
        self.state.take_changed()

    def arrive(self) -> None:
        """Somebody new comes."""
        number, self.arrived = self.arrived, self.arrived + 1
        fact = MessageReceived(
            channel=Channel.PORTAL, endpoint="site", message_id=f"ms_{number}", contact_id=f"ct_{number}",
            case_id=f"cs_{number}", language="vi", topic=f"queue.{number % self.size.requirements}", fresh_case=True,
        )  # fmt: skip
        self.give(fact, Resolved(customer_id=f"cu_{number}", customer_new=True))

    def accept(self) -> None:
        """Everybody takes what he is offered."""
        for offer in list(self.state.offers.values()):
            self.give(AcceptOffer(actor=offer.agent_id, actor_role=Role.AGENT, offer_id=offer.id))

    def next_life(self, agent_id: str) -> None:
        """An agent is done, gets the next, takes it; somebody new comes."""
        done = self.state.agents[agent_id].assignments[0]
        self.give(CompleteContact(actor=agent_id, actor_role=Role.AGENT, contact_id=done, disposition="answered"))
        self.accept()
        self.arrive()


def busy(size: Size) -> Centre:
    """Everybody is at work, and so many wait."""
    made = catalogue(size)
    if faults := faults_of(made):
        raise ValueError(str(faults))
    centre = Centre(size, State(_POOL, made))
    centre.state.activate(made)
    for agent in made.agents:
        centre.give(SetPresence(actor=agent.id, actor_role=Role.AGENT, agent_id=agent.id, presence=Presence.READY))
    while any(not one.assignments for one in centre.state.agents.values()):
        for _ in range(size.agents):
            centre.arrive()
        centre.accept()
    while len(centre.state.contacts) < size.waiting + size.agents:
        centre.arrive()
    return centre


def cost(centre: Centre) -> float:
    """Seconds of processor time a decision: the median of some rounds."""
    rng = random.Random(SEED)
    agents = sorted(centre.state.agents)
    gc.collect()
    gc.freeze()  # as the engine does once it has loaded its state
    costs = []
    for _ in range(_ROUNDS):
        decisions, began = centre.decisions, time.process_time()
        for _ in range(_LIVES):
            centre.next_life(rng.choice(agents))
        costs.append((time.process_time() - began) / (centre.decisions - decisions))
    gc.unfreeze()
    return median(costs)


def memory_mb() -> float:
    """What this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Growth(NamedTuple):
    """``growth``: cost of a decision at the large size over that at the small one; ``memory_mb``: what the large state takes."""

    growth: float
    small_us: float
    large_us: float
    memory_mb: float
    rebuild_s: float


async def measure(server: Server) -> Growth:
    """Both sizes, and the large one taken up from the tables, to its first offer."""
    small = cost(busy(SMALL))
    before = memory_mb()
    centre = busy(LARGE)
    held = memory_mb() - before
    large = cost(centre)
    rebuilt = await rebuild_s(await server.database("growth"), centre)
    return Growth(large / small, 1e6 * small, 1e6 * large, held, rebuilt)


async def rebuild_s(dsn: str, centre: Centre) -> float:
    """Seconds from an empty memory to the first offer, with the state in the tables."""
    await migrate.upgrade(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        await store(connection, centre.state)
        await connection.execute("VACUUM ANALYZE")
        position, agent_id = centre.state.position, min(centre.state.agents)
        began = time.perf_counter()
        state = await load(connection, _POOL, position, _START + centre.inputs)
        again = Centre(centre.size, state, inputs=centre.inputs, arrived=centre.arrived)
        again.next_life(agent_id)
        return time.perf_counter() - began
    finally:
        await connection.close()


async def store(connection: "asyncpg.Connection[asyncpg.Record]", state: State) -> None:
    """A state's rows and catalogue, as the engine would have written them."""
    document = canonical(as_document(state.book.catalogue)).decode()
    await connection.execute(
        "INSERT INTO catalogue (pool, version, document, position, activated_by) VALUES ($1, 1, $2, 1, 'bench')",
        _POOL, document,
    )  # fmt: skip
    rows = state.dump()
    for name in ("contacts", "offers", "agents", "cases"):
        found = getattr(rows, name)
        for at in range(0, len(found), _ROWS_A_WRITE):
            writes = Writes()
            state_rows.write(writes, state, Rows(**{name: found[at : at + _ROWS_A_WRITE]}), Loads())
            await writes.send(connection, _POOL)
