"""What a life costs, in counts: `python -m bench.costs [lives a round] [rounds]`.

Wall time says as much of the machine and its other guests as of the service. Statements, rows, entries in indexes and bytes of WAL are the
same on any machine. CPU time is not, for others' work makes ours dearer: the cheapest of ten parts is told. Every round some lives arrive,
as many of the round before are accepted and of the one before that completed: what a turn holds when that many arrive while it lasts.
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import uvloop

from bench.centre import Centre, catalogue, working
from bench.load import settle_memory
from bench.server import Server, serving
from bench.watching import Offers, a_message, accept, complete
from ccc_router.kernel import log
from ccc_router.routing.rows import Offer

AGENTS: Final = 600
_WARM: Final = 30
_PARTS: Final = 10
_TUNED: Final = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "1000"}
_TABLES: Final = "SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del FROM pg_stat_user_tables"
_STATEMENTS: Final = """
SELECT queryid::text || ' ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 90), sum(calls)::bigint, sum(total_exec_time)
FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid AND d.datname = current_database()
WHERE userid = 'ccc'::regrole GROUP BY 1
"""
_WAL: Final = """
SELECT "resource_manager/record_type", count::bigint, record_size::bigint
FROM pg_get_wal_stats($1::text::pg_lsn, $2::text::pg_lsn, true) WHERE count > 0
"""

Numbers = Mapping[str, Sequence[float]]


class Meter:
    """Reads what both sides have done so far."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", server: Server) -> None:
        self._connection = connection
        self._server = server
        self._since = ""

    async def read(self) -> dict[str, Numbers]:
        """What was counted up to now; the WAL's part from the last reading on."""
        await self._connection.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        here = await self._connection.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        wal = await self._rows(_WAL, self._since, here) if self._since else {}
        self._since = here
        return {"wal": wal, "tables": await self._rows(_TABLES), "statements": await self._rows(_STATEMENTS)}

    def cpu(self) -> Numbers:
        """Seconds of CPU that either side has taken."""
        return {"this process": [time.process_time()], "PostgreSQL": [_seconds_of(self._server.pid)]}

    async def _rows(self, statement: str, *args: str) -> Numbers:
        return {row[0]: [float(number) for number in row[1:]] for row in await self._connection.fetch(statement, *args)}


def _seconds_of(server: int) -> float:
    """CPU time of the server's processes that live."""
    seconds = 0.0
    for process in map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split()):
        seconds += int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    return seconds


def a_life(before: Numbers, after: Numbers, lives: int) -> Numbers:
    """What came between two readings, for each of so many lives, what there is most of first."""
    found = {
        name: [(new - old) / lives for new, old in zip(numbers, before.get(name, [0.0] * len(numbers)), strict=True)]
        for name, numbers in after.items()
    }
    return {name: numbers for name, numbers in sorted(found.items(), key=lambda one: -sum(one[1])) if any(numbers)}


class Rounds:
    """Plays lives in step."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._offers = Offers(centre, self._made)
        self._awaited: dict[str, asyncio.Future[Offer]] = {}
        self._number = 0

    async def play(self, lives: int, rounds: int) -> None:
        """So many lives in each of so many rounds."""
        offered: list[Offer] = []
        accepted: list[Offer] = []
        for number in range(rounds + 2):
            arriving = [self._arrive() for _ in range(lives if number < rounds else 0)]
            accepting = [accept(self._centre, offer) for offer in offered]
            completing = [complete(self._centre, offer) for offer in accepted]
            _, made = await asyncio.gather(asyncio.gather(*accepting, *completing), asyncio.gather(*arriving))
            offered, accepted = list(made), offered

    async def _arrive(self) -> Offer:
        self._number += 1
        submission = a_message(f"costs-{self._number}", self._number)
        offered: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        self._awaited[submission.body.contact_id] = offered  # type: ignore[union-attr]
        await self._centre.inbox.append([submission])
        return await offered

    def _made(self, offer: Offer, _now: float) -> None:
        self._awaited.pop(offer.contact_id).set_result(offer)


async def measure(lives: int, rounds: int) -> dict[str, Numbers]:
    """Costs of a life, by what they are."""
    async with serving(_TUNED) as server:
        dsn = await server.database("costs")
        connection = await asyncpg.connect(server.as_superuser(dsn))
        for extension in ("pg_stat_statements", "pg_walinspect"):
            await connection.execute(f"CREATE EXTENSION {extension}")
        async with working(dsn, server.folder, catalogue(AGENTS)) as centre:
            played, meter = Rounds(centre), Meter(connection, server)
            await played.play(lives, _WARM)
            settle_memory()
            before = await meter.read()
            parts = []
            for _ in range(_PARTS):
                began = meter.cpu()
                await played.play(lives, rounds // _PARTS)
                parts.append(a_life(began, meter.cpu(), lives * (rounds // _PARTS)))
            after = await meter.read()
        await connection.close()
    counted = {name: a_life(before[name], after[name], lives * (rounds // _PARTS) * _PARTS) for name in after}
    return {**counted, "cpu": {side: [min(part[side][0] for part in parts)] for side in parts[0]}}


def report(costs: Mapping[str, Numbers]) -> None:
    """As people read them."""
    cpu, wal, tables = costs["cpu"], costs["wal"], costs["tables"]
    rows = [sum(one[place] for one in tables.values()) for place in range(4)]
    entries = sum(found[0] for name, found in wal.items() if name.startswith("Btree/INSERT"))
    _table("table: rows inserted, updated, of these in their page, deleted", tables)
    _table("WAL: records, bytes", wal)
    _table("statement: calls, ms", costs["statements"])
    print(f"""
a life:
CPU of this process       {cpu["this process"][0] * 1e6:9.0f} us
CPU of PostgreSQL         {cpu["PostgreSQL"][0] * 1e6:9.0f} us
statements                {sum(one[0] for one in costs["statements"].values()):9.2f}
rows inserted             {rows[0]:9.2f}
rows updated              {rows[1]:9.2f}, in their page {rows[2]:.2f}
rows deleted              {rows[3]:9.2f}
entries in indexes        {entries:9.2f}
WAL records               {sum(one[0] for one in wal.values()):9.1f}
WAL without page images   {sum(one[1] for one in wal.values()):9.0f} bytes""")


def _table(title: str, found: Numbers) -> None:
    print(f"\n{title}")
    for name, numbers in found.items():
        print(f"  {name[:100]:100}" + "".join(f"{number:10.3f}" for number in numbers))


if __name__ == "__main__":
    log.configure("error")
    given = [int(one) for one in sys.argv[1:]]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report(runner.run(measure(*(given or [12, 200]))))
