"""What operators watch that no request tells: what waits, what is owed, who leads, how the database is. Read by one loop, not per scrape.

Whoever runs a pool's engine reads the lease, the inbox and the database, leading or not: somebody must say that nobody leads. What is
counted over the pool's tables the leader alone reads, and who leads no more says no more of it. Two may say the same: take the greatest.
`WATCHED` says when it was read: a database that is away leaves the gauges as they were.
"""

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import Gauge

from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop
from ccc_router.routing.policy import Catalogue
from ccc_router.storage.database import Connection, Database
from ccc_router.storage.failures import classify

_log = get_logger("workers.watching")

EVERY_S: Final = 10.0
_RARELY: Final = 6
"""How many times as rarely what costs more is read."""
_LONGEST_REST_S: Final = 40.0
_WINDOW_MS: Final = 3_600_000

WATCHED: Final = Gauge("ccc_watched_at_seconds", "When the gauges of a pool were last read (Unix time)", ["pool"])
INBOX: Final = Gauge("ccc_inbox_waiting", "Inputs that the engine has not read", ["pool"])
INBOX_OLDEST: Final = Gauge(
    "ccc_inbox_oldest_seconds", "Age of the oldest input that the engine has not read", ["pool"]
)
EPOCH: Final = Gauge("ccc_lease_epoch", "How often the pool's lease was taken", ["pool"])
HELD: Final = Gauge("ccc_lease_held_seconds", "How long ago the pool's lease was taken", ["pool"])
REMAINING: Final = Gauge(
    "ccc_lease_remaining_seconds", "How long the pool's lease lasts; below 0 nobody leads", ["pool"]
)
OWED: Final = Gauge("ccc_outbox_owed", "Deliveries that are owed", ["pool", "kind"])
OWED_OLDEST: Final = Gauge("ccc_outbox_oldest_seconds", "Age of the oldest delivery that is owed", ["pool", "kind"])
OWED_LATE: Final = Gauge(
    "ccc_outbox_late_seconds", "How long a delivery that is due waits for a worker", ["pool", "kind"]
)
PARKED: Final = Gauge("ccc_outbox_parked", "Deliveries that a person has to look at", ["pool", "kind"])
PARKED_INPUTS: Final = Gauge("ccc_parked_inputs", "Inputs put aside, of all time", ["pool"])
BREAKERS: Final = Gauge("ccc_breakers_open", "Departments whose breaker lets nothing through", ["pool"])
DISABLED: Final = Gauge("ccc_endpoints_disabled", "Departments that said they are gone", ["pool"])
WAITING: Final = Gauge("ccc_contacts_waiting", "Contacts that wait for an agent", ["pool", "queue", "channel"])
OLDEST: Final = Gauge("ccc_contacts_oldest_seconds", "How long the oldest of them waits", ["pool", "queue", "channel"])
ATTENTION: Final = Gauge("ccc_contacts_attention", "Open contacts that a supervisor has to look at", ["pool", "queue"])
TIMERS_LATE: Final = Gauge("ccc_timers_late_seconds", "How long the next action of a contact is overdue", ["pool"])
SERVED: Final = Gauge(
    "ccc_contacts_served",
    "Inbound contacts of the last hour by result: in_time, late, abandoned; the service level is in_time of all",
    ["pool", "queue", "result"],
)
XMIN_AGE: Final = Gauge(
    "ccc_database_xmin_age", "Transactions since the oldest snapshot: what vacuum cannot remove", []
)
OLDEST_TRANSACTION: Final = Gauge("ccc_database_transaction_seconds", "Age of the oldest open transaction", [])
FROZEN_AGE: Final = Gauge(
    "ccc_database_frozen_age", "Transactions since the last freeze; 2 thousand million is the end", []
)
CONNECTIONS: Final = Gauge("ccc_database_connections", "Connections of all clients", [])
CONNECTIONS_LIMIT: Final = Gauge("ccc_database_connections_limit", "How many the server takes", [])
WAL: Final = Gauge("ccc_database_wal_bytes", "Write-ahead log written since the database was made", [])
SIZE: Final = Gauge("ccc_database_bytes", "Size of the database", [])

