"""Who leads, and from when on: the lease and the first commit of each epoch, asked of PostgreSQL on a connection of our own."""

import contextlib
import time
from typing import Final, NamedTuple

import asyncpg

from soak.centre import POOL

_SOON_S: Final = 2.0
_LEASE: Final = """
SELECT epoch, split_part(holder, ':', 2)::int, (extract(epoch FROM taken_at) * 1000)::float8,
       until > clock_timestamp() FROM lease WHERE name = $1
"""
_FIRST_COMMIT: Final = """
SELECT (extract(epoch FROM min(at)) * 1000)::float8
FROM (SELECT at FROM journal_batch WHERE pool = $1 ORDER BY last DESC LIMIT 5000) b
WHERE at >= to_timestamp($2::float8 / 1000)
"""

_OFFSETS: Final = "SELECT array_agg(topic), array_agg(partition), array_agg(next) FROM kafka_offset WHERE pool = $1"


class Led(NamedTuple):
    """Who holds the lease: its epoch, his process id, since when (ms since the epoch), and whether it is still good."""

    epoch: int
    pid: int
    taken_at: float
    good: bool


class Watch:
    """One connection, opened again whenever it breaks. None stands for: PostgreSQL does not answer."""

    def __init__(self, dsn: str, lease: str) -> None:
        self._dsn = dsn
        self._lease = lease
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def led(self) -> Led | None:
        """The lease."""
        row = await self._row(_LEASE, self._lease)
        return None if row is None else Led(*row)

    async def first_commit(self, since_ms: float) -> float | None:
        """When the journal was first written from then on (ms since the epoch)."""
        row = await self._row(_FIRST_COMMIT, POOL, since_ms)
        return None if row is None else row[0]

    async def value(self, query: str) -> object:
        """A single value."""
        row = await self._row(query)
        return None if row is None else row[0]

    async def backends(self) -> list[int]:
        """The server processes that work for the service."""
        row = await self._row(
            "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return list(row[0] or ()) if row is not None else []

    async def offsets(self) -> dict[tuple[str, int], int]:
        """How far the engine has read each partition."""
        row = await self._row(_OFFSETS, POOL)
        return {(one[0], one[1]): one[2] for one in zip(*row, strict=True)} if row is not None and row[0] else {}

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _row(self, query: str, *values: object) -> "asyncpg.Record | None":
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._dsn, timeout=_SOON_S)
            return await self._connection.fetchrow(query, *values, timeout=_SOON_S)
        await self.close()
        return None


def now_ms() -> float:
    """The clock that PostgreSQL on this machine has too."""
    return time.time() * 1000
