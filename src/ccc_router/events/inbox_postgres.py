"""The inbox in PostgreSQL: what one turn of the event loop brings goes out as one statement.

That is what makes it fast: while a commit is under way the next batch gathers. A batch is one transaction, so a raw
delivery and its facts are there whole or not at all.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ccc_router.events.appending import Group, write
from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import URGENT, InboxUnavailable, Overloaded, RawDelivery, SourceOverloaded, Submission
from ccc_router.kernel import crashing, tracing
from ccc_router.kernel.admission import Refusal, refusal
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import CccError, Invalid
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks, stop_quietly
from ccc_router.storage import database
from ccc_router.storage.failures import Failure, classify

if TYPE_CHECKING:
    import asyncpg

_log = get_logger("events.inbox")

_BATCH_ROWS: Final = 1_000
_RETRIES: Final = 5
_BACKLOG_CHECK_S: Final = 1.0

_WITHDRAW: Final = """
WITH mine AS (
        SELECT i.id FROM seen s JOIN inbox i ON i.pool = s.pool AND i.id = s.inbox_id
        WHERE s.pool = $1 AND s.source = $2 AND s.key = $3 FOR UPDATE OF i SKIP LOCKED),
     gone AS (DELETE FROM inbox WHERE pool = $1 AND id IN (SELECT id FROM mine) RETURNING id)
