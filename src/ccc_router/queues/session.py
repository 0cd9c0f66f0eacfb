"""One tenure of the engine: the lease, its connection, the state in memory, and the transaction of each turn."""

import contextlib
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from ccc_router.events import journal, partitions
from ccc_router.events.codec import is_command, kind_of, seal, trace_of, without_nul
from ccc_router.events.envelope import AnyInput, Input
from ccc_router.events.facts import TimeResumed
from ccc_router.events.kafka.feed import Feed
from ccc_router.kernel import crashing, tracing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks
from ccc_router.queues.batch import Batch
from ccc_router.queues.engine_time import EngineTime
from ccc_router.queues.recording import Sealed, case_before, has_content
from ccc_router.queues.resolve import Resolver
from ccc_router.queues.store.following import Following, taken_up
from ccc_router.queues.store.loads import Loads
from ccc_router.queues.taking.isolation import Isolation, StepFailed
from ccc_router.queues.taking.taking import Row, Taken, Taking
from ccc_router.queues.writing import Writing
from ccc_router.routing import CORE_VERSION, State, next_due, step
from ccc_router.storage import database, leases
from ccc_router.storage.leases import Lease

if TYPE_CHECKING:
    import asyncpg

_log = get_logger("queues.engine")
_RENEW_S: Final = 1.0
_TIMERS_A_TURN: Final = 1_000
_INPUTS_A_BATCH: Final = 96
_IDLE_IN_TRANSACTION_MS: Final = 2_000
_LOADING_MS: Final = 15_000

# When the last holder renewed; who was loading had taken more time than it says, and may be gone before it.
_ALIVE: Final = """
SELECT (extract(epoch FROM least(until - $2 * interval '1 ms', clock_timestamp())) * 1000)::bigint FROM lease WHERE name = $1
"""
_CLOCK: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class NewerCore(Misconfigured):
    """The pool's last entry was decided by a newer program than this one."""

    code = "newer_core"


class Turn(NamedTuple):
    """What a turn did: how many entries it committed, and whether there is more to do at once."""

    entries: int
    more: bool


async def open_session(
    db: database.Database, pool: str, holder: str, clock: Clock, following: Following, feed: Feed | None = None
) -> "Session | None":
    """Take the lease, and the state that was followed or the tables'; None while another holds it. Raises what asyncpg raises, and NewerCore.

    ``feed``: where else inputs come from besides the inbox.
    """
    limits = replace(db.limits, idle_in_transaction_ms=_IDLE_IN_TRANSACTION_MS)
    name = f"engine:{pool}"
    async with db.pool.acquire(timeout=2) as pooled:
        held = await leases.holding(pooled, name)
    if held is not None and not held.free:
        return None
    connection = await database.connect(db.dsn, f"engine {pool}", limits, database.BY_KEYS)
    try:
        alive_ms = await connection.fetchval(_ALIVE, name, leases.DEFAULT_TTL_MS)
        lease = await leases.take(connection, name, holder)
        if lease is None:
            await connection.close()
            return None
        session = Session(connection, pool, lease, clock, feed)
        await session.begin(alive_ms or 0, following)
    except BaseException:
        connection.terminate()
        raise
    return session


