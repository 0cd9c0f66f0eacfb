"""The fresh database of each test, and the way into it."""

import asyncpg
import pytest

from ccc_router.storage.database import Database, Limits, normal_dsn
from tests.support.database import Server, with_database
from tests.support.waiting import eventually


async def test_each_test_has_a_database_of_its_own(database: Database) -> None:
    assert await database.pool.fetchval("SELECT to_regclass('t')") is None
    assert await database.pool.fetchval("SELECT to_regclass('lease')") is not None


async def test_a_transaction_is_whole_or_not_there(database: Database) -> None:
    await database.pool.execute("CREATE TABLE t (x int)")
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO t VALUES (1)")
            await connection.execute("SELECT 1/0")
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO t VALUES (2)")
    assert [row["x"] for row in await database.pool.fetch("SELECT x FROM t")] == [2]


async def test_giving_a_connection_back_costs_no_round_trip(database: Database) -> None:
    async with database.pool.acquire() as borrowed:
        pid = await borrowed.fetchval("SELECT pg_backend_pid()")
    onlooker = await asyncpg.connect(database.dsn)
    try:
        last = await onlooker.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", pid)
    finally:
        await onlooker.close()
    assert last == "SELECT pg_backend_pid()"


async def test_the_server_gives_up_on_what_takes_too_long(dsn: str) -> None:
    opened = await Database.open(dsn, Limits(statement_ms=50, idle_in_transaction_ms=50))
    try:
        with pytest.raises(asyncpg.QueryCanceledError):
            await opened.pool.execute("SELECT pg_sleep(10)")
        with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError)):
            async with opened.transaction() as idle:

                async def gone() -> bool:
                    return not await opened.pool.fetchval(
                        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                        "AND datname = current_database()"
                    )

                await eventually(gone)
                await idle.execute("SELECT 1")
    finally:
        await opened.close()


async def test_a_database_that_is_away_does_not_answer(postgres: Server) -> None:
    address = await postgres.make("goes_away")
    opened = await Database.open(address)
    assert await opened.answers()
    await postgres.drop("goes_away")
    assert not await opened.answers()
    await opened.close()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await Database.open(with_database(postgres.dsn, "never_there"))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_usual_form_of_the_address(scheme: str) -> None:
    assert normal_dsn(f"{scheme}://u:p@h/d?sslmode=require") == "postgresql://u:p@h/d?sslmode=require"


@pytest.mark.parametrize("address", ["", "mysql://u:secret@h/d", "u:secret@h/d", "secret"])
def test_no_address_and_no_echo_of_it(address: str) -> None:
    with pytest.raises(ValueError, match="postgresql://") as refused:
        normal_dsn(address)
    assert "secret" not in str(refused.value)
