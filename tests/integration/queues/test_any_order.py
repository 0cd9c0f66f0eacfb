"""The centre in which anybody does anything, on the real engine and PostgreSQL: the same rules as `tests/unit/routing/test_invariants.py`.

What the core promises must be true of the rows too, read by SQL, and the state in memory, loaded from the rows and rebuilt from the journal
must be one (I13), also when another engine takes over in between.
"""

import asyncio
import itertools
import os
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from ccc_router.events import journal
from ccc_router.kernel.clock import SystemClock
from ccc_router.queues.store.loading import load, rebuild
from ccc_router.routing.policy import Catalogue
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.integration.queues.test_rebuild import picture
from tests.support.database import Server
from tests.support.engine_world import EngineWorld
from tests.support.row_invariants import check_journal, check_rows
from tests.support.world import World, check_invariants
from tests.unit.routing.test_invariants import Centre

EXAMPLES = int(os.environ.get("CCC_TEST_CENTRES", "8"))
"""How many lives of a centre; `make long` lives them for minutes."""
STEPS = 40
HOW: Counter[str] = Counter()
"""How those who took over came to their state."""
_pools = itertools.count(1)


class RealCentre(Centre):
    """Every example is a pool of its own in one database."""

    world: EngineWorld

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        super().__init__()
        self.runner = runner
        self.database = database

    def opened(self, catalogue: Catalogue) -> World:
        return EngineWorld(catalogue, self.runner, self.database, f"centre-{next(_pools)}")

    @rule()
    def another_stands_by(self) -> None:
        self.world.stand_by()

    @rule()
    def another_engine(self) -> None:
        HOW[self.world.take_over()] += 1
        self.world.run(self._loaded_is_live())

    @invariant()
    def rows_hold(self) -> None:
        if hasattr(self, "world"):
            self.world.run(self._rows_hold())

    async def _rows_hold(self) -> None:
        async with self.database.pool.acquire() as connection:
            await check_rows(connection, self.world.pool)

    def at_the_end(self) -> None:
        try:
            self.another_engine()
            self.another_engine()  # the one that led until just now has to load
            self.another_stands_by()
            self.another_engine()
            self.world.run(self._three_ways())
        finally:
            self.world.close()

    async def _loaded_is_live(self) -> None:
        pool = self.world.pool
        async with self.database.pool.acquire() as connection:
            head = await journal.head(connection, pool)
            loaded = await load(connection, pool, head.position, head.at)
        assert picture(loaded) == picture(self.world.state), "I13"

    async def _three_ways(self) -> None:
        pool = self.world.pool
        async with self.database.pool.acquire() as connection:
            await check_journal(connection, pool, self.world.appended)
            head = await journal.head(connection, pool)
            loaded = await load(connection, pool, head.position, head.at)
            rebuilt = await rebuild(pool, journal.entries(connection, pool))
            verdict = await journal.verify(connection, pool)
        check_invariants(loaded)  # I8 by everybody's rows
        assert picture(loaded) == picture(self.world.state)
        assert picture(rebuilt) == picture(self.world.state)
        assert (verdict.fault, verdict.position) == ("", head.position)


def live(server: Server, number: int, examples: int) -> None:
    """So many lives, drawn by ``number``, in a database of their own."""
    name = f"centre_{next(_pools)}"
    with asyncio.Runner() as runner:
        database = runner.run(_open(server, name))
        try:
            run_state_machine_as_test(
                seed(number)(lambda: RealCentre(runner, database)),  # type: ignore[arg-type]
                settings=settings(
                    max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )  # fmt: skip
        finally:
            runner.run(database.close())
            runner.run(server.drop(name))


async def _open(server: Server, name: str) -> Database:
    return await Database.open(await server.make(name), name="test")


def test_i3_to_i9_i12_i13_i18_hold_of_the_rows_whatever_happens(postgres: Server) -> None:
    HOW.clear()
    live(postgres, SEED, EXAMPLES)
    assert HOW.keys() == {"followed", "loaded"}, HOW


@pytest.mark.soak
def test_soak_of_the_centre_on_postgresql(postgres: Server) -> None:
    """`make long MINUTES=30`: life after life for as long as asked, each hundred with a seed that is printed."""
    minutes = float(os.environ.get("CCC_TEST_SOAK_MINUTES", "5"))
    clock = SystemClock()
    until_s = clock.monotonic() + 60 * minutes
    for number in itertools.count(SEED):
        sys.stdout.write(f"CCC_TEST_SEED={number} CCC_TEST_CENTRES=100\n")
        live(postgres, number, 100)
        if clock.monotonic() >= until_s:
            return
