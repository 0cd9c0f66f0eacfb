"""Routing beside 400,000 deliveries that wait behind dead receivers, and beside a report: how long arrive to offer takes meanwhile (R-27).

Two services on one server, one with nothing owed and one with everything, take turns; so whatever else the machine does falls on both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import asyncpg

from bench import centre
from bench.lives import Lives
from bench.load import median, percentile
from bench.server import Server
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.queues.deliveries import claiming

OWED: Final = 400_000
AGENTS: Final = 200
RATE: Final = 200.0
_LANES: Final = 20
# The head of each lane failed and is tried again in an hour; the others stand behind it.
_OWE: Final = f"""
INSERT INTO delivery (pool, id, position, kind, lane, target, due)
SELECT 'main', 'owed_' || n, -n, 'webhook', 'department:dead_' || n % {_LANES}, 'dead',
       CASE WHEN n <= {OWED} - {_LANES} THEN 'infinity' ELSE clock_timestamp() + interval '1 hour' END
FROM generate_series(1, {OWED}) AS n
"""
_REPORT: Final = """
SELECT kind, count(*), avg(length(body)), max(at) FROM journal WHERE pool = 'main' GROUP BY kind ORDER BY kind
"""


class Beside(NamedTuple):
    """p99 seconds of arrive to offer: with nothing owed, with everything owed, and with a report and an export on top; the plans."""

    plain: float
    owed: float
    reported: float
    owed_ratios: list[float]
    reported_ratios: list[float]
    plans: list[str]


async def measure(server: Server, rounds: int, seconds: float) -> Beside:
    """Take turns; the medians of the turns, and the ratio of each turn's pair."""
    made = centre.catalogue(AGENTS)
    plain_dsn, owed_dsn = await server.database("plain"), await server.database("owed")
    async with (
        centre.working(plain_dsn, server.folder, made) as plain,
        centre.working(owed_dsn, server.folder, made) as owed,
    ):
        await _owe(owed_dsn)
        await server.checkpoint()
        lives = {"plain": Lives(plain), "owed": Lives(owed)}
        waits: dict[str, list[float]] = {"plain": [], "owed": [], "reported": []}
        for one in lives.values():
            await one.run(RATE, 2)  # what is slow only once
        for number in range(rounds):
            order = ["plain", "owed", "reported"]
            for name in order[number % 3 :] + order[: number % 3]:
                async with _reporting(owed_dsn, name == "reported"):
                    run = await lives["plain" if name == "plain" else "owed"].run(RATE, seconds)
                waits[name].append(percentile(run.offers, 0.99))
        plans = await _plans(owed_dsn)
        for one in lives.values():
            one.close()
    return Beside(
        median(waits["plain"]),
        median(waits["owed"]),
        median(waits["reported"]),
        [beside / alone for alone, beside in zip(waits["plain"], waits["owed"], strict=True)],
        [beside / alone for alone, beside in zip(waits["plain"], waits["reported"], strict=True)],
        plans,
    )


async def _owe(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)  # without the service's limits
    try:
        await connection.execute(_OWE)
        await connection.execute("VACUUM ANALYZE delivery")
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _reporting(dsn: str, wanted: bool) -> AsyncIterator[None]:
    """A report and an export over and over, each on a connection of its own."""
    if not wanted:
        yield
        return
    connections = [await asyncpg.connect(dsn) for _ in range(2)]
    tasks = [asyncio.ensure_future(_report(connections[0])), asyncio.ensure_future(_export(connections[1]))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in connections:
            connection.terminate()


async def _report(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    while True:
        await connection.fetch(_REPORT)


async def _export(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    async def forget(_chunk: bytes) -> None:
        await asyncio.sleep(0)

    while True:
        await connection.copy_from_query("SELECT position, body FROM journal ORDER BY position", output=forget)


async def _plans(dsn: str) -> list[str]:
    """How what is due, and what was forgotten, are found among all that is owed."""
    connection = await asyncpg.connect(dsn)
    found = []
    for statement in (claiming.CANDIDATES, claiming.FORGOTTEN):
        text = statement.replace("$1", f"'{DeliveryKind.WEBHOOK.value}'").replace("$2", "200").replace("$3", "'main'")
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY) {text}")
        found.append("\n".join(row[0] for row in rows))
    await connection.close()
    return found
