"""The engine: the single writer of a pool. It reads inputs, decides, and commits everything that follows in one transaction.

Whoever holds the pool's lease has a `Session`: a connection of its own, the state in memory, the journal's head. Whatever
goes wrong, the session's state is thrown away and loaded anew; nothing in memory is ever believed after a failed commit.
"""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from prometheus_client import Counter, Gauge, Histogram

from ccc_router.events.kafka.feed import Feed
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.log import get_logger
from ccc_router.queues.batch import Waiting
from ccc_router.queues.session import NewerCore, Session, open_session
from ccc_router.queues.store.following import Following
from ccc_router.routing import State
from ccc_router.routing.policy import Catalogue
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify
from ccc_router.storage.leases import LeaseLost

_log = get_logger("queues.engine")

IDLE_S: Final = 0.1
"""How often the inbox, the timers and a free lease are looked for without a hint."""

INPUTS: Final = Counter("ccc_engine_inputs", "Inputs committed by the engine", ["pool"])
ENTRIES: Final = Counter("ccc_engine_entries", "Journal entries committed", ["pool"])
PARKED: Final = Counter("ccc_engine_parked_inputs", "Inputs that could not be handled and were put aside", ["pool"])
VIOLATIONS: Final = Counter("ccc_invariant_violations", "Invariants found broken after a step", ["invariant"])
RELOADS: Final = Counter("ccc_engine_reloads", "Times the state was thrown away and loaded anew", ["pool", "reason"])
LEADING: Final = Gauge("ccc_engine_leading", "1 while this process holds the pool's lease", ["pool"])
TURN_SECONDS: Final = Histogram(
    "ccc_engine_turn_seconds",
    "Time from reading inputs to their commit",
    ["pool"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)


class Answers(Protocol):
    """Who is told outcomes after the commit."""

    def settle(self, answers: Sequence[Waiting]) -> None:
        """Tell the callers of this process; hint at the others."""
        ...


class Observers:
    """What a commit makes known in this process and, by hints, to others. Every callback must be quick."""

    def __init__(self) -> None:
        self.committed: list[Callable[[int], None]] = []
        self.owed: list[Callable[[str], None]] = []
        self.handed: list[Callable[[str], None]] = []
        self.activated: list[Callable[[Catalogue], None]] = []


class Engine:
    """Run `run_once` again and again: it takes the lease, then handles what there is, and says whether there is more.

    While another has the lease it follows him, so that it can go on from his last commit at once.
    """

    def __init__(
        self,
        database: Database,
        pool: str,
        clock: Clock,
        answers: Answers,
        observers: Observers,
        *,
        feed: Feed | None = None,
        batch: int = 512,
    ) -> None:
        """``feed`` is read besides the inbox, while this process leads."""
        self._database = database
        self.pool = pool
        self._clock = clock
        self._answers = answers
        self._observers = observers
        self._feed = feed
        self._batch = batch
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._session: Session | None = None
        self._following = Following(pool, clock)
        self.taken_at: float | None = None

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease as far as it knows."""
        return self._session is not None

    @property
    def state(self) -> State | None:
        """The state in memory, to look at between two turns; None while another leads."""
        return self._session.state if self._session is not None else None

    @property
    def memory(self) -> State | None:
        """The state this process holds, leading or standing by; None until it has one."""
        return self.state or self._following.state

    @property
    def now_ms(self) -> int | None:
        """Engine time, while this process leads."""
        return self._session.time.now() if self._session is not None else None

    async def run_once(self) -> bool:
        """One turn. True if there is more to do at once. Raises only for a fault of ours, or NewerCore."""
        more = False if self._session is not None else await self._lead()
        session = self._session
        if session is None:
            return more
        began = self._clock.monotonic()
        try:
            done = await session.turn(self._batch)
        except LeaseLost:
            await self._leave("lease_lost")
            return False
        except Exception as error:  # noqa: BLE001 - what is not the database's is raised again
            await self._failed(session, error)
            return True
        if done.entries:
            TURN_SECONDS.labels(self.pool).observe(self._clock.monotonic() - began)
            self._tell(session)
        return done.more

    async def stop(self) -> None:
        """Give the lease back, so that another takes over at once (I17). Call it when no turn is under way."""
        await self._leave("stopped")

    def _tell(self, session: Session) -> None:
        kinds: set[str] = set()
        pools: set[str] = set()
        for batch in session.committed:
            INPUTS.labels(self.pool).inc(batch.inputs)
            ENTRIES.labels(self.pool).inc(batch.entries)
            if batch.parked:
                PARKED.labels(self.pool).inc(batch.parked)
            for position, broken in batch.violated:
                VIOLATIONS.labels(broken.invariant).inc()
                _log.error(
                    "invariant_violated", pool=self.pool, position=position, invariant=broken.invariant, ref=broken.ref,
                    what=broken.what,
                )  # fmt: skip
            crashing.before(Site.TELL)
            self._answers.settle(batch.answers)
            crashing.after(Site.TELL)
            if batch.activated is not None:
                self._activated(batch.activated)
            kinds |= {delivery.delivery.value for _, delivery, _ in batch.owed}
            pools |= batch.handing.pools.keys()
        for kind in kinds:
            for owed in self._observers.owed:
                owed(kind)
        for pool in pools:
            for handed in self._observers.handed:
                handed(pool)
        for committed in self._observers.committed:
            committed(session.head.position)

    def _activated(self, catalogue: Catalogue) -> None:
        crashing.before(Site.CATALOGUE)
        for activated in self._observers.activated:
            activated(catalogue)
        crashing.after(Site.CATALOGUE)

    async def _lead(self) -> bool:
        """Take the lease if it is free, else follow who has it: True if there is more to follow."""
        try:
            self._session = await open_session(
                self._database, self.pool, self._holder, self._clock, self._following, self._feed
            )
            if self._session is None:
                return await self._following.look(self._database)
        except NewerCore:
            raise
        except Exception as error:
            if classify(error) in {None, Failure.BUG}:
                raise
            _log.warning("engine_waits_for_database", pool=self.pool, error=type(error).__name__)
            return False
        self.taken_at = self._clock.monotonic()
        LEADING.labels(self.pool).set(1)
        _log.info("engine_leads", pool=self.pool, epoch=self._session.lease.epoch, position=self._session.head.position)
        self._activated(self._session.state.book.catalogue)
        return False

    async def _failed(self, session: Session, error: Exception) -> None:
        failure = classify(error)
        _log.warning("engine_turn_failed", pool=self.pool, error=type(error).__name__, failure=failure)
        if failure in {Failure.CONNECTION, Failure.FULL, Failure.TIMEOUT} or session.is_closed():
            await self._leave("connection")
        elif failure is Failure.RETRYABLE or session.isolates(error):
            await self._reload(session)
        else:
            await self._leave("fault")
            raise error

    async def _reload(self, session: Session) -> None:
        RELOADS.labels(self.pool, "isolating").inc()
        try:
            await session.reload()
        except LeaseLost:
            await self._leave("lease_lost")
        except Exception as error:
            await self._leave("connection")
            if classify(error) in {None, Failure.BUG}:
                raise

    async def _leave(self, reason: str) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        LEADING.labels(self.pool).set(0)
        RELOADS.labels(self.pool, reason).inc()
        _log.info("engine_leaves", pool=self.pool, reason=reason)
        await session.close(self._database)
