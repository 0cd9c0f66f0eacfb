"""I13: what a real engine decided on PostgreSQL is decided again, by the command and beside the engine, and the states are one."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

from ccc_router.events import journal
from ccc_router.queues.store.loading import NO_CATALOGUE, load
from ccc_router.routing import State
from ccc_router.routing.policy import Rules
from ccc_router.simulation.replaying import Replay, replay
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.integration.queues.test_rebuild import picture, start, work
from tests.support.builders import a_catalogue
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, submitted
from tests.support.spine import by_hand
from tests.support.workload import Workload

pytestmark = ONE_POSTGRES


class Ran(NamedTuple):
    """What the command said."""

    status: int
    out: str
    err: str


async def command(dsn: str, *arguments: str) -> Ran:
    """``ccc-router …`` on a database."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ccc_router", *arguments,
        env={**os.environ, "CCC_DATABASE_URL": dsn, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "5"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def test_i13_a_day_of_the_engine_is_decided_again_and_all_states_are_one(database: Database) -> None:
    """Replayed, loaded from the tables, and live: over two inputs that were put aside (one made the engine load its state anew) and
    a new catalogue."""
    await database.pool.execute("ALTER TABLE message ADD CONSTRAINT no_boom CHECK (text <> 'boom')")
    clock, workload = FakeClock(), Workload(SEED)
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await work(spine, clock, workload, 120)
        await spine.inbox.append([submitted("good"), submitted("boom", a_message("boom", text="boom"))])
        await database.pool.execute(
            "INSERT INTO inbox (pool, source, key, body) VALUES ('main', 'portal', 'bad', 'not json')"
        )
        await spine.turns()
        await spine.drive(spine.activate(a_catalogue(2, rules=Rules(penalty_s=20))))
        await work(spine, clock, workload, 130)
        running = Replay(State("main", NO_CATALOGUE))
        async with database.pool.acquire() as connection:
            assert await replay(running, journal.links(connection, "main")) is None
            head = await journal.head(connection, "main")
            loaded = await load(connection, "main", head.position, head.at)
        assert running.counts.parked == running.counts.applied == 2
        assert running.counts.compared == head.position - 2
        assert running.counts.inputs > 250
        assert picture(running.state) == picture(loaded) == picture(spine.state)


async def test_i13_the_command_replays_beside_a_living_engine_and_elsewhere(database: Database, tmp_path: Path) -> None:
    """From the database, whole and in part, and from a file that knows nothing of what was before."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await work(spine, clock, Workload(SEED + 1), 120)
        entries = await spine.entries()
        begins, ends = entries[len(entries) // 3].cause, entries[len(entries) // 2].cause
        decided = [one for one in entries if begins <= one.cause <= ends]
        whole = await command(database.dsn, "replay")
        assert (whole.status, whole.err) == (0, ""), whole.out
        assert whole.out.startswith(f"{len(entries)} entries compared")
        assert whole.out.endswith("bit-equal\n")
        part = await command(database.dsn, "replay", "--from", str(begins), "--to", str(ends))
        assert (part.status, part.err) == (0, ""), part.out
        assert part.out.startswith(f"{len(decided)} entries compared")
        file = tmp_path / "part.jsonl.gz"
        there = await command(
            database.dsn, "journal", "export", "--from", str(begins), "--to", str(ends), "--file", str(file)
        )
        assert (there.status, there.err) == (0, "")
        elsewhere = await command("postgresql://nowhere.invalid/x", "replay", "--file", str(file))
        assert (elsewhere.status, elsewhere.err) == (0, ""), elsewhere.out
        assert elsewhere.out.endswith("bit-equal\n")
        other = await command(database.dsn, "replay", "--pool", "other")
        assert other.status == 65
        assert "nothing was decided again" in other.err
        await spine.drive(spine.ready("an"))  # the engine still leads


async def test_i16_a_tampered_journal_is_not_replayed(database: Database) -> None:
    """Somebody who owns the tables can change them, but not so that the chain holds."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        entries = await spine.entries()
    changed = next(one for one in entries if one.kind == "PresenceChanged")
    async with database.pool.acquire() as connection:
        await connection.execute("ALTER TABLE journal DISABLE TRIGGER USER")
        await connection.execute("UPDATE journal SET at = at + 1 WHERE pool = 'main' AND position = $1", changed.cause)
    ran = await command(database.dsn, "replay")
    assert ran.status == 65
    assert ran.err.startswith("BrokenChain: an entry between")


async def test_what_is_no_place_is_told_as_a_wrong_use(database: Database) -> None:
    ran = await command(database.dsn, "replay", "--from", "noon")
    assert ran.status == 2
    assert "neither a position nor a time" in ran.err
