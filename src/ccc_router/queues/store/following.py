"""The state of a pool that another leads, kept up with its journal, so that who takes over reads what it lacks and no more (ADR 0051).

Loaded once while the other works; from then on entries are applied as they come, batch by batch along the hash chain. Nothing is
decided and nothing is written. Whatever is not as expected makes the state be forgotten, and loaded anew.
"""

from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

from ccc_router.events import journal
from ccc_router.events.journal import BrokenChain, Head, Link
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import give_way
from ccc_router.queues.store.loading import Rebuilding, load, load_beside
from ccc_router.routing import CORE_VERSION, State
from ccc_router.storage.database import Connection, Database
from ccc_router.storage.failures import Failure, classify

_log = get_logger("queues.following")

Reason = Literal["chain", "unreadable", "core", "behind", "catalogue", "ends_elsewhere"]
"""Why a followed state is forgotten: the journal has a gap or another history than the one that was followed; an entry cannot be
applied; it is of a core that decides otherwise; loading is quicker by now; the catalogue in force is not the journal's; the
journal does not end where the followed one does."""

LOOK_S: Final = 0.05
"""The journal is looked at no more often than this, however many hints there are."""
AGAIN_S: Final = 60.0
"""A state that could not be followed is loaded anew after this time: what stopped it may come again soon."""
MOST_BEHIND: Final = 100_000
"""Applying more entries than this takes about as long as loading."""
_LINKS_A_LOOK: Final = 20
_LAST: Final = "SELECT last FROM journal_batch WHERE pool = $1 ORDER BY last DESC LIMIT 1"
_VERSION: Final = "SELECT coalesce(max(version), 0) FROM catalogue WHERE pool = $1"

LOAD_SECONDS: Final = Histogram(
    "ccc_engine_load_seconds",
    "Time in which who holds the lease had its state: followed from the journal, or loaded from the tables",
    ["pool", "how"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 2, 3, 5, 10, 20),
)
READY: Final = Gauge(
    "ccc_standby_ready", "1 while who stands by has the pool's state and follows the journal", ["pool"]
)
BEHIND: Final = Gauge("ccc_standby_behind_entries", "Journal entries that who stands by has not yet applied", ["pool"])
APPLIED: Final = Counter("ccc_standby_entries", "Journal entries applied while following", ["pool"])
FORGOTTEN: Final = Counter(
    "ccc_standby_forgotten", "Times a followed state could not be gone on with", ["pool", "reason"]
)


class Unfollowable(Exception):  # never leaves this module
    """The state in memory cannot be gone on with."""

    def __init__(self, reason: Reason, told: str = "") -> None:
        super().__init__(told)
        self.reason = reason


