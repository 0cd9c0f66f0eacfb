"""What a take-over costs with a long day in memory: the state loaded from the tables, and the one that who stands by has followed.

In memory are cases that wait to be closed by their timer and ended calls that linger for late events, as after an hour of calls. Then
contacts come and are answered; who stands by applies them from the journal, and lacks the last tenth of a second when it leads.
"""

import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import asyncpg

from bench.growth import Centre, Size, catalogue, store
from bench.load import median
from bench.server import Server
from ccc_router.events import journal, partitions
from ccc_router.events.commands import SetPresence
from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.journal import Head, Written
from ccc_router.events.vocabulary import CaseState, Channel, ContactState, Presence, Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.queues.batch import row_of
from ccc_router.queues.store import state_rows
from ccc_router.queues.store.columns import Writes
from ccc_router.queues.store.following import Following, taken_up
from ccc_router.queues.store.loads import Loads
from ccc_router.routing import CORE_VERSION, State, step
from ccc_router.routing.rows import Call, Case, Contact, Leg
from ccc_router.storage import migrate
from ccc_router.storage.database import BY_KEYS, Database, connect

CASES: Final = 150_000
CALLS: Final = 30_000
LACKING: Final = 350
"""So many entries are written in a tenth of a second at 800 inputs a second."""
_SIZE: Final = Size(0, 100, 20, 20)
_POOL: Final = "bench"
_NOW: Final = 1_800_000_000_000
_FOLLOWED: Final = 20_000
_ROUNDS: Final = 3
_INPUTS_A_BATCH: Final = 96


@dataclass
class Recorded(Centre):
    """A centre whose inputs and decisions are kept as the journal holds them."""

    rows: list[Written] = field(default_factory=list)
    head: Head = Head()  # noqa: RUF009 - a tuple

    def give(self, body: AnyInput, resolved: Resolved | None = None) -> None:
        """One input."""
        self.inputs += 1
        now = _NOW + self.inputs
        given = Input(self.state.position + 1, now, body, resolved or Resolved(), "bench", received_at=now)
        self.rows.append(row_of(given, step(self.state, given)))

    def live(self, entries: int) -> None:
        """Lives until so many entries were made."""
        until, agents = self.state.position + entries, sorted(self.state.agents)
        while self.state.position < until:
            for agent_id in agents:
                self.next_life(agent_id)
                if self.state.position >= until:
                    return

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Commit them to the journal, and the rows they changed."""
        for at in range(0, len(self.rows), _INPUTS_A_BATCH):
            self.head, batches, rows = journal.append(self.head, self.rows[at : at + _INPUTS_A_BATCH], CORE_VERSION)
            await connection.execute(journal.BATCHES, _POOL, *batches)
            await connection.execute(journal.ROWS, _POOL, *rows)
        self.rows, writes = [], Writes()
        state_rows.write(writes, self.state, self.state.take_changed(), Loads())
        await writes.send(connection, _POOL)


class TakeOver(NamedTuple):
    """Seconds until who holds the lease has its state, both ways, and of processor time for each entry that was followed."""

    loaded_s: float
    followed_s: float
    entry_s: float


async def measure(server: Server) -> TakeOver:
    """Both ways, some times."""
    dsn = await server.database("standby")
    await migrate.upgrade(dsn)
    database, clock, connection = await Database.open(dsn), SystemClock(), await connect(dsn, "bench", extra=BY_KEYS)
    try:
        centre = _begun()
        await partitions.prepare(connection, _POOL, 1)
        await store(connection, centre.state)
        await centre.write(connection)
        await connection.execute("VACUUM ANALYZE")
        loaded, followed, entry = [], [], []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            kept = await taken_up(connection, _POOL, centre.head, clock)
            loaded.append(time.perf_counter() - began)
            del kept  # what that takes is not the heir's
            following = Following(_POOL, clock)
            await following.look(database)
            centre.live(_FOLLOWED)
            await centre.write(connection)
            spent = time.process_time()
            while await following.look(database):
                pass
            entry.append((time.process_time() - spent) / _FOLLOWED)
            centre.live(LACKING)
            await centre.write(connection)
            began = time.perf_counter()
            head = await journal.head(connection, _POOL)
            kept = await taken_up(connection, _POOL, head, clock, following)
            followed.append(time.perf_counter() - began)
            del kept
        return TakeOver(median(loaded), median(followed), median(entry))
    finally:
        await connection.close()
        await database.close()


def _begun() -> Recorded:
    made = catalogue(_SIZE)
    centre = Recorded(_SIZE, State(_POOL, made))
    centre.state.activate(made)
    _fill(centre.state)
    for agent in made.agents:
        centre.give(SetPresence(actor=agent.id, actor_role=Role.AGENT, agent_id=agent.id, presence=Presence.READY))
    while any(not one.assignments for one in centre.state.agents.values()):
        for _ in range(_SIZE.agents):
            centre.arrive()
        centre.accept()
    return centre


def _fill(state: State) -> None:
    """As calls leave it: their cases wait to be closed, the last ones linger."""
    for number in range(CASES):
        case = Case(
            f"cs_old_{number}", f"cu_old_{number}", CaseState.RESOLVED, _NOW - number, reference=f"CCC-{number}", topic="queue.1",
            province="79", knows="agent.1", queue="queue.1", language="vi", due_at=_NOW + 10**9 + number,
        )  # fmt: skip
        state.cases[case.id] = case
    for number in range(CALLS):
        legs = {
            f"{number}-{leg}": Leg(
                f"{number}-{leg}", queued_at=_NOW, established_at=_NOW, cleared_at=_NOW, cleared_sequence=5
            )
            for leg in range(2)
        }
        contact = Contact(
            f"ct_old_{number}", f"cs_old_{number}", f"cu_old_{number}", Channel.PHONE, "site", "queue.1", ContactState.CLOSED,
            arrived_at=_NOW - number, rank=_NOW - number, answered_at=_NOW, ends_at=_NOW + 10**9 + number,
            call=Call(f"call-{number}", "site", legs),
        )  # fmt: skip
        state.contacts[contact.id] = contact
    state.reindex()
    state.take_changed()
