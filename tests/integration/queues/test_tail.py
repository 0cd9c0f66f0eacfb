"""``ccc-router journal tail``: what a person sees of the journal while it grows (I13)."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec

import ccc_router
from ccc_router import bootstrap
from ccc_router.cli.telling import as_line, as_stored
from ccc_router.events.envelope import Entry
from ccc_router.kernel.clock import format_utc
from ccc_router.settings import Settings
from ccc_router.simulation.replaying import Bound, bound
from ccc_router.storage.database import Database
from tests.support.database import ONE_POSTGRES
from tests.support.inputs import submitted
from tests.support.relayed import bodies, journalled, write
from tests.support.spine import running

pytestmark = ONE_POSTGRES


async def told(dsn: str, begins: Bound | None) -> list[Entry]:
    seen: list[Entry] = []
    await bootstrap.tail_journal(Settings(database_url=dsn), "main", begins, seen.append, once=True)
    return seen


async def test_it_begins_where_it_is_told_and_stops_at_the_end(dsn: str, database: Database) -> None:
    assert await told(dsn, None) == []
    await write(database, bodies(50))
    entries = await journalled(database)
    assert await told(dsn, None) == entries[30:]
    assert await told(dsn, bound("1")) == entries
    assert await told(dsn, bound("41")) == entries[40:]
    assert await told(dsn, bound(format_utc(entries[44].at))) == entries[44:]
    assert await told(dsn, bound("51")) == []


async def test_lines_come_as_entries_do_until_ctrl_c(dsn: str, database: Database) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CCC_")},
        "CCC_DATABASE_URL": dsn,
        "PYTHONPATH": str(Path(ccc_router.__file__).parents[1]),
    }
    async with running(database) as spine:
        tailing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ccc_router", "journal", "tail", "--from", "1"),
            env=environment,
            stdout=PIPE,
            stderr=PIPE,
        )
        assert tailing.stdout is not None
        first = (await tailing.stdout.readline()).decode()
        assert first.split()[0] == "1"
        assert "ActivateCatalogue" in first
        await spine.inbox.append([submitted("m1")])
        await spine.empty()
        head = spine.state.position
        seen = [first]
        while not seen[-1].lstrip().startswith(f"{head} "):
            seen.append((await asyncio.wait_for(tailing.stdout.readline(), 20)).decode())
        tailing.send_signal(signal.SIGINT)
        _, said = await tailing.communicate()
        assert (tailing.returncode, said) == (0, b"")
    assert [int(line.split()[0]) for line in seen] == list(range(1, head + 1))
    opened = next(line for line in seen if "ContactOpened" in line)
    assert "  ContactOpened" in opened
    assert " ct_" in opened
    assert "channel=portal" in opened
    assert "Khách thử" not in "".join(seen)


async def test_json_is_what_is_stored(database: Database) -> None:
    async with running(database) as spine:
        await spine.inbox.append([submitted("m1")])
        await spine.empty()
    for entry in await journalled(database):
        line = as_stored(entry)
        assert "\n" not in line
        assert entry.body.decode() in line
        document = msgspec.json.decode(line)
        assert document["position"] == entry.position
        assert document["body"] == msgspec.json.decode(entry.body)
        assert "\n" not in as_line(entry)
