"""Inbox, engine and desk in one process on a test's database: the spine, without HTTP."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ccc_router.events import journal
from ccc_router.events.commands import ActivateCatalogue, SetPresence
from ccc_router.events.envelope import AnyInput, Appended, Entry
from ccc_router.events.inbox import Inbox, Submission
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.kafka.fallback import FallbackInbox
from ccc_router.events.kafka.inbox import KafkaInbox
from ccc_router.events.kafka.reading import KafkaFeed
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.kernel.clock import Clock, SystemClock
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.tasks import Loop, Supervisor
from ccc_router.queues.asking import Desk, Outcome
from ccc_router.queues.catalogue import Current, as_document
from ccc_router.queues.engine import Engine, Observers
from ccc_router.routing import State
from ccc_router.routing.policy import Catalogue
from ccc_router.storage.database import Database
from ccc_router.workers.engine import engine_loop
from tests.support.builders import a_catalogue
from tests.support.kafka.cluster import Cluster, ends, reached, read_by
from tests.support.waiting import eventually, until

_T = TypeVar("_T")


class Spine:
    """The parts, and short ways to use them."""

    def __init__(
        self,
        database: Database,
        pool: str = "main",
        clock: Clock | None = None,
        batch: int = 256,
        kafka: Cluster | None = None,
        append_s: float = 2.0,
        feeding: dict[str, int] | None = None,
    ) -> None:
        """``kafka``: facts go through it. ``append_s`` is how long its acknowledgement is waited for, ``feeding`` more of its feed."""
        self.clock = clock or SystemClock()
        self.database = database
        self.pool = pool
        self.current = Current()
        self.observers = Observers()
        self.observers.activated.append(self.current.put)
        self.inbox = PostgresInbox(database, pool, self.clock, wake=self._wake)
        self.desk = Desk(self.inbox, database, pool, self.clock)
        self.cluster: Cluster | None = None
        self.feed: KafkaFeed | None = None
        self.kafka: FallbackInbox | None = None
        self.direct: KafkaInbox | None = None
        if kafka is not None:
            real = SystemClock()  # brokers live by the real time
            self.cluster = kafka
            self.feed = KafkaFeed(read_by(kafka), pool, real, wake=self._wake, long_poll_ms=10, **(feeding or {}))
            self.direct = KafkaInbox(reached(kafka), pool, real, append_s=append_s)
            self.kafka = FallbackInbox(self.direct, self.inbox, pool, real)
        self.engine = Engine(database, pool, self.clock, self.desk, self.observers, feed=self.feed, batch=batch)
        self.loop: Loop = engine_loop(self.engine)

    def _wake(self) -> None:
        self.loop.wake()

    @property
    def facts(self) -> Inbox:
        """Where facts are appended."""
        return self.inbox if self.kafka is None else self.kafka

    def start(self) -> None:
        """Let inputs be appended."""
        self.inbox.start()
        if self.kafka is not None:
            self.kafka.start()

    async def close(self) -> None:
        """Append nothing more, give the lease back."""
        if self.kafka is not None:
            await self.kafka.close()
        await self.inbox.close()
        await self.engine.stop()

    @property
    def state(self) -> State:
        """The engine's state in memory."""
        state = self.engine.state
        assert state is not None
        return state

    async def tell(self, body: AnyInput, key: str = "", source: str = "portal") -> Appended:
        """Append a fact."""
        [appended] = await self.facts.append([Submission(source, key or fresh("k"), body)])
        return appended

    async def ask(self, command: Any, key: str = "") -> Outcome:
        """Append a command and wait for its outcome."""
        return await self.desk.ask(command, key or fresh("cm"))

    async def turns(self) -> None:
        """Run the engine by hand until there is nothing left to do."""
        while await self.engine.run_once():
            pass

    async def connected(self) -> None:
        """Wait until Kafka is there to append to, so that no append waits for that."""
        direct = self.direct
        assert direct is not None

        async def there() -> bool:
            return await direct._producer() is not None

        await eventually(there, within_s=20, what="a producer")

    async def take_all(self) -> None:
        """Run the engine by hand until everything that was appended by now is committed."""
        wanted = {}
        if self.cluster is not None and self.feed is not None:
            wanted = await ends(self.cluster.servers, self.feed.topic)

        async def taken() -> bool:
            await self.turns()
            rows = await self.database.pool.fetch("SELECT partition, next FROM kafka_offset WHERE pool = $1", self.pool)
            offsets = {row[0]: row[1] for row in rows}
            waiting = await self.database.pool.fetchval("SELECT count(*) FROM inbox WHERE pool = $1", self.pool)
            return waiting == 0 and all(offsets.get(one, 0) >= end for one, end in wanted.items())

        await eventually(taken, within_s=20, what="the engine to take everything")

    async def drive(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run the engine by hand until ``work`` has ended: for commands of a spine without loops."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await self.engine.run_once()
            await asyncio.sleep(0)
        return await task

    async def activate(self, catalogue: Catalogue | None = None) -> Outcome:
        """Put a catalogue in force."""
        chosen = catalogue or a_catalogue()
        command = ActivateCatalogue(
            actor="admin", actor_role=Role.ADMIN, version=chosen.version, catalogue=as_document(chosen)
        )
        outcome = await self.ask(command)
        assert outcome.status == 200
        return outcome

    async def ready(self, *agents: str) -> None:
        """Let these agents take contacts."""
        for agent in agents:
            outcome = await self.ask(
                SetPresence(actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=Presence.READY)
            )
            assert outcome.status == 200

    async def empty(self) -> None:
        """Wait until the engine has read everything."""

        async def nothing_left() -> bool:
            return bool(await self.database.pool.fetchval("SELECT NOT EXISTS (SELECT 1 FROM inbox)"))

        await eventually(nothing_left, what="the inbox to be empty")

    async def entries(self) -> list[Entry]:
        """The whole journal."""
        async with self.database.pool.acquire() as connection:
            return await journal.read(connection, self.pool, 0, 1_000_000)

    async def kinds(self, after: int = 0) -> Sequence[str]:
        """The kinds of the journal's entries."""
        return [entry.kind for entry in await self.entries() if entry.position > after]


@asynccontextmanager
async def running(
    database: Database, pool: str = "main", catalogue: Catalogue | None = None, kafka: Cluster | None = None
) -> AsyncIterator[Spine]:
    """A spine whose loops run, with a catalogue in force."""
    spine = Spine(database, pool, kafka=kafka)
    supervisor = Supervisor(spine.clock)
    spine.start()
    supervisor.add(spine.loop)
    supervisor.add(spine.desk.loop)
    try:
        await until(lambda: spine.engine.leading, what="the engine to lead")
        if spine.current.version == 0:
            await spine.activate(catalogue)
        yield spine
    finally:
        await supervisor.stop(2)
        await spine.close()


@asynccontextmanager
async def by_hand(
    database: Database,
    pool: str = "main",
    clock: Clock | None = None,
    batch: int = 256,
    kafka: Cluster | None = None,
    append_s: float = 2.0,
    feeding: dict[str, int] | None = None,
) -> AsyncIterator[Spine]:
    """A spine whose engine runs only when the test says so (`turns`)."""
    spine = Spine(database, pool, clock, batch, kafka, append_s, feeding)
    spine.start()
    try:
        yield spine
    finally:
        await spine.close()