class Session:
    """See the module."""

    def __init__(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        pool: str,
        lease: Lease,
        clock: Clock,
        feed: Feed | None = None,
    ) -> None:
        self._connection = connection
        self._pool = pool
        self._clock = clock
        self.lease = lease
        self.state: State
        self.head: journal.Head
        self.time: EngineTime
        self.committed: list[Batch] = []
        self._tasks = Tasks()
        self._loads = Loads()
        self._isolation = Isolation()
        self._taking = Taking(pool, self._isolation, feed, clock)
        self._renewed_at = clock.monotonic()
        self._prepared_to = 0
        self._gap_ms = 0

    def is_closed(self) -> bool:
        """Whether the connection is gone."""
        return self._connection.is_closed()

    async def begin(self, alive_ms: int, following: Following) -> None:
        """Take up the state and let time go on from when the last engine was alive (``alive_ms``, the database's clock), or jump from there."""
        await self.reload(following)
        head = self.head
        idle_ms = max(0, alive_ms - head.committed_at) if head.position else 0
        self.time = EngineTime(self._clock, head.at + idle_ms, int(await self._connection.fetchval(_CLOCK)))
        self._gap_ms = self.time.resume() if head.position else 0
        await self._taking.begin(self._connection)

    async def reload(self, following: Following | None = None) -> None:
        """Throw the state away and take the one that was followed, or load the tables'. Raises what asyncpg raises, NewerCore, LeaseLost."""
        connection = self._connection
        # A large state takes a while, and nobody can renew.
        await leases.renew(connection, self.lease, ttl_ms=_LOADING_MS)
        self.head = await journal.head(connection, self._pool)
        if self.head.core_version > CORE_VERSION:
            raise NewerCore(f"entries of core {self.head.core_version}, this is {CORE_VERSION}")
        self.state = await taken_up(connection, self._pool, self.head, self._clock, following)
        self._isolation.silence(self.state)
        self._loads.begin(self.state)
        await leases.renew(connection, self.lease)
        self._renewed_at = self._clock.monotonic()

    def isolates(self, error: Exception) -> bool:
        """Whether the failed batch will be tried in parts; False for an error that is not an input's."""
        return self._isolation.split(error)

    def seconds_to_timer(self) -> float:
        """How long until the state's next timer."""
        due = next_due(self.state)
        return float("inf") if due is None else self.time.seconds_until(due.due)

    async def turn(self, limit: int) -> Turn:
        """Read, decide, commit. Raises LeaseLost, what asyncpg raises, and StepFailed; then the state must be loaded anew."""
        self.committed = []
        await self._keep_house()
        if self.head.position + 100_000 > self._prepared_to:
            self._prepared_to = await partitions.prepare(self._connection, self._pool, self.head.position + 1)
        writing = Writing(self._connection, self._tasks)
        try:
            await leases.begin(self._connection, self.lease)
            taken = await self._taking.take(self._connection, limit)
            span = tracing.together("turn", [row.traceparent for row in taken.rows], {"ccc.pool": self._pool})
            head = await self._handle(taken.rows, writing)
            await writing.finish()
            if head is self.head and not taken.fed:
                await self._connection.execute("ROLLBACK")
                return Turn(0, more=self._isolation.finished())
            crashing.before(crashing.Site.COMMIT)
            await self._connection.execute("COMMIT")
            crashing.after(crashing.Site.COMMIT)
        except BaseException:
            await writing.abandon()
            with contextlib.suppress(Exception):
                await self._connection.execute("ROLLBACK")
            raise
        span.end()
        return self._committed(head, writing, taken)

    def _committed(self, head: journal.Head, writing: Writing, taken: Taken) -> Turn:
        entries = head.position - self.head.position
        self.committed = writing.batches
        if entries:  # copies alone are no batch, and tell of no gap
            self.head, self._gap_ms = head, 0
        self._taking.settle(taken)
        more = self._isolation.finished()
        return Turn(entries, more=more or taken.full or self.seconds_to_timer() <= 0)

    async def close(self, db: database.Database) -> None:
        """Give the lease back if it is still ours, over the pool when our own connection is gone."""
        try:
            await self._connection.close(timeout=1)
        except Exception:  # noqa: BLE001 - it is of no more use, however it ends
            self._connection.terminate()
        with contextlib.suppress(Exception):
            async with db.pool.acquire(timeout=1) as pooled:
                await leases.release(pooled, self.lease)
        await self._taking.close()

    async def _keep_house(self) -> None:
        """Renew the lease and ask the database's clock, once a second."""
        if self._clock.monotonic() < self._renewed_at + _RENEW_S:
            return
        await leases.renew(self._connection, self.lease)
        self._renewed_at = self._clock.monotonic()
        self.time.observe(int(await self._connection.fetchval(_CLOCK)))

    async def _handle(self, rows: list[Row], writing: Writing) -> journal.Head:
        """Decide the inputs in their order, then the timers; a batch goes over while the next is decided. The journal's new head."""
        batch = Batch(self._pool, self.state, self.head)
        if self._gap_ms:
            given = Input(batch.next_position, self.time.now(), TimeResumed(gap_ms=self._gap_ms), source="engine")
            batch.add(given, "", None, step(self.state, given), "")
        resolver = Resolver(self._pool, self.state, batch.rows)
        await resolver.look_up(self._connection, [row.said for row in rows if not isinstance(row.said, ValueError)])
        for number, row in enumerate(rows):
            if number and number % _INPUTS_A_BATCH == 0:
                head = batch.seal(self._loads)
                await writing.start(batch)
                batch = Batch(self._pool, self.state, head)
                resolver.go_on(batch.rows)
            condemned = self._isolation.condemned(row.id)
            if condemned is not None:
                answered = not isinstance(row.said, ValueError) and is_command(row.said)
                self._park(batch, row, condemned, answered=answered)
            elif isinstance(row.said, ValueError):
                self._park(batch, row, row.said, answered=False)
            else:
                try:
                    self._one(batch, resolver, row, row.said)
                except Exception as failure:
                    raise StepFailed(row.id) from failure
        if self._taking.past_backlog(rows):
            self._fire_timers(batch)
        if not batch.written:
            return batch.head
        head = batch.seal(self._loads)
        await writing.last(batch)
        return head

    def _one(self, batch: Batch, resolver: Resolver, row: Row, body: AnyInput) -> None:
        position = batch.next_position
        resolved, free = resolver.resolve(body, position)
        sealed, digest = None, ""
        if body.private is not None:
            private = without_nul(body.private) if b"\\u0000" in row.body else body.private
            sealed = Sealed(private, secrets.token_bytes(16), free)
            digest = seal(private, sealed.salt) if has_content(private) else ""
            body = msgspec.structs.replace(body, private=None)
        given = Input(
            position, self.time.now(), body, resolved, row.source, trace_of(row.key), digest, self.time.of(row.at),
            row.traceparent,
        )  # fmt: skip
        case_id = case_before(self.state, body)
        about: tracing.Attributes = {"ccc.pool": self._pool, "ccc.position": position, "ccc.kind": kind_of(body)}
        with tracing.part("decide", "consumer", row.traceparent, about) as span:
            batch.add(given, row.key, sealed, step(self.state, given), case_id, span.traceparent)

    def _fire_timers(self, batch: Batch) -> None:
        """Timers come after the inputs that were there before them: who accepted in time is not punished for our delay."""
        for _ in range(self._isolation.timers_allowed(_TIMERS_A_TURN)):
            due = next_due(self.state)
            now = self.time.now()
            if due is None or due.due > now:
                return
            condemned = self._isolation.condemned(due)
            if condemned is not None:
                batch.park(batch.next_position, now, "engine", "", msgspec.json.encode(due), condemned, answered=False)
                self._isolation.put_aside(self.state, due)
                self._stamp(batch, now)
                _log.error("timer_parked", pool=self._pool, timer=due.timer, error=type(condemned).__name__)
                continue
            self._isolation.tried(due)
            try:
                given = Input(batch.next_position, now, due, source="engine")
                batch.add(given, "", None, step(self.state, given), "")
            except Exception as failure:
                raise StepFailed(due) from failure

    def _park(self, batch: Batch, row: Row, error: BaseException, *, answered: bool) -> None:
        now = self.time.now()
        batch.park(batch.next_position, now, row.source, row.key, row.body, error, answered=answered)
        self._stamp(batch, now)
        _log.error(
            "input_parked", pool=self._pool, source=row.source, position=self.state.position, error=type(error).__name__
        )

    def _stamp(self, batch: Batch, now: int) -> None:
        self.state.position, self.state.now = batch.next_position - 1, now
