"""What PostgreSQL and the driver really raise, and what we make of it."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from ccc_router.storage import database as databases
from ccc_router.storage import failures
from ccc_router.storage.database import Connection, Database, Limits
from ccc_router.storage.failures import Failure

STATEMENTS = [
    ("INSERT INTO t VALUES (1), (1)", Failure.CONSTRAINT),
    ("INSERT INTO t VALUES (-1)", Failure.CONSTRAINT),
    ("INSERT INTO t VALUES (NULL)", Failure.CONSTRAINT),
    ("SELECT 1/0", Failure.DATA),
    ("SELECT 'x'::int", Failure.DATA),
    ("SELECT repeat('x', 100)::varchar(3)::jsonb", Failure.DATA),
    ("SELECT nothing", Failure.BUG),
    ("SELEC", Failure.BUG),
    ("SELECT pg_sleep(10)", Failure.TIMEOUT),
    ("SELECT pg_terminate_backend(pg_backend_pid())", Failure.CONNECTION),
]


async def raised(work: Awaitable[object]) -> BaseException:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - any error is what is wanted here
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(("statement", "failure"), STATEMENTS)
async def test_what_a_statement_may_raise(dsn: str, statement: str, failure: Failure) -> None:
    opened = await Database.open(dsn, Limits(statement_ms=100))
    await opened.pool.execute("CREATE TABLE t (x int PRIMARY KEY CONSTRAINT positive CHECK (x > 0))")
    error = await raised(opened.pool.execute(statement))
    assert failures.classify(error) is failure
    await opened.close()


@pytest.mark.parametrize("value", ["not a number", 2**40, None.__class__])
async def test_a_value_the_driver_refuses_is_the_datas_fault(database: Database, value: object) -> None:
    error = await raised(database.pool.fetchval("SELECT $1::int", value))
    assert failures.classify(error) is Failure.DATA


async def test_text_that_postgresql_cannot_hold_is_the_datas_fault(database: Database) -> None:
    found = [await raised(database.pool.fetchval("SELECT $1::text", value)) for value in ("a\0b", "\ud83d")]
    assert [failures.classify(error) for error in found] == [Failure.DATA, Failure.DATA]


async def test_two_that_lock_each_other_out_may_try_again(dsn: str) -> None:
    one, other = await databases.connect(dsn, "one"), await databases.connect(dsn, "other")
    await one.execute("CREATE TABLE t (x int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
    lock = "SELECT 1 FROM t WHERE x = $1 FOR UPDATE"

    async def both(connection: Connection, first: int, second: int, barrier: asyncio.Barrier) -> None:
        async with connection.transaction():
            await connection.execute(lock, first)
            await barrier.wait()
            await connection.execute(lock, second)

    barrier = asyncio.Barrier(2)
    ended = await asyncio.gather(both(one, 1, 2, barrier), both(other, 2, 1, barrier), return_exceptions=True)
    errors = [error for error in ended if error is not None]
    assert [failures.classify(error) for error in errors] == [Failure.RETRYABLE]
    await one.close()
    await other.close()


async def test_nobody_there(dsn: str) -> None:
    error = await raised(asyncpg.connect("postgresql://u@127.0.0.1:1/d", timeout=2))
    assert failures.classify(error) is Failure.CONNECTION
    connection = await databases.connect(dsn, "gone")
    connection.terminate()
    assert failures.classify(await raised(connection.execute("SELECT 1"))) is Failure.CONNECTION


async def test_what_the_database_has_no_part_in() -> None:
    makers: list[Callable[[], BaseException]] = [ValueError, KeyError, asyncio.CancelledError, RuntimeError]
    assert [failures.classify(make()) for make in makers] == [None] * 4
    assert failures.classify(TimeoutError()) is Failure.TIMEOUT
