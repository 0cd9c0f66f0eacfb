"""A database whose clock a test can set: everything that asks for its time is told the real one and the jump.

`clock_timestamp()` is found in the schema `public` first, for whoever connects after `prepare`; defaults of columns, which are bound when a
table is made, are bound anew. The server itself (its time-outs, its log) keeps the machine's time, as it would.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ccc_router.storage import database as databases
from ccc_router.storage.database import Database

_CLOCK: Final = """
CREATE TABLE public.clock_jump (by_seconds int NOT NULL);
INSERT INTO public.clock_jump VALUES (0);
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
AS $$ SELECT pg_catalog.clock_timestamp() + by_seconds * interval '1 second' FROM public.clock_jump $$;
"""
_DEFAULTS: Final = """
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT public.clock_timestamp()', d.adrelid::regclass, a.attname)
FROM pg_attrdef d JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)
WHERE pg_get_expr(d.adbin, d.adrelid) = 'clock_timestamp()'
"""


class Jumping:
    """A database and the hand on its clock."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def jump(self, seconds: int) -> None:
        """Set the clock forward, or back."""
        await self.database.pool.execute("UPDATE public.clock_jump SET by_seconds = by_seconds + $1", seconds)

    async def stand_still(self, at_ms: int) -> None:
        """Stop the clock at this moment, for good: no timer fires, no lease ends."""
        await self.database.pool.execute(f"""
            CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
            AS $$ SELECT to_timestamp({at_ms / 1000}) $$
        """)


@asynccontextmanager
async def jumping(dsn: str) -> AsyncIterator[Jumping]:
    """The database, opened with a clock that can be set."""
    connection = await databases.connect(dsn, "clock")
    statements = [row[0] for row in await connection.fetch(_DEFAULTS)]
    assert len(statements) > 5, "the defaults were found"
    await connection.execute(_CLOCK)
    for statement in statements:
        await connection.execute(statement)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog')
    await connection.close()
    opened = await Database.open(dsn, name="jumping")
    try:
        yield Jumping(opened)
    finally:
        await opened.close()
