"""What came in the last hours, from the journal: for ``ccc-router simulate --last-hours``. It needs no engine."""

from typing import Final, NamedTuple

from ccc_router.bootstrap.spine import build
from ccc_router.bootstrap.storage import open_storage
from ccc_router.events import journal
from ccc_router.events.since import position_before
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.tasks import Supervisor, give_way
from ccc_router.routing.policy import Catalogue
from ccc_router.settings import Settings
from ccc_router.simulation.workloads.recorder import Recorder
from ccc_router.simulation.workloads.workload import Workload
from ccc_router.storage.database import Connection

_HOUR_MS: Final = 3_600_000
_LONGEST_SHIFT_MS: Final = 16 * _HOUR_MS
"""Reading begins so much before the window: who works in it has come in by then."""
_PAGE: Final = 500
_IN_ONE_GO: Final = 100
"""Entries taken before others have their turn: about a millisecond, for an engine may live in the same process."""


class Told(NamedTuple):
    """What the journal told up to ``until`` (engine ms, exclusive)."""

    recorder: Recorder
    until: int


async def tell(connection: Connection, pool: str, hours: float) -> Told:
    """Have a recorder told of the last hours before the journal's end, and of who was there."""
    until = (await journal.head(connection, pool)).at + 1
    begins = until - int(hours * _HOUR_MS)
    recorder = Recorder()
    after = await position_before(connection, pool, begins - _LONGEST_SHIFT_MS)
    number = 0
    async for entry in journal.entries(connection, pool, after, _PAGE):
        if entry.at >= until:
            break
        recorder.take(entry)
        number += 1
        if number % _IN_ONE_GO == 0:
            await give_way()
    return Told(recorder, until)


async def record(connection: Connection, pool: str, hours: float, seed: int) -> Workload:
    """The workload of the last hours before the journal's end. Raises Misconfigured for a journal where nobody came in them."""
    recorder, until = await tell(connection, pool, hours)
    found = recorder.workload(until - int(hours * _HOUR_MS), until, seed)
    if not found.arrivals:
        raise Misconfigured(f"nobody came in the last {hours:g} hours of the journal")
    return found


async def record_last(settings: Settings, hours: float, seed: int) -> tuple[Workload, Catalogue]:
    """That workload of the database in the settings, and the catalogue in force. Raises Misconfigured if there is none of either."""
    clock = SystemClock()
    supervisor = Supervisor(clock)
    async with open_storage(settings, supervisor, clock) as storage:
        spine = build(settings, storage, supervisor, clock)
        await spine.current.refresh(storage.database, settings.pool)
        catalogue = spine.current.catalogue
        if catalogue is None:
            raise Misconfigured("CCC_CATALOGUE: no catalogue was ever in force, so nothing can have come")
        async with storage.database.pool.acquire() as connection:
            return await record(connection, settings.pool, hours, seed), catalogue
