"""A workload from the journal in the database: who came in the last hours, found by time, and tried again."""

import msgspec
import pytest

from ccc_router.bootstrap.recording import record
from ccc_router.events import journal
from ccc_router.events.since import position_before
from ccc_router.kernel.errors import Misconfigured
from ccc_router.simulation.command import Asked, Recorded, simulate
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.integration.queues.test_rebuild import start, work
from tests.support.fake_clock import FakeClock
from tests.support.spine import by_hand
from tests.support.workload import Workload

MOST_S = 10_000


async def test_a_time_is_found_in_the_journal(database: Database) -> None:
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await work(spine, clock, Workload(SEED), 60)
        entries = await spine.entries()
        moments = sorted({entry.at for entry in entries})
        async with database.pool.acquire() as connection:
            for at in (moments[0] - 1, moments[0], moments[len(moments) // 2], moments[-1], moments[-1] + 1):
                expected = max((entry.position for entry in entries if entry.at < at), default=0)
                assert await position_before(connection, "main", at) == expected
            assert await position_before(connection, "nobody", moments[-1]) == 0


async def test_the_last_hours_of_the_journal_can_be_tried_again(database: Database) -> None:
    """Everybody who came from outside and was to be handled is in it; a journal in which nobody came says so."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        async with database.pool.acquire() as connection:
            with pytest.raises(Misconfigured, match="nobody came"):
                await record(connection, "main", 1, 1)
        await work(spine, clock, Workload(SEED), 200)
        entries = await spine.entries()
        async with database.pool.acquire() as connection:
            head = await journal.head(connection, "main")
            found = await record(connection, "main", MOST_S / 3600, 1)
        bodies = [(entry.at, entry.kind, msgspec.json.decode(entry.body)) for entry in entries]
        unhandled = {
            body["contact_id"]
            for _, kind, body in bodies
            if kind == "ContactEnded" and body["state"] in ("deflected", "merged")
        }
        opened = [
            at
            for at, kind, body in bodies
            if kind == "ContactOpened" and body["channel"] != "internal" and body.get("direction") != "outbound"
            if body["contact_id"] not in unhandled
        ]
        assert opened
        assert head.at - MOST_S * 1000 < opened[0]
        assert [one.at_ms for one in found.arrivals] == opened
        assert {one.agent_id for one in found.shifts} <= {agent.id for agent in spine.state.book.catalogue.agents}
        assert found.shifts
        tried = simulate(Asked(journal=Recorded(found, spine.state.book.catalogue), replications=1))
        assert tried.names == ("in force",)
        assert tried.first[0].total.offered >= len(opened)
