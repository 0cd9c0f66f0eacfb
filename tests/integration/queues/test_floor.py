"""Reading the inbox does not pay for rows that are gone, and misses none that came late (R-28, I1)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ccc_router.queues.taking.floor import BEHIND_S, WHOLE_S
from ccc_router.queues.taking.isolation import Isolation
from ccc_router.queues.taking.taking import Taking
from ccc_router.storage.database import BY_KEYS, Connection, Database, connect
from tests.support.fake_clock import FakeClock

TURN: Final = 96
GONE: Final = 5_000
_PUT: Final = """
INSERT INTO inbox (pool, source, key, body)
SELECT 'main', CASE WHEN n % 2 = 0 THEN 'agent:an' ELSE 'site' END, $1 || n, '{}' FROM generate_series(1, $2::int) AS n
"""
_READ: Final = """
SELECT sum(pg_stat_get_xact_tuples_returned(name::regclass))::bigint FROM unnest(ARRAY['inbox_pkey', 'inbox_urgent']) AS name
"""


@asynccontextmanager
async def _an_engines(database: Database) -> AsyncIterator[Connection]:
    connection = await connect(database.dsn, "engine", extra=BY_KEYS)
    try:
        yield connection
    finally:
        await connection.close()


def _taking(clock: FakeClock) -> Taking:
    return Taking("main", Isolation(), None, clock)


async def _turn(connection: Connection, taking: Taking) -> tuple[list[str], int]:
    """The keys that a turn took, and how many entries of the indexes it read for them."""
    async with connection.transaction():
        before = await connection.fetchval(_READ)  # what was not told to the statistics yet
        taken = await taking.take(connection, TURN)
        read = await connection.fetchval(_READ) - before
    taking.settle(taken)
    return [row.key for row in taken.rows], read


async def test_r28_what_was_taken_long_ago_costs_a_look_nothing_though_somebody_still_sees_it(
    database: Database,
) -> None:
    """A snapshot is held meanwhile, as a dump or a long report does: then no dead entry may go from the index."""
    clock = FakeClock()
    async with _an_engines(database) as engine, _an_engines(database) as reporter:
        await engine.execute(_PUT, "first", GONE)
        taking = _taking(clock)
        async with reporter.transaction(isolation="repeatable_read", readonly=True):
            assert await reporter.fetchval("SELECT count(*) FROM inbox") == GONE
            while (await _turn(engine, taking))[0]:
                pass
            for _ in range(2):  # what was taken is now so long ago
                await clock.advance(BEHIND_S)
                await engine.execute(_PUT, f"at {clock.monotonic()} ", 2)
                assert len((await _turn(engine, taking))[0]) == 2
            await engine.execute(_PUT, "later", TURN)
            keys, read = await _turn(engine, taking)
            assert len(keys) == TURN
            await engine.execute(_PUT, "at last", TURN)
            anew, whole = await _turn(engine, _taking(clock))
            assert len(anew) == TURN
        assert read < 2 * TURN + 10
        assert whole > GONE, "a look from the beginning reads them all: else nothing was shown"


async def test_i1_an_input_whose_commit_was_slow_is_taken_by_a_look_from_the_beginning(database: Database) -> None:
    clock = FakeClock()
    async with _an_engines(database) as engine, _an_engines(database) as appender:
        slow = appender.transaction()
        await slow.start()
        await appender.execute(_PUT, "slow", 1)
        taking = _taking(clock)
        for number in range(3):
            await engine.execute(_PUT, f"quick {number} ", 1)
            assert (await _turn(engine, taking))[0] == [f"quick {number} 1"]
            await clock.advance(BEHIND_S + 0.1)
        await slow.commit()
        taken = (await _turn(engine, taking))[0]
        await clock.advance(WHOLE_S)
        assert taken + (await _turn(engine, taking))[0] == ["slow1"]