_INBOX: Final = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float
FROM (SELECT at FROM inbox WHERE pool = $1 ORDER BY id LIMIT 250000) AS waiting
"""
_LEASE: Final = """
SELECT epoch, extract(epoch FROM clock_timestamp() - taken_at)::float, extract(epoch FROM until - clock_timestamp())::float
FROM lease WHERE name = 'engine:' || $1
"""
_OWED: Final = """
SELECT kind, count(*), extract(epoch FROM clock_timestamp() - min(created_at))::float,
       coalesce(extract(epoch FROM clock_timestamp() - min(due) FILTER (WHERE due < clock_timestamp())), 0)::float
FROM delivery WHERE pool = $1 AND state = 'owed' GROUP BY kind
"""
_ASIDE: Final = "SELECT kind, count(*) FROM delivery WHERE pool = $1 AND state = 'parked' GROUP BY kind"
_STANDING: Final = """
SELECT (SELECT count(*) FROM parked_input WHERE pool = $1),
       count(*) FILTER (WHERE open_until > clock_timestamp()), count(*) FILTER (WHERE disabled_at IS NOT NULL)
FROM department_endpoint WHERE pool = $1
"""
# Waits and timers count in engine time, which stands still while nobody leads (I12).
_NOW: Final = """
WITH engine AS (
    SELECT j.at + greatest(0, extract(epoch FROM clock_timestamp() - b.at) * 1000)::bigint AS now
    FROM journal_batch b, LATERAL (SELECT at FROM journal WHERE pool = b.pool AND position BETWEEN b.first AND b.last
                                   ORDER BY position DESC LIMIT 1) j
    WHERE b.pool = $1 ORDER BY b.last DESC LIMIT 1)
"""
_WAITING: Final = f"""{_NOW}
SELECT queue, channel, count(*) FILTER (WHERE state IN ('arrived', 'queued', 'offered')),
       coalesce((max(now) - min(arrived_at) FILTER (WHERE state IN ('arrived', 'queued', 'offered'))) / 1000.0, 0)::float,
       count(*) FILTER (WHERE attention <> ''),
       greatest(0, coalesce((max(now) - min(due) FILTER (WHERE due > 0)) / 1000.0, 0))::float
FROM contact, engine WHERE pool = $1 AND live AND open GROUP BY queue, channel
"""  # noqa: S608 - the fragment is ours
_SERVED: Final = f"""{_NOW}
SELECT queue, count(*) FILTER (WHERE answered_at > 0 AND answered_at - arrived_at <= threshold),
       count(*) FILTER (WHERE answered_at > 0 AND answered_at - arrived_at > threshold),
       count(*) FILTER (WHERE state = 'abandoned')
FROM contact JOIN unnest($2::text[], $3::bigint[]) AS t (queue, threshold) USING (queue), engine
WHERE pool = $1 AND arrived_at >= now - $4 AND channel <> 'internal' AND coalesce(row ->> 'direction', 'inbound') = 'inbound'
GROUP BY queue
"""  # noqa: S608 - the fragment is ours
_DATABASE: Final = """
SELECT coalesce(max(age(backend_xmin)), 0), coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float,
       (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()),
       (SELECT sum(numbackends) FROM pg_stat_database)::int, current_setting('max_connections')::int,
       (pg_current_wal_lsn() - '0/0'::pg_lsn)::float
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SIZE: Final = "SELECT pg_database_size(current_database())"

_Labels = tuple[str, ...]


