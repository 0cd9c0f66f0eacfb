"""Routing beside 400,000 deliveries that wait behind dead receivers, beside reports, and beside a relay that is 100,000 entries behind: how
long arrive to offer takes meanwhile (R-27). What is at the side is what the service itself does (`bench.sides`).

Two services on one server, one with nothing owed and one with everything, take turns; so whatever else the machine does falls on both.
`python -m bench.owed` measures only this.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import asyncpg
import uvloop

from bench import centre, sides
from bench.lives import Lives
from bench.load import median, ms, percentile
from bench.report import Report
from bench.server import Server, serving
from bench.sides import Done
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.kernel import log
from ccc_router.queues.deliveries import claiming
from tests.support.kafka.real import RealCluster, programs

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
FILL_S: Final = 25.0
"""At twice the rate: some 100,000 entries, which a relay is behind by at the beginning of each of its turns."""


class Beside(NamedTuple):
    """p99 seconds of arrive to offer by what goes on at the side, turn by turn; how much of that was done; the plans."""

    waits: dict[str, list[float]]
    done: Done
    plans: list[str]

    def ratios(self, name: str) -> list[float]:
        """With it over without anything, each pair of turns."""
        return [beside / alone for alone, beside in zip(self.waits["plain"], self.waits[name], strict=True)]


async def measure(server: Server, rounds: int, seconds: float) -> Beside:
    """Take turns. Without a broker nothing is relayed."""
    made = centre.catalogue(AGENTS)
    plain_dsn, owed_dsn = await server.database("plain"), await server.database("owed")
    async with (
        centre.working(plain_dsn, server.folder, made) as plain,
        centre.working(owed_dsn, server.folder, made) as owed,
        _broker() as kafka,
    ):
        await _owe(owed_dsn)
        lives = {"plain": Lives(plain), "owed": Lives(owed)}
        for one in lives.values():
            await one.run(2 * RATE, FILL_S)
        await server.checkpoint()
        names = ["plain", "owed", "reported"] + ["relayed"] * bool(kafka)
        waits: dict[str, list[float]] = {name: [] for name in names}
        done = Done()
        for number in range(rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                async with _beside(name, owed_dsn, server, kafka, done, number):
                    run = await lives["plain" if name == "plain" else "owed"].run(RATE, seconds)
                waits[name].append(percentile(run.offers, 0.99))
        plans = await _plans(owed_dsn)
        for one in lives.values():
            one.close()
    return Beside(waits, done, plans)


@contextlib.asynccontextmanager
async def _beside(name: str, dsn: str, server: Server, kafka: str, done: Done, number: int) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        if name == "reported":
            await stack.enter_async_context(sides.reports(dsn, server.folder, done))
        elif name == "relayed":
            await stack.enter_async_context(sides.relay(dsn, kafka, f"bench.journal.{number}", done))
        yield


@contextlib.asynccontextmanager
async def _broker() -> AsyncIterator[str]:
    """A real one's address; "" where there is no Java."""
    found = programs()
    if found is None:
        yield ""
        return
    cluster = RealCluster(found)
    await cluster.start()
    try:
        yield cluster.servers
    finally:
        cluster.stop()


async def _owe(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)  # without the service's limits
    try:
        await connection.execute(_OWE)
        await connection.execute("VACUUM ANALYZE delivery")
    finally:
        await connection.close()


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


async def tell(report: Report, server: Server, rounds: int, seconds: float) -> None:
    """Measure, and say it."""
    found = await measure(server, rounds, seconds)
    report.take("owed_plain_p99_ms", "arrive to offer, p99, nothing owed", ms(median(found.waits["plain"])), "ms")
    for name, told in (
        ("owed", f"beside {OWED:,} deliveries to dead receivers"),
        ("reported", "  and readings and an export of the journal besides"),
        ("relayed", "  and a relay that catches up besides"),
    ):
        if name not in found.waits:
            report.line(told, "no broker", "needs Java; tests/support/kafka/fetch.sh brings it")
            continue
        ratios = found.ratios(name)
        report.take(f"{name}_ratio", told, median(ratios), "x", f"each pair: {min(ratios):.2f} to {max(ratios):.2f}")
    done, turns = found.done, rounds * seconds
    relayed = f"{done.relayed / turns:,.0f} entries/s relayed, {done.exported} exports ended"
    report.line("  meanwhile", f"{done.answered / turns:,.0f} readings/s answered", relayed)
    for plan in found.plans:
        report.line(
            "  " + plan.splitlines()[-1].strip(),
            "",
            " ".join(one.strip() for one in plan.splitlines() if "Index" in one)[:300],
        )


async def _alone() -> None:
    async with serving() as server:
        report = Report()
        report.machine(server.version)
        await tell(report, server, 6, 4.0)


if __name__ == "__main__":
    log.configure("error")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_alone())
