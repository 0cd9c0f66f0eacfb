"""The relay: follows a pool's journal and says every entry on a topic, at least once, in the order of positions.

One relay a pool works, under a lease; the others stand by. How far it came is written only after the brokers acknowledged, in a transaction
fenced by the lease: whoever takes over begins there, and what was sent and not yet written down comes again under the same ids. While Kafka
is away it waits, its lease kept, and nothing else of the service waits with it.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import Counter, Gauge

from ccc_router.events import journal
from ccc_router.events.envelope import Entry
from ccc_router.kernel import crashing
from ccc_router.kernel.backoff import full_jitter
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop, Tasks, stop_quietly
from ccc_router.storage import database, leases
from ccc_router.storage.failures import Failure, classify

if TYPE_CHECKING:
    import asyncpg

_log = get_logger("workers.relay")

LAG: Final = Gauge("ccc_relay_lag_entries", "Journal entries that the topic does not have yet", ["pool"])
RELAYED: Final = Counter("ccc_relay_entries", "Journal entries that the topic acknowledged", ["pool"])
LEADING: Final = Gauge("ccc_relay_leading", "1 while this process relays the pool's journal", ["pool"])

LOOK_S: Final = 0.25
"""How often the journal is looked at. Hints would make a round trip of every commit, and nobody waits for the topic."""
PAGE: Final = 500
LONGEST_REST_S: Final = 1.0
"""A page that took longer waited for Kafka and not for a core; and the lease has to be renewed."""
_RENEW_S: Final = 1.0
_BACKOFF_S: Final = 0.2
_BACKOFF_CAP_S: Final = 5.0

_BEGIN: Final = "INSERT INTO relay (pool, topic) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_PLACE: Final = "SELECT position FROM relay WHERE pool = $1 AND topic = $2"
_MOVE: Final = "UPDATE relay SET position = $3, at = clock_timestamp() WHERE pool = $1 AND topic = $2"


class Topic(Protocol):
    """Where entries go."""

    name: str

    async def publish(self, entries: Sequence[Entry]) -> bool:
        """True when all are acknowledged; False when they have to be sent again."""
        ...

    async def close(self, patience_s: float = 2.0) -> None:
        """Close the connections."""
        ...


class _Tenure:
    """The lease, the connection it is held on, and how far the topic is."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", lease: leases.Lease, position: int) -> None:
        self.connection = connection
        self.lease = lease
        self.position = position


