"""Rows as columns: one statement takes any number of rows as arrays."""

from collections.abc import Iterable

from ccc_router.storage.database import Connection


async def write_rows(connection: Connection, statement: str, pool: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Run ``statement`` with the pool as $1 and one array a column after it; nothing is sent without rows."""
    columns = tuple(zip(*rows, strict=True))
    if columns:
        await connection.execute(statement, pool, *columns)
