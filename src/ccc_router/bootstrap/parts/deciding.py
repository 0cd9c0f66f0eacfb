"""The part that decides: the engine, leading or standing by, and what goes on beside the one that leads."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ccc_router.bootstrap.spine import Checks, Spine
from ccc_router.events.journal import WAKE as JOURNAL_WAKE
from ccc_router.kernel.tasks import Loop
from ccc_router.queues.catalogue.current import CHANNEL as CATALOGUE_WAKE
from ccc_router.queues.deliveries.owing import WAKE as DELIVERY_WAKE
from ccc_router.queues.engine import Engine, Observers
from ccc_router.queues.heartbeats import AgentWatch
from ccc_router.web.health import Check
from ccc_router.workers.engine import INBOX_WAKE, engine_loop
from ccc_router.workers.prune import Pruning
from ccc_router.workers.watching import Watching

if TYPE_CHECKING:
    from ccc_router.events.kafka.reading import KafkaFeed


@dataclass(frozen=True, slots=True)
class Deciding:
    """The engine and who is told of its commits."""

    engine: Engine
    observers: Observers
    feed: "KafkaFeed | None"

    async def look(self) -> Checks:
        """For ``/readyz``: who stands by is as ready as who leads."""
        checks = {"lease": Check(ok=True, detail="leading" if self.engine.leading else "standing by")}
        if self.feed is not None and self.feed.open_now:
            behind = f"{self.feed.lag} records behind"
            checks["kafka"] = Check(ok=True, detail=behind if self.feed.connected else "away")
        return checks


@asynccontextmanager
async def deciding(spine: Spine) -> AsyncIterator[Deciding]:
    """An engine that takes the pool's lease when it is free; at the end the lease is given back, for another to take at once (I17)."""
    database, pool, clock = spine.storage.database, spine.settings.pool, spine.clock
    observers = Observers()
    loops: list[Loop] = []

    def wake() -> None:
        for loop in loops:
            loop.wake()

    feed = _feed(spine, wake)
    engine = Engine(database, pool, clock, spine.desk, observers, feed=feed)
    loops.append(engine_loop(engine, spine.storage.wakeups))
    _tell(spine, engine, observers)
    for loop in (
        *loops,
        AgentWatch(database, engine, spine.inbox, clock).loop,
        Pruning(database, lambda: engine.leading).loop,
        Watching(database, pool, lambda: spine.current.catalogue, clock, leading=lambda: engine.leading).loop,
    ):
        spine.supervisor.add(loop)
    part = Deciding(engine, observers, feed)
    spine.looks.append(part.look)
    try:
        yield part
    finally:
        await spine.supervisor.stop(spine.settings.drain_s)
        await engine.stop()


def _feed(spine: Spine, wake: Callable[[], None]) -> "KafkaFeed | None":
    cluster = spine.settings.kafka()
    if cluster is None:
        return None
    # Without a Kafka its library need not be loaded.
    from ccc_router.events.kafka.reading import KafkaFeed

    return KafkaFeed(cluster, spine.settings.pool, spine.clock, wake=wake)


def _tell(spine: Spine, engine: Engine, observers: Observers) -> None:
    """Hints after a commit: whoever follows the journal, works by the catalogue, sends, or leads a pool that got something."""
    notifier, pool = spine.storage.notifier, spine.settings.pool
    notifier.keep(INBOX_WAKE, pool, lambda: engine.leading)  # those who stand by do not read
    # Who runs everything has the journal's readers here; those of a second such process look by themselves.
    notifier.keep(JOURNAL_WAKE, pool, lambda: spine.alone)
    observers.activated.append(spine.current.put)
    observers.activated.append(lambda _: notifier.notify(CATALOGUE_WAKE, pool, here=False))
    observers.owed.append(lambda kind: notifier.notify(DELIVERY_WAKE, kind))
    observers.handed.append(lambda other: notifier.notify(INBOX_WAKE, other))
    observers.committed.append(lambda _: notifier.notify(JOURNAL_WAKE, pool))
