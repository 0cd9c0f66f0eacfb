"""What one more costs where 10,000, 100,000 and 1,000,000 lie already (R-28): contacts waiting in memory, and rows of inbox, dedup keys,
deliveries and journal. Printed is the cost at the largest over the cost at the smallest.

`python -m bench.backlog` takes some minutes and 2 GB for a million waiting contacts; `python -m bench.backlog 100000` stops before.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import uvloop

from bench import growth
from bench.load import median
from bench.report import Report
from bench.server import Server, serving
from bench.watching import a_message
from ccc_router.events import journal, partitions
from ccc_router.events.appending import Group, write
from ccc_router.events.codec import canonical
from ccc_router.kernel import log
from ccc_router.kernel.clock import SystemClock
from ccc_router.queues.deliveries import claiming
from ccc_router.queues.taking.floor import BEHIND_S
from ccc_router.queues.taking.isolation import Isolation
from ccc_router.queues.taking.taking import Taking
from ccc_router.routing import CORE_VERSION
from ccc_router.storage import database, migrate

SIZES: Final = (10_000, 100_000, 1_000_000)
TURN: Final = 96
_TIMES: Final = 60
_LANES: Final = 20
_GONE: Final = 100_000
_INBOX: Final = """
INSERT INTO inbox (pool, source, key, body) SELECT 'main', 'site', 'k' || n, $1::bytea FROM generate_series(1, $2::int) AS n
"""
_SEEN: Final = (
    "INSERT INTO seen (pool, source, key) SELECT 'main', 'site', 'k' || n FROM generate_series(1, $1::int) AS n"
)
_OWED: Final = f"""
INSERT INTO delivery (pool, id, position, kind, lane, target, due)
SELECT 'main', 'owed_' || n, -n, 'webhook', 'department:dead_' || n % {_LANES}, 'dead',
       CASE WHEN n <= $1::int - {_LANES} THEN 'infinity' ELSE clock_timestamp() + interval '1 hour' END
FROM generate_series(1, $1::int) AS n
"""
_JOURNAL: Final = f"""
INSERT INTO journal (pool, position, last, at, core_version, body)
SELECT 'main', n, n, n, {CORE_VERSION}, $1::bytea FROM generate_series(1, $2::int) AS n
"""
_BATCH: Final = """
INSERT INTO journal_batch (pool, first, last, previous, hash) VALUES ('main', 1, $1, '\\x00', '\\x00')
"""

Connection = database.Connection
Costs = dict[str, float]


async def _fill(connection: Connection, size: int) -> None:
    body = canonical(a_message("bench", 1).body)
    await partitions.prepare(connection, "main", size + 1)
    await connection.execute(_INBOX, body, size)
    await connection.execute(_SEEN, size)
    await connection.execute(_OWED, size)
    await connection.execute(_JOURNAL, body, size)
    await connection.execute(_BATCH, size)
    await connection.execute("VACUUM ANALYZE")


async def _ms(work: Callable[[int], Awaitable[object]]) -> float:
    """Milliseconds of the median."""
    took = []
    for number in range(_TIMES):
        began = time.perf_counter()
        await work(number)
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


async def _take(engine: Connection, taking: Taking) -> int:
    async with engine.transaction():
        taken = await taking.take(engine, TURN)
    taking.settle(taken)
    return len(taken.rows)


async def in_tables(dsn: str, size: int) -> Costs:
    """What one more costs where so many rows lie in each table (ms)."""
    await migrate.upgrade(dsn)
    filling = await asyncpg.connect(dsn)
    engine = await database.connect(dsn, "bench", None, database.BY_KEYS)
    try:
        await _fill(filling, size)
        taking = Taking("main", Isolation(), None, SystemClock())

        async def append(number: int) -> None:
            await write(engine, "main", [Group.of([a_message(f"one-{number}", number)], None)])

        async def look(_number: int) -> None:
            async with engine.transaction():
                await engine.fetch(claiming.CANDIDATES, "webhook", 200, "main")

        async def decide(number: int) -> None:
            head = await journal.head(engine, "main")
            row = journal.row_of(head.position + 1, number, [b"{}"])
            _, batch, columns = journal.append(head, [row], CORE_VERSION)
            async with engine.transaction():
                await engine.execute(journal.BATCHES, "main", *batch)
                await engine.execute(journal.ROWS, "main", *columns)

        return {
            "an input appended": await _ms(append),
            f"{TURN} inputs taken": await _ms(lambda _: _take(engine, taking)),
            "a look for due deliveries": await _ms(look),
            "an entry journalled": await _ms(decide),
        }
    finally:
        await engine.close()
        await filling.close()


async def beside_a_snapshot(dsn: str) -> tuple[float, float, float]:
    """Taking (ms) at first, from a floor, and from the beginning, while a snapshot is held and 100,000 were taken since it was made."""
    await migrate.upgrade(dsn)
    filling, holder = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    engine = await database.connect(dsn, "bench", None, database.BY_KEYS)
    try:
        await filling.execute(_INBOX, canonical(a_message("bench", 1).body), _GONE)
        taking = Taking("main", Isolation(), None, SystemClock())
        async with holder.transaction(isolation="repeatable_read"):
            await holder.fetchval("SELECT count(*) FROM inbox")
            first = await _ms(lambda _: _take(engine, taking))
            while await _take(engine, taking):
                pass
            for _ in range(2):
                await asyncio.sleep(BEHIND_S + 0.1)
                await filling.execute(_INBOX, b"{}", 1)
                await _take(engine, taking)
            await filling.execute(_INBOX, b"{}", _TIMES * TURN * 2)
            floor = await _ms(lambda _: _take(engine, taking))
            whole = await _ms(lambda _: _take(engine, Taking("main", Isolation(), None, SystemClock())))
        return first, floor, whole
    finally:
        for one in (engine, holder, filling):
            await one.close()


def _waiting(report: Report, sizes: tuple[int, ...]) -> None:
    costs = []
    for size in sizes:
        before = growth.memory_mb()
        centre = growth.busy(growth.Size(size, 1_000, 200, 200))
        costs.append(1e6 * growth.cost(centre))
        report.line(f"a decision at {size:,} waiting", f"{costs[-1]:.1f} us", f"{growth.memory_mb() - before:,.0f} MB")
    report.take("waiting_growth", "the last over the first", costs[-1] / costs[0], "x", "<= 2 x")


async def measure(report: Report, server: Server, sizes: tuple[int, ...]) -> None:
    """All of it."""
    _waiting(report, sizes)
    found = [await in_tables(await server.database(f"backlog_{size}"), size) for size in sizes]
    for name in found[0]:
        costs = [one[name] for one in found]
        report.line(
            f"{name} at {', '.join(f'{size:,}' for size in sizes)}", " ".join(f"{one:.2f}" for one in costs), "ms"
        )
        report.take(f"backlog {name}", "  the last over the first", costs[-1] / costs[0], "x", "<= 2 x")
    first, floor, whole = await beside_a_snapshot(await server.database("snapshot"))
    told = f"{first:.2f} {floor:.2f} ms; from the beginning {whole:.2f} ms"
    report.take(
        "snapshot_ratio", f"taking after {_GONE:,} that a snapshot still sees / before", floor / first, "x", told
    )


async def _alone(largest: int) -> None:
    async with serving() as server:
        report = Report()
        report.machine(server.version)
        await measure(report, server, tuple(size for size in SIZES if size <= largest))


if __name__ == "__main__":
    log.configure("error")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_alone(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]))
