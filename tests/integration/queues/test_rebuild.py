"""I13: the state loaded from the tables, the state rebuilt from the journal and the one in memory are the same, byte for byte."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from ccc_router.events import journal
from ccc_router.events.codec import canonical
from ccc_router.events.inbox import Submission
from ccc_router.queues.store.following import Following
from ccc_router.queues.store.loading import load, rebuild
from ccc_router.routing import State
from ccc_router.routing.policy import Calendar, Catalogue, Interval, OverflowRule
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.support.builders import a_catalogue
from tests.support.fake_clock import FakeClock
from tests.support.spine import Spine, by_hand
from tests.support.workload import Workload


def picture(state: State) -> bytes:
    """Everything a later decision may depend on, in an order of its own."""
    rows = state.dump()
    for name in rows.__struct_fields__:
        getattr(rows, name).sort(key=lambda row: row.id)
    return canonical([state.position, state.now, state.book.version, rows])


async def work(spine: Spine, clock: FakeClock, workload: Workload, inputs: int) -> None:
    """Hand in inputs in small groups and let time pass between them."""
    for _ in range(inputs):
        source, body = workload.next(spine.state)
        await spine.inbox.append([Submission(source, f"k{workload.count}", body)])
        if workload.rng.random() < 0.5:
            await spine.turns()
        await clock.advance(workload.rng.choice([0, 0.01, 0.2, 1, 5]))
    await spine.turns()


@pytest.mark.parametrize("offset", range(3))
async def test_live_loaded_and_rebuilt_states_are_equal(database: Database, offset: int) -> None:
    """R-4: I13, as is the one that who stands by has followed; and every constraint of the tables held on the way (no input was parked)."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        workload, following = Workload(SEED + offset), Following("main", clock)
        for _ in range(4):
            await work(spine, clock, workload, 60)
            parked = await database.pool.fetch("SELECT error, detail FROM parked_input")
            assert [tuple(row) for row in parked] == []
            live = picture(spine.state)
            async with database.pool.acquire() as connection:
                head = await journal.head(connection, "main")
                loaded = await load(connection, "main", head.position, head.at)
                rebuilt = await rebuild("main", journal.entries(connection, "main"))
                verdict = await journal.verify(connection, "main")
            while await following.look(database):
                pass
            assert following.state is not None
            assert picture(following.state) == live
            assert picture(rebuilt) == live
            assert picture(loaded) == live
            assert verdict.fault == ""
            assert verdict.position == head.position == spine.state.position
        assert {row.id for row in spine.state.dump().queues} == {"cards", "general"}, "by the end somebody was answered"


async def test_replay_decides_as_the_engine_did(database: Database, tmp_path: Path) -> None:
    """I13: deciding again from the journal's inputs gives its decisions, byte for byte: also when the state is dumped and loaded
    between any two inputs, and under other hash seeds."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await work(spine, clock, Workload(SEED), 150)
        entries = await spine.entries()
    file = tmp_path / "journal.jsonl"
    file.write_bytes(b"\n".join(canonical([one.form, one.kind, one.body.decode()]) for one in entries))
    for seed in ("1", "2"):
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.replaying", str(file),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await ran.communicate()
        assert out.decode().strip() == "the same", f"hash seed {seed}: {out.decode()}"


def with_hours() -> Catalogue:
    """The small catalogue, one queue of which is open every other minute and overflows while the other keeps its target."""
    made = a_catalogue()
    minutes = tuple(Interval(weekday=day, opens=at, closes=at + 1) for day in range(7) for at in range(0, 1440, 2))
    general, cards = made.queues
    cards = replace(
        cards, hours={"default": "minutes"}, when_closed={"portal": "overflow"}, drains=True,
        overflow_when=(OverflowRule(to="general", after_wait_s=5, if_on_target=True),),
    )  # fmt: skip
    return replace(
        made, queues=(general, cards), calendars=(*made.calendars, Calendar(id="minutes", intervals=minutes))
    )


async def start(spine: Spine) -> None:
    """Lead, with a catalogue in force and two agents ready."""
    await spine.engine.run_once()
    await spine.drive(spine.activate(with_hours()))
    await spine.drive(spine.ready("an", "binh", "chi"))