class Following:
    """`look` again and again while another leads; `take` once the lease is ours."""

    def __init__(self, pool: str, clock: Clock, *, most_behind: int = MOST_BEHIND) -> None:
        """``most_behind``: who is more entries behind than that loads instead."""
        self._pool = pool
        self._most_behind = most_behind
        self._clock = clock
        self._rebuilding: Rebuilding | None = None
        self._head = Head()
        self._look_at = self._load_at = clock.monotonic()
        self._leave()

    @property
    def state(self) -> State | None:
        """What is known so far, to look at between two looks."""
        return None if self._rebuilding is None else self._rebuilding.state

    async def look(self, database: Database) -> bool:
        """Load if there is nothing yet, else apply what is new, some at a time. True: there is more. Raises what asyncpg raises."""
        now = self._clock.monotonic()
        if now < (self._look_at if self._rebuilding is not None else self._load_at):
            return False
        async with database.pool.acquire(timeout=2) as connection:
            try:
                more = await (self._load(connection) if self._rebuilding is None else self._go_on(connection))
            except Exception as error:  # noqa: BLE001 - what is not the database's ends the following, not the process
                self._failed(error)
                return False
        if not more:
            self._look_at = now + LOOK_S
        return more

    async def take(self, connection: Connection, head: Head) -> State | None:
        """The state at ``head``, where the journal ends under our lease; it is the caller's from now on. None: it is to be loaded.

        Raises what asyncpg raises.
        """
        rebuilding = self._rebuilding
        if rebuilding is None:
            return None
        try:
            await self._reach(connection, head, rebuilding.state)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)
            return None
        self._leave()
        return rebuilding.state

    async def _reach(self, connection: Connection, head: Head, state: State) -> None:
        if head.position - self._head.position > self._most_behind:
            raise Unfollowable("behind", f"{head.position - self._head.position} entries")
        while await self._apply(connection):
            pass
        version = await connection.fetchval(_VERSION, self._pool)
        if version != state.book.version:
            raise Unfollowable("catalogue", f"{version} in the table, {state.book.version} followed")
        if self._head[:4] != head[:4]:  # what was followed is perhaps no longer there: a copy of the database leads
            raise Unfollowable("ends_elsewhere", f"{head.position} in the table, {self._head.position} followed")

    async def _load(self, connection: Connection) -> bool:
        head = await journal.head(connection, self._pool)
        if head.position and head.core_version != CORE_VERSION:  # its rows are to be read when it has ended
            self._load_at = self._clock.monotonic() + AGAIN_S
            return False
        began = self._clock.monotonic()
        self._head, state = await load_beside(connection, self._pool)
        self._rebuilding = Rebuilding(state)
        READY.labels(self._pool).set(1)
        took_ms = int(1000 * (self._clock.monotonic() - began))
        _log.info("standby_loaded", pool=self._pool, position=self._head.position, took_ms=took_ms)
        return True

    async def _go_on(self, connection: Connection) -> bool:
        more = await self._apply(connection)
        behind = await connection.fetchval(_LAST, self._pool) - self._head.position if more else 0
        BEHIND.labels(self._pool).set(behind)
        if behind > self._most_behind:
            raise Unfollowable("behind", f"{behind} entries")
        return more

    async def _apply(self, connection: Connection) -> bool:
        """Apply the next batches. True: there may be more."""
        count = 0
        async for link in journal.page(connection, self._pool, self._head, _LINKS_A_LOOK):
            self._follow(link)
            count += 1
            await give_way()
        return count == _LINKS_A_LOOK

    def _follow(self, link: Link) -> None:
        """All of a batch or nothing: between two batches the state is that of a commit."""
        rebuilding, core = self._rebuilding, link.entries[0].core_version
        if rebuilding is None or core != CORE_VERSION:
            raise Unfollowable("core", f"entry {link.first} is of core {core}, this is {CORE_VERSION}")
        for entry in link.entries:
            rebuilding.take(entry)
        rebuilding.state.take_changed()
        self._head = Head(link.last, link.hash, link.entries[-1].at, core)
        APPLIED.labels(self._pool).inc(len(link.entries))

    def _failed(self, error: Exception) -> None:
        """Forget the state, unless it was the database that failed: raise that again."""
        if classify(error) not in {None, Failure.BUG}:
            raise error
        reason: Reason = "unreadable"
        if isinstance(error, Unfollowable):
            reason = error.reason
        elif isinstance(error, BrokenChain):
            reason = "chain"
        FORGOTTEN.labels(self._pool, reason).inc()
        _log.error(
            "standby_forgets", pool=self._pool, reason=reason, position=self._head.position, error=type(error).__name__,
            told=str(error) if isinstance(error, Unfollowable | BrokenChain) else "",
        )  # fmt: skip
        self._load_at = self._clock.monotonic() + AGAIN_S
        self._leave()

    def _leave(self) -> None:
        self._rebuilding = None
        READY.labels(self._pool).set(0)
        BEHIND.labels(self._pool).set(0)


async def taken_up(
    connection: Connection, pool: str, head: Head, clock: Clock, following: Following | None = None
) -> State:
    """The state at ``head``, for who holds the lease: the followed one brought up to it, or what the tables hold. Raises what asyncpg raises."""
    began = clock.monotonic()
    state = None if following is None else await following.take(connection, head)
    how = "loaded" if state is None else "followed"
    if state is None:
        state = await load(connection, pool, head.position, head.at)
    LOAD_SECONDS.labels(pool, how).observe(clock.monotonic() - began)
    return state
