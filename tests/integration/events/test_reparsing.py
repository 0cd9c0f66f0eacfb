"""Unreadable deliveries are read again once the adapter can; twice changes nothing more."""

from collections.abc import Sequence

from ccc_router.events.inbox import RawDelivery, Submission
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.reparsing import reparse
from ccc_router.kernel.clock import SystemClock
from ccc_router.storage.database import Database
from tests.support.inputs import a_raw, submitted


async def test_what_can_be_read_now_becomes_inputs(database: Database) -> None:
    """Also what came another way meanwhile: its key is known."""
    inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    inbox.start()
    try:
        for number in range(205):
            await inbox.append(
                [], a_raw(f"rw_{number:03}", b"%d" % number, state="unreadable", received_at=10**12 + number // 7)
            )
        await inbox.append([submitted("k1")])

        async def reader(raw: RawDelivery) -> Sequence[Submission] | None:
            number = int(raw.body)
            return None if number == 0 else () if number == 2 else [submitted(f"k{number}")]

        first = await reparse(database, "main", inbox, reader)
        assert first == (204, 1, 202)
        assert await reparse(database, "main", inbox, reader) == (0, 1, 0)
        states = await database.pool.fetch("SELECT state, count(*) FROM raw_delivery GROUP BY state ORDER BY state")
        assert [tuple(row) for row in states] == [("ignored", 1), ("parsed", 203), ("unreadable", 1)]
    finally:
        await inbox.close()
