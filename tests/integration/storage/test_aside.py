"""What nobody's call waits for has few connections, one core of the server and no right to write (R-27)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from ccc_router.bootstrap.storage import Storage, open_storage
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor, Tasks
from ccc_router.rest.problems import problem_of
from ccc_router.settings import Settings
from ccc_router.storage.database import Connection
from tests.support.waiting import eventually

TASKS = Tasks()
_OPEN = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ccc-router aside'
"""


@pytest.fixture
async def storage(dsn: str, tmp_path: Path) -> AsyncIterator[Storage]:
    clock = SystemClock()
    settings = Settings(database_url=SecretStr(dsn), data_dir=tmp_path, database_pool=4)
    async with open_storage(settings, Supervisor(clock), clock) as opened:
        yield opened


async def test_r27_reports_never_take_more_than_two_connections_and_none_of_the_others(storage: Storage) -> None:
    assert await storage.database.pool.fetchval(_OPEN) == 0, "a process that nobody asks for reports holds none"
    async with storage.aside.pool.acquire() as first, storage.aside.pool.acquire():
        waiting = [TASKS.start(storage.aside.pool.fetchval("SELECT 1"), name="report") for _ in range(10)]

        async def sent() -> bool:
            return bool(await first.fetchval("SELECT true"))

        await eventually(sent)
        assert await storage.database.pool.fetchval(_OPEN) == 2
        assert not any(one.done() for one in waiting)
        with pytest.raises(TimeoutError) as late:
            async with storage.aside.pool.acquire(timeout=0.01):
                pass
        answer = problem_of(late.value)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert await asyncio.gather(*waiting) == [1] * 10


async def test_r27_a_report_takes_one_core_of_the_server(storage: Storage) -> None:
    """The same question is planned with parallel workers where they are not forbidden: a server that is not embedded allows two."""
    name = await storage.database.pool.fetchval("SELECT current_database()")
    await storage.database.pool.execute(f'ALTER DATABASE "{name}" SET max_parallel_workers_per_gather = 2')
    await storage.database.pool.renew()

    async def plan(connection: Connection) -> str:
        for name, value in (("parallel_setup_cost", "0"), ("parallel_tuple_cost", "0"), ("min_parallel_table_scan_size", "0")):  # fmt: skip
            await connection.execute(f"SET {name} = {value}")
        rows = await connection.fetch("EXPLAIN SELECT count(prosrc) FROM pg_proc")
        return "\n".join(row[0] for row in rows)

    async with storage.database.pool.acquire() as connection, storage.aside.pool.acquire() as aside:
        assert "Gather" in await plan(connection)
        assert "Gather" not in await plan(aside)


async def test_r27_what_is_aside_cannot_write_or_lock_a_row(storage: Storage) -> None:
    for statement in ("DELETE FROM contact", "SELECT FROM contact FOR UPDATE"):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await storage.aside.pool.execute(statement)
