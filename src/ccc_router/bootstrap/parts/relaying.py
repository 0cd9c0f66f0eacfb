"""The relay of the pool's journal, in a process of its own or beside everything else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ccc_router.bootstrap.spine import Checks, Spine
from ccc_router.web.health import Check
from ccc_router.workers.relay import Relay


@asynccontextmanager
async def relaying(spine: Spine) -> AsyncIterator[Relay | None]:
    """Relay the journal to its topic until the context is left, if a Kafka is set; then the lease is given back (I17)."""
    cluster = spine.settings.kafka()
    if cluster is None:
        yield None
        return
    # Without a Kafka its library need not be loaded.
    from ccc_router.events.kafka.journal import JournalTopic

    relay = Relay(spine.storage.database, spine.settings.pool, JournalTopic(cluster), spine.clock)

    async def look() -> Checks:  # nobody waits for the topic: that it is behind is for the metric and its alarm
        return {"relay": Check(ok=True, detail=relay.told)}

    spine.looks.append(look)
    spine.supervisor.add(relay.loop)
    try:
        yield relay
    finally:
        await relay.stop(spine.settings.drain_s / 4)