class Relay:
    """Run `loop` under a supervisor; `stop` when that has ended."""

    def __init__(
        self,
        db: database.Database,
        pool: str,
        topic: Topic,
        clock: Clock,
        *,
        page: int = PAGE,
        rng: Random | None = None,
    ) -> None:
        self._database = db
        self.pool = pool
        self._topic = topic
        self._clock = clock
        self._page = page
        self._rng = rng or SystemRandom()
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._tasks = Tasks()
        self._turning = asyncio.Lock()
        self._sending: asyncio.Task[bool] | None = None
        self._closing = asyncio.Event()
        self._tenure: _Tenure | None = None
        self._lag = 0
        self._renewed_at = 0.0
        self._failures = 0
        self._not_before = 0.0
        self.loop = Loop(f"relay-{pool}", self.run_once, LOOK_S)

    @property
    def told(self) -> str:
        """What it does, for people."""
        return "stands by" if self._tenure is None else f"relays, {self._lag} behind"

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease as far as it knows."""
        return self._tenure is not None

    async def run_once(self) -> bool:
        """One turn: take the lease if it is free, send what there is. True if there is more to do at once. Raises for a fault of ours.

        One that is behind rests after each page for as long as that took: nobody waits for the topic, and whoever routes on the same
        cores makes the page take longer and so the rest.
        """
        began = self._clock.monotonic()
        async with self._turning:
            behind = not self._closing.is_set() and await self._guarded()
        rest_s = min(self._clock.monotonic() - began, LONGEST_REST_S)
        if behind and rest_s > 0:
            await self._clock.wait(self._closing, rest_s)
        return behind

    async def _guarded(self) -> bool:
        try:
            tenure = self._tenure or await self._take()
            return False if tenure is None else await self._turn(tenure)
        except leases.LeaseLost:
            await self._leave("lease_lost")
        except Exception as error:
            if classify(error) in {None, Failure.BUG, Failure.CONSTRAINT}:
                await self._leave("fault")
                raise
            _log.warning("relay_waits_for_database", pool=self.pool, error=type(error).__name__)
            await self._leave("connection")
        return False

    async def stop(self, patience_s: float = 2.0) -> None:
        """Give what is being sent ``patience_s`` seconds, then give the lease back, so that another takes over at once (I17)."""
        self._closing.set()
        if (sending := self._sending) is not None:
            await asyncio.wait({sending}, timeout=patience_s)
            sending.cancel()
        async with self._turning:
            await self._leave("stopped")
        await self._topic.close()

    async def _take(self) -> _Tenure | None:
        name = f"relay:{self.pool}"
        async with self._database.pool.acquire(timeout=2) as pooled:
            held = await leases.holding(pooled, name)
        if held is not None and not held.free:
            return None
        connection = await database.connect(self._database.dsn, f"relay {self.pool}")
        try:
            lease = await leases.take(connection, name, self._holder)
            if lease is None:
                await connection.close()
                return None
            self._renewed_at = self._clock.monotonic()
            crashing.before(Site.RELAY_BEGIN)
            await connection.execute(_BEGIN, self.pool, self._topic.name)
            crashing.after(Site.RELAY_BEGIN)
            position = await connection.fetchval(_PLACE, self.pool, self._topic.name)
        except BaseException:
            connection.terminate()
            raise
        self._tenure = _Tenure(connection, lease, position)
        self._failures = 0
        self._not_before = 0.0
        LEADING.labels(self.pool).set(1)
        _log.info("relay_leads", pool=self.pool, epoch=lease.epoch, position=position)
        return self._tenure

    async def _turn(self, tenure: _Tenure) -> bool:
        await self._look(tenure)
        if self._clock.monotonic() < self._not_before:
            return False
        entries = await journal.read(tenure.connection, self.pool, tenure.position, self._page)
        if not entries:
            return False
        if not await self._publish(tenure, entries):
            self._failures += 1
            pause_s = full_jitter(self._failures, base_s=_BACKOFF_S, cap_s=_BACKOFF_CAP_S, rng=self._rng)
            self._not_before = self._clock.monotonic() + pause_s
            return False
        self._failures = 0
        await self._move(tenure, entries[-1].position)
        RELAYED.labels(self.pool).inc(len(entries))
        return len(entries) == self._page

    async def _look(self, tenure: _Tenure) -> None:
        """Keep the lease, and see how far behind the topic is. Raises LeaseLost."""
        if self._clock.monotonic() - self._renewed_at >= _RENEW_S:
            await leases.renew(tenure.connection, tenure.lease)
            self._renewed_at = self._clock.monotonic()
        head = await journal.head(tenure.connection, self.pool)
        self._lag = max(0, head.position - tenure.position)
        LAG.labels(self.pool).set(self._lag)

    async def _publish(self, tenure: _Tenure, entries: Sequence[Entry]) -> bool:
        """Send, and keep the lease for as long as that takes. Raises LeaseLost; nothing is under way then."""
        over = asyncio.Event()
        sending = self._sending = self._tasks.start(self._topic.publish(entries), name=f"relay-{self.pool}-publish")
        sending.add_done_callback(lambda _: over.set())
        try:
            while not await self._clock.wait(over, _RENEW_S):
                await self._look(tenure)
            return not sending.cancelled() and sending.result()
        finally:
            self._sending = None
            await stop_quietly(sending)

    async def _move(self, tenure: _Tenure, position: int) -> None:
        async with tenure.connection.transaction():
            await leases.fence(tenure.connection, tenure.lease)
            await tenure.connection.execute(_MOVE, self.pool, self._topic.name, position)
            crashing.before(Site.RELAY_MOVE)
        crashing.after(Site.RELAY_MOVE)
        tenure.position = position

    async def _leave(self, reason: str) -> None:
        tenure, self._tenure = self._tenure, None
        if tenure is None:
            return
        LEADING.labels(self.pool).set(0)
        LAG.remove(self.pool)
        _log.info("relay_leaves", pool=self.pool, reason=reason, position=tenure.position)
        try:
            await leases.release(tenure.connection, tenure.lease)
            await tenure.connection.close(timeout=2)
        except Exception:  # noqa: BLE001 - whatever it is, the lease ends by itself
            tenure.connection.terminate()
