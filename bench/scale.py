"""`python -m bench.scale`: what one contact costs of everything that can run out, and what pools of some size need of it.

A whole life is written, offered, accepted and completed through the service layer at a steady rate; the processor time of this process
(engine, appender, load), PostgreSQL's, WAL and the growth of the tables are counted around it. Then a service in a process of its own
acknowledges webhooks. The second table is arithmetic on the first.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
import uvloop

from bench import centre, lives, webhooks
from bench.client import keep_busy
from bench.server import Server, serving
from ccc_router.kernel import log

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_DAY_S: Final = 86_400
PEAK: Final = 2.4
"""How much busier than the average hour the busiest is (the load profile of the simulator's `Description`)."""
REQUESTS_A_LIFE: Final = 8
"""One delivery of a channel or three events of a call, the agent's client: next, accept, the contact, an answer, complete, a heartbeat."""
PARTITIONS: Final = 12
"""Of a topic: an inbox for each pool, and the journal of all."""
INPUTS_A_LIFE: Final = 4
"""Facts and commands: what came, accept, answer, complete."""


class Cost(NamedTuple):
    """Of one life: microseconds of processor, bytes, and rows inserted; ``request_us`` of one acknowledged webhook with its share of the engine;
    ``idle_us`` and ``idle_postgres_us`` of a second in which nothing happens in a pool, ``connections`` that it holds then."""

    our_us: float
    postgres_us: float
    wal: float
    disk: float
    rows: float
    request_us: float
    idle_us: float
    idle_postgres_us: float
    connections: int


class Size(NamedTuple):
    """How many pools, and how many contacts come to them all in a day."""

    pools: int
    a_day: int


SIZES: Final = (
    Size(1, 10_000),
    Size(1, 100_000),
    Size(1, 1_000_000),
    Size(10, 1_000_000),
    Size(34, 1_000_000),
    Size(100, 10_000_000),
)


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time of processes so far; one that ended meanwhile counts nothing."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def with_children(pid: int) -> list[int]:
    """A process and all that it began."""
    found, at = [pid], 0
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1]
                )
            except OSError:
                continue
    while at < len(found):
        found += [child for child, parent in parents.items() if parent == found[at]]
        at += 1
    return found


async def _counted(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[int, int, int]:
    """(WAL position, bytes of the database, rows inserted)."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    row = await connection.fetchrow(
        "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal, pg_database_size(current_database()) AS disk, "
        "(SELECT sum(n_tup_ins) FROM pg_stat_user_tables) AS rows"
    )
    assert row is not None
    return int(row["wal"]), int(row["disk"]), int(row["rows"])


async def a_life(server: Server, rate: float, seconds: float) -> tuple[float, float, float, float, float]:
    """(our us, PostgreSQL's us, WAL bytes, bytes on disk, rows) of one."""
    dsn = await server.database("scale")
    made = centre.catalogue(lives.AGENTS)
    async with centre.working(dsn, server.folder, made) as spine:
        measured = lives.Lives(spine)
        await measured.run(rate, 5)
        connection = await asyncpg.connect(dsn)
        postmaster = int(next(server.folder.rglob("postmaster.pid")).read_text(encoding="ascii").split()[0])
        before, cpu = await _counted(connection), cpu_s(with_children(postmaster))
        run = await measured.run(rate, seconds)
        await asyncio.sleep(2)  # what sessions count is told once a second
        after, used = await _counted(connection), cpu_s(with_children(postmaster)) - cpu
        await connection.close()
        measured.close()
    wal, disk, rows = ((late - early) / run.lives for early, late in zip(before, after, strict=True))
    return 1e6 * run.cpu / run.lives, 1e6 * used / run.lives, wal, disk, rows


async def an_idle_pool(server: Server, seconds: float) -> tuple[float, float, int]:
    """(our us, PostgreSQL's us) of one second, and connections: of a whole process with ten agents and nothing to do."""
    dsn = await server.database("idle")
    postmaster = int(next(server.folder.rglob("postmaster.pid")).read_text(encoding="ascii").split()[0])
    async with centre.working(dsn, server.folder, centre.catalogue(10)):
        connection = await asyncpg.connect(dsn)
        await asyncio.sleep(5)
        ours, theirs, began = time.process_time(), cpu_s(with_children(postmaster)), time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - began
        ours, theirs = time.process_time() - ours, cpu_s(with_children(postmaster)) - theirs
        held = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
    return 1e6 * ours / took, 1e6 * theirs / took, int(held)


async def a_request(server: Server, seconds: float) -> float:
    """Microseconds of the whole service's processor time for one acknowledged webhook, its fact decided as well."""
    async with webhooks.both(server) as pair:
        [service] = [
            pid
            for pid in with_children(os.getpid())
            if "ccc_router" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
        ][:1]
        requests = iter(webhooks.call_events())
        await keep_busy(pair.port, requests, webhooks.CONNECTIONS, 1.0)
        cpu = cpu_s([service])
        done = await keep_busy(pair.port, requests, webhooks.CONNECTIONS, seconds)
        await pair.worked_off()
        return 1e6 * (cpu_s([service]) - cpu) / done.ok


def needs(cost: Cost, size: Size) -> str:
    """A line of the second table: what is busy in the busiest hour."""
    peak = size.a_day / _DAY_S * PEAK
    engine = (peak / size.pools * cost.our_us + cost.idle_us) / 1e6
    http = peak * REQUESTS_A_LIFE * cost.request_us / 1e6
    postgres = (peak * cost.postgres_us + size.pools * cost.idle_postgres_us) / 1e6
    return (
        f"| {size.pools} | {size.a_day:,} | {peak:.1f} | {engine:.3f} | {engine * size.pools:.2f} | {http:.2f} | {postgres:.2f} "
        f"| {peak * cost.wal / 1e6:.2f} MB/s | {size.a_day * cost.wal / 1e9:.1f} GB | {size.a_day * cost.disk / 1e9:.1f} GB "
        f"| {peak * INPUTS_A_LIFE:,.0f} | {size.pools * cost.connections} | {PARTITIONS * (size.pools + 1)} |"
    )


async def measure(rate: float, seconds: float) -> None:
    """Measure, print both tables."""
    async with serving() as server:
        found = await a_life(server, rate, seconds)
        cost = Cost(*found, await a_request(server, min(seconds, 10.0)), *await an_idle_pool(server, seconds))
    print(f"at {rate:.0f} lives a second for {seconds:.0f} s, {time.strftime('%Y-%m-%d')}")
    print("| of one life | |\n|---|---|")
    print(f"| this process: engine, appender, three inputs' callers, load | {cost.our_us:,.0f} us |")
    print(f"| PostgreSQL | {cost.postgres_us:,.0f} us |\n| WAL | {cost.wal:,.0f} bytes |")
    print(f"| tables and indexes grow by | {cost.disk:,.0f} bytes |\n| rows inserted | {cost.rows:.1f} |")
    print(f"| one acknowledged webhook, its fact decided | {cost.request_us:,.0f} us |")
    print(
        f"| a second of an idle pool: one process, PostgreSQL | {cost.idle_us:,.0f} us, {cost.idle_postgres_us:,.0f} us |"
    )
    print(f"| connections it holds | {cost.connections} |\n")
    print(
        "| pools | contacts a day | a second at the peak | core of an engine | of all | `serve` | PostgreSQL | WAL at the peak "
        "| WAL a day | tables a day | inputs a second | connections | partitions |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    print("\n".join(needs(cost, size) for size in SIZES))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    log.configure("error")
    uvloop.run(measure(given.rate, given.seconds))


if __name__ == "__main__":
    main()