class Watching:
    """Run its loop under the supervisor of a process that runs a pool's engine, leading or not."""

    def __init__(
        self,
        database: Database,
        pool: str,
        catalogue: Callable[[], Catalogue | None],
        clock: Clock,
        *,
        leading: Callable[[], bool],
    ) -> None:
        self._database = database
        self._pool = pool
        self._catalogue = catalogue
        self._clock = clock
        self._leading = leading
        self._led = False
        self._runs = 0
        self._said: dict[Gauge, set[_Labels]] = {}
        self._rests_until = 0.0
        self.loop = Loop(f"watching-{pool}", self.look_now_and_then, EVERY_S)

    async def look_now_and_then(self) -> None:
        """Look, and rest so long that looking takes a fiftieth of the time: what is owed by the hundred thousand is counted less often."""
        began = self._clock.monotonic()
        if began < self._rests_until:
            return
        await self.look()
        ended = self._clock.monotonic()
        self._rests_until = ended + min(50 * (ended - began), _LONGEST_REST_S)

    async def look(self) -> None:
        """Read once what this process is to say. Never raises for a database that is away."""
        leading = self._leading()
        if leading != self._led:
            self._led, self._runs = leading, 0  # who comes to lead says everything at once
        if not leading:
            self._forget()
        rarely = self._runs % _RARELY == 0
        self._runs += 1
        try:
            async with self._database.pool.acquire(timeout=2) as connection:
                await self._stream(connection)
                await _database(connection)
                if leading:
                    await self._outbox(connection)
                    await self._contacts(connection)
                if leading and rarely:
                    await self._served(connection)
                if rarely:
                    SIZE.set(await connection.fetchval(_SIZE))
        except Exception as error:
            if classify(error) is None:
                raise
            _log.warning("watching_delayed", error=type(error).__name__)
            return
        WATCHED.labels(self._pool).set(self._clock.now_ms() / 1000)

    async def _stream(self, connection: Connection) -> None:
        waiting, oldest = await connection.fetchrow(_INBOX, self._pool) or (0, 0.0)
        INBOX.labels(self._pool).set(waiting)
        INBOX_OLDEST.labels(self._pool).set(oldest)
        lease = await connection.fetchrow(_LEASE, self._pool)
        if lease is not None:
            for gauge, value in zip((EPOCH, HELD, REMAINING), lease, strict=True):
                gauge.labels(self._pool).set(value)

    async def _outbox(self, connection: Connection) -> None:
        rows = await connection.fetch(_OWED, self._pool)
        for column, gauge in enumerate((OWED, OWED_OLDEST, OWED_LATE), start=1):
            self._say(gauge, {(row[0],): row[column] for row in rows})
        self._say(PARKED, {(row[0],): row[1] for row in await connection.fetch(_ASIDE, self._pool)})
        for gauge, value in zip(
            (PARKED_INPUTS, BREAKERS, DISABLED), await connection.fetchrow(_STANDING, self._pool) or (), strict=True
        ):
            self._say(gauge, {(): value})

    async def _contacts(self, connection: Connection) -> None:
        rows = await connection.fetch(_WAITING, self._pool)
        self._say(WAITING, {(row[0], row[1]): row[2] for row in rows})
        self._say(OLDEST, {(row[0], row[1]): row[3] for row in rows})
        attention: dict[_Labels, float] = {}
        for row in rows:
            attention[(row[0],)] = attention.get((row[0],), 0) + row[4]
        self._say(ATTENTION, attention)
        self._say(TIMERS_LATE, {(): max((row[5] for row in rows), default=0)})

    async def _served(self, connection: Connection) -> None:
        catalogue = self._catalogue()
        if catalogue is None:
            return
        ids = [queue.id for queue in catalogue.queues]
        thresholds = [1000 * queue.service_level.seconds for queue in catalogue.queues]
        rows = await connection.fetch(_SERVED, self._pool, ids, thresholds, _WINDOW_MS)
        results = ("in_time", "late", "abandoned")
        self._say(SERVED, {(row[0], result): row[n] for row in rows for n, result in enumerate(results, start=1)})

    def _forget(self) -> None:
        for gauge in self._said:
            self._say(gauge, {})

    def _say(self, gauge: Gauge, values: Mapping[_Labels, float]) -> None:
        """What is there, and nothing of what was: a queue that is gone is no queue that waits."""
        for gone in self._said.get(gauge, set()) - values.keys():
            gauge.remove(self._pool, *gone)
        self._said[gauge] = set(values)
        for labels, value in values.items():
            gauge.labels(self._pool, *labels).set(value)


async def _database(connection: Connection) -> None:
    row = await connection.fetchrow(_DATABASE)
    gauges = (XMIN_AGE, OLDEST_TRANSACTION, FROZEN_AGE, CONNECTIONS, CONNECTIONS_LIMIT, WAL)
    for gauge, value in zip(gauges, row or (), strict=True):
        gauge.set(float(value))
