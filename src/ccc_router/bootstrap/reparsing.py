"""``ccc-router reparse``: reads kept deliveries again. It needs no engine: what it finds waits in the inbox."""

from ccc_router.bootstrap.parts.taking import intake
from ccc_router.bootstrap.spine import build, by_kafka
from ccc_router.bootstrap.storage import open_storage
from ccc_router.channels.keeping import RawDeliveries
from ccc_router.channels.reparse import Reparsed, reparse
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.tasks import Supervisor
from ccc_router.settings import Settings


async def reparse_all(settings: Settings, endpoint_id: str = "") -> Reparsed:
    """Read the unreadable deliveries of an endpoint ("": of all) again. Raises Misconfigured without a catalogue in force."""
    clock = SystemClock()
    supervisor = Supervisor(clock)
    async with open_storage(settings, supervisor, clock) as storage:
        spine = build(settings, storage, supervisor, clock)
        if not await spine.current.refresh(storage.database, settings.pool):
            raise Misconfigured("CCC_CATALOGUE: no catalogue was ever in force, so there is nothing to read again")
        spine.inbox.start()
        try:
            async with by_kafka(spine):
                return await reparse(intake(spine), RawDeliveries(storage.database, settings.pool), endpoint_id)
        finally:
            await spine.inbox.close()