DELETE FROM seen USING gone WHERE pool = $1 AND source = $2 AND key = $3 RETURNING true
"""
# What people ask is one party: there are as many sources of it as people.
_BACKLOG: Final = """
SELECT CASE WHEN urgent THEN '' ELSE source END AS party, count(*) AS rows
FROM (SELECT urgent, source FROM inbox WHERE pool = $1 LIMIT $2) AS waiting GROUP BY party
"""
_ASKED: Final = ""


class PostgresInbox:
    """Appends for one pool of queues. `start` it, `close` it; `wake` is called after each durable batch."""

    def __init__(
        self,
        db: database.Database,
        pool: str,
        clock: Clock,
        *,
        wake: Callable[[], None],
        pending_limit: int = 20_000,
        backlog_limit: int = 100_000,
    ) -> None:
        self._db = db
        self._pool = pool
        self._clock = clock
        self._wake = wake
        self._pending_limit = pending_limit
        self._backlog_limit = backlog_limit
        self._groups: list[Group] = []
        self._pending: Counter[str] = Counter()
        self._ready = asyncio.Event()
        self._tasks = Tasks()
        self._loop: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._closing = False
        self.backlog: Counter[str] = Counter()
        self._count_at = float("-inf")

    def start(self) -> None:
        """Begin to write what is appended."""
        self._loop = self._tasks.start(self._run(), name="inbox-appender")

    async def close(self) -> None:
        """Write what was appended already, refuse what comes later."""
        self._closing = True
        self._ready.set()
        if self._loop is not None:
            await asyncio.wait({self._loop}, timeout=5)
            await stop_quietly(self._loop)
        await self._tasks.close()
        self._fail(self._groups, InboxUnavailable())
        self._disconnect()

    async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
        """See `Inbox.append`. A caller that is cancelled may find its inputs taken all the same."""
        with tracing.span("append", "producer") as span:
            group = Group.of(submissions, raw)
            if not group.rows and raw is None:
                return []
            span.note({"ccc.pool": self._pool, "ccc.inputs": len(group.rows)})
            return await self._queue(group)

    async def _queue(self, group: Group) -> list[Appended]:
        if self._closing or self._loop is None or self._loop.done():
            raise InboxUnavailable
        if (
            self._clock.monotonic() >= self._count_at
        ):  # also when all is refused, or nobody would hear that there is room again
            self._count_at = float("inf")
            self._tasks.start(self._count(), name="inbox-backlog")
        party = _party(group)
        if (found := self._refusal(party, _weight(group))) is not None:
            raise (SourceOverloaded if found is Refusal.PARTY else Overloaded)(retry_after_s=2)
        self._groups.append(group)
        self._pending[party] += _weight(group)
        self._ready.set()
        return await group.answer

    async def withdraw(self, source: str, key: str) -> bool:
        """See `Inbox.withdraw`. The input and its dedup key go together, so that the key may be used anew."""
        try:
            async with self._db.pool.acquire(timeout=2) as connection:
                crashing.before(Site.WITHDRAW)
                withdrawn = bool(await connection.fetchval(_WITHDRAW, self._pool, source, key))
                crashing.after(Site.WITHDRAW)
                return withdrawn
        except Exception as error:
            if classify(error) is None:
                raise
            raise InboxUnavailable from error

    def _refusal(self, party: str, more: int) -> Refusal | None:
        """Whether there is no room, in memory or in the table. What people ask has a room of its own in both."""
        for waiting, limit in ((self._pending, self._pending_limit), (self.backlog, self._backlog_limit)):
            mine = waiting.get(party, 0)
            others = 0 if party == _ASKED else sum(waiting.values()) - waiting.get(_ASKED, 0) - mine
            if (found := refusal(mine, mine + others, len(waiting), more, limit)) is not None:
                return found
        return None

    async def _count(self) -> None:
        """Count what waits, once a second at most; not on the appender's connection, where everybody would wait for it."""
        began = self._clock.monotonic()
        try:
            rows = await self._db.pool.fetch(_BACKLOG, self._pool, 2 * self._backlog_limit, timeout=5)
            self.backlog = Counter({row["party"]: row["rows"] for row in rows})
        except Exception as error:
            if classify(error) is None:
                raise
        finally:  # the longer it takes, the more seldom: a twentieth of a connection's time
            now = self._clock.monotonic()
            self._count_at = now + max(_BACKLOG_CHECK_S, 20 * (now - began))

    async def _run(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._groups:
                await self._write(self._next_batch())
            if self._closing:
                return

    def _next_batch(self) -> list[Group]:
        rows = itertools.accumulate(_weight(group) for group in self._groups)
        count = max(1, sum(1 for total in rows if total <= _BATCH_ROWS))
        batch, self._groups = self._groups[:count], self._groups[count:]
        for group in batch:
            self._pending[_party(group)] -= _weight(group)
            self.backlog[_party(group)] += _weight(group)  # until it is counted: a storm must not outrun the counting
        self._pending = +self._pending
        return batch

    async def _write(self, batch: list[Group]) -> None:
        for _ in range(_RETRIES):
            reused = self._connection is not None
            try:
                connection = await self._connected()
                crashing.before(Site.INBOX)
                await write(connection, self._pool, batch)
            except Exception as error:  # noqa: BLE001 - whatever it was, every caller of the batch must hear of it
                failure = classify(error)
                if failure is Failure.RETRYABLE:
                    continue
                if failure is Failure.CONNECTION and reused:
                    # The server went away since the last batch. Should this one have been committed after all, its keys say so.
                    self._disconnect()
                    continue
                await self._refused(batch, error, failure)
                return
            crashing.after(Site.INBOX)
            self._wake()
            return
        self._fail(batch, InboxUnavailable())

    async def _refused(self, batch: list[Group], error: Exception, failure: Failure | None) -> None:
        """One bad row fails only its caller: the batch goes again call by call."""
        if failure in {Failure.DATA, Failure.CONSTRAINT}:
            if len(batch) > 1:
                for group in batch:
                    await self._write([group])
                return
            self._fail(batch, Invalid("The content cannot be stored."))
        else:
            self._fail(batch, InboxUnavailable())
            self._disconnect()
        _log.warning("append_failed", error=type(error).__name__, calls=len(batch))

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None or self._connection.is_closed():
            self._connection = await database.connect(self._db.dsn, "appender", self._db.limits, database.BY_KEYS)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    @staticmethod
    def _fail(groups: Sequence[Group], error: CccError) -> None:
        for group in groups:
            group.fail(error)


def _party(group: Group) -> str:
    """Whose room an append takes."""
    source = group.rows[0][0] if group.rows else group.raw.endpoint if group.raw is not None else _ASKED
    return _ASKED if URGENT.match(source) else source


def _weight(group: Group) -> int:
    """Rows; what only keeps a raw delivery is one."""
    return max(1, len(group.rows))
