"""I15, I4, I6, I1: a process stands still beyond its lease while another leads; when it goes on it writes nothing, and nobody is offered twice."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import pytest

from ccc_router.events import journal
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.tasks import Tasks
from ccc_router.storage import leases
from ccc_router.storage.database import Database
from ccc_router.storage.leases import Holding
from tests.acceptance.surroundings import the_catalogue
from tests.support.database import make_folder
from tests.support.process import Process
from tests.support.row_invariants import check_entries, check_rows
from tests.support.storm import Storm, judge
from tests.support.waiting import eventually, until

_DOOR: Final = "/v1/agents/me/presence"


@asynccontextmanager
async def two(dsn: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes on one database: one leads, one stands by; both serve."""
    made = [
        Process(make_folder("ccc-two-"), the_catalogue(), CCC_DATABASE_URL=dsn, CCC_FORMS_PER_MINUTE="1000000")
        for _ in range(2)
    ]
    try:
        for one in made:
            await one.start()
        yield made[0], made[1]
    finally:
        await asyncio.gather(*(one.close() for one in made))
    for one in made:
        shutil.rmtree(one.folder, ignore_errors=True)


async def held(database: Database) -> Holding:
    async with database.pool.acquire() as connection:
        holding = await leases.holding(connection, "engine:main")
    assert holding is not None
    return holding


async def get_on(*storms: Storm, by: int) -> None:
    """So many more acknowledgements at each."""
    wanted = [one.ledger.acknowledged + by for one in storms]
    await until(
        lambda: all(one.ledger.acknowledged >= more for one, more in zip(storms, wanted, strict=True)),
        within_s=60,
        what="the others to get on",
    )


async def stand_still(database: Database, processes: tuple[Process, Process], storms: tuple[Storm, Storm]) -> None:
    """Stop the leader until the other has led for a while, then let it go on; who asked it meanwhile is answered."""
    before = await held(database)
    number = next(n for n, one in enumerate(processes) if before.holder.endswith(f":{one.pid}"))
    stopped, other = processes[number], storms[1 - number]
    asker = stopped.client(Role.SUPERVISOR, "sup")
    tasks = Tasks()
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        asked = tasks.start(asker.get("/v1/agents", timeout=60), name="asked-of-a-stopped-one")
        command = tasks.start(_command(stopped), name="command-to-a-stopped-one")

        async def taken_over() -> bool:
            return (await held(database)).epoch > before.epoch

        await eventually(taken_over, within_s=20, what="the other to lead")
        await get_on(other, by=15)
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
    assert (await asked).status_code in {200, 503}
    assert (await command).status_code in {200, 503}
    await get_on(*storms, by=10)
    after = await held(database)
    assert after.epoch == before.epoch + 1, "the zombie took nothing back"


async def _command(service: Process) -> httpx.Response:
    headers = {"Idempotency-Key": "a-key-that-a-stopped-one-got"}
    client = service.client(Role.AGENT, "an")
    return await client.put(_DOOR, json={"state": "ready"}, headers=headers, timeout=60)


async def stopped_and_gone_on(dsn: str, database: Database, rounds: int) -> None:
    async with two(dsn) as processes:
        storms = (Storm(processes[0]), Storm(processes[1]))
        tasks = Tasks()
        running = [
            tasks.start(storm.visitor(10 * n + k), name="visitor") for n, storm in enumerate(storms) for k in (1, 2)
        ]
        running += [tasks.start(storms[n].agent(who), name=who) for n, who in enumerate(("an", "binh"))]
        await get_on(*storms, by=5)
        for _ in range(rounds):
            await stand_still(database, processes, storms)
        for storm in storms:
            storm.over.set()
        await asyncio.wait_for(asyncio.gather(*running), 60)

        async def read_all() -> bool:
            return not await database.pool.fetchval("SELECT count(*) FROM inbox")

        await eventually(read_all, within_s=30, what="the inbox to be read")
        for process, storm in zip(processes, storms, strict=True):
            await judge(process, storm.ledger)
        async with database.pool.acquire() as connection:
            await check_rows(connection, "main")
            await check_entries(connection, "main")
            assert not (await journal.verify(connection, "main")).fault


@pytest.mark.timeout(200)
async def test_i15_a_process_stopped_beyond_its_lease_writes_nothing_and_nobody_is_offered_twice(
    dsn: str, database: Database
) -> None:
    await stopped_and_gone_on(dsn, database, rounds=1)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_i15_the_two_take_turns_at_standing_still(dsn: str, database: Database) -> None:
    await stopped_and_gone_on(dsn, database, rounds=6)
