"""Rows as columns: one statement takes any number of rows as arrays, and one round trip takes any number of such statements."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ccc_router.storage.database import Connection

_PLACEHOLDER: Final = re.compile(r"\$(\d+)")

Row = tuple[object, ...]


async def write_rows(connection: Connection, statement: str, pool: str, rows: Iterable[Row]) -> None:
    """Run ``statement`` with the pool as $1 and one array a column after it; nothing is sent without rows."""
    columns = tuple(zip(*rows, strict=True))
    if columns:
        await connection.execute(statement, pool, *columns)


class Writes:
    """Statements that do not depend on each other, gathered and sent as one.

    Each has the pool as $1 and its arrays after it, and names no table that another of them changes: within one statement
    none sees what the others do.
    """

    def __init__(self) -> None:
        self._statements: list[tuple[str, int]] = []
        self._columns: list[object] = []

    def add(self, statement: str, columns: tuple[object, ...]) -> None:
        """Take a statement with its arrays, all of one length; without rows there is nothing to do."""
        if columns and columns[0]:
            self._statements.append((statement, len(columns)))
            self._columns.extend(columns)

    def add_rows(self, statement: str, rows: Iterable[Row]) -> None:
        """The same from rows."""
        self.add(statement, tuple(zip(*rows, strict=True)))

    def add_records(self, statement: str, rows: Iterable[Row]) -> None:
        """Take a statement whose only array is one of records: for rows in great numbers."""
        self.add(statement, (list(rows),))

    async def send(self, connection: Connection, pool: str) -> None:
        """Write everything in one round trip. Raises what asyncpg raises."""
        if self._statements:
            await connection.execute(_combined(tuple(self._statements)), pool, *self._columns)


@lru_cache(maxsize=512)
def _combined(statements: tuple[tuple[str, int], ...]) -> str:
    parts = []
    before = 0
    for number, (statement, columns) in enumerate(statements):
        parts.append(f"w{number} AS ({_shifted(statement, before)})")
        before += columns
    return f"WITH {', '.join(parts)} SELECT"


def _shifted(statement: str, by: int) -> str:
    def renumber(found: re.Match[str]) -> str:
        number = int(found[1])
        return "$1" if number == 1 else f"${number + by}"

    return _PLACEHOLDER.sub(renumber, statement)
