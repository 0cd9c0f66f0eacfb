"""What the reader of waits sees in the tables is what the engine has in memory."""

from ccc_router.queues.waits.sight import look
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.integration.queues.test_rebuild import start, work
from tests.support.fake_clock import FakeClock
from tests.support.sight import sight_of
from tests.support.spine import by_hand
from tests.support.workload import Workload


async def test_i13_the_tables_show_who_is_here_who_has_what_and_who_waits_where(database: Database) -> None:
    clock, workload = FakeClock(), Workload(SEED)
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        waited = held = 0
        for _ in range(12):
            await work(spine, clock, workload, 15)
            async with database.pool.acquire() as connection:
                seen = await look(connection, "main")
            known = sight_of(spine.state)
            assert {one.id: one for one in seen.here} == {one.id: one for one in known.here}
            assert (seen.in_hand, seen.waiting, seen.closed) == (known.in_hand, known.waiting, known.closed)
            assert seen.at >= known.at
            waited, held = waited + len(seen.waiting), held + len(seen.in_hand)
        assert waited, "else nothing was compared"
        assert held
