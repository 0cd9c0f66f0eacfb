"""How each department's endpoint is doing: the breaker, and whether it said that it is gone.

Kept in a table, so that every worker and every restart knows it.
"""

from datetime import timedelta
from typing import Final

import msgspec

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site

from ...kernel.clock import to_ms
from ...storage.database import Database

TRIPS_AT: Final = 5
"""Failures in a row that open the breaker."""
_SHORTEST_OPEN: Final = timedelta(seconds=30)
_LONGEST_OPEN: Final = timedelta(minutes=30)

_STATE: Final = """
SELECT department, failures, disabled_at, disabled_reason, enabled_by, last_success_at,
       greatest(ceil(extract(epoch FROM open_until - clock_timestamp()) * 1000), 0)::bigint AS open_ms
FROM department_endpoint WHERE pool = $1 AND ($2 = '' OR department = $2) ORDER BY department
"""
_WELL: Final = """
INSERT INTO department_endpoint AS e (pool, department, last_success_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (pool, department) DO UPDATE
SET failures = 0, open_until = NULL, last_success_at = clock_timestamp()
"""
# The breaker opens for half a minute at the fifth failure in a row, then for twice as long at each further one.
_ILL: Final = """
INSERT INTO department_endpoint AS e (pool, department, failures) VALUES ($1, $2, 1)
ON CONFLICT (pool, department) DO UPDATE
SET failures = e.failures + 1,
    open_until = CASE WHEN e.failures + 1 >= $3
        THEN clock_timestamp() + least($4::interval * (2 ^ least(e.failures + 1 - $3, 10)), $5::interval) END
"""
_DISABLE: Final = """
INSERT INTO department_endpoint AS e (pool, department, disabled_at, disabled_reason)
VALUES ($1, $2, clock_timestamp(), $3)
ON CONFLICT (pool, department) DO UPDATE
SET disabled_at = coalesce(e.disabled_at, clock_timestamp()), disabled_reason = excluded.disabled_reason
"""
_ENABLE: Final = """
INSERT INTO department_endpoint AS e (pool, department, enabled_by) VALUES ($1, $2, $3)
ON CONFLICT (pool, department) DO UPDATE
SET disabled_at = NULL, disabled_reason = '', failures = 0, open_until = NULL, enabled_by = excluded.enabled_by
"""


class EndpointState(msgspec.Struct, frozen=True):
    """An endpoint as it stands. ``open_ms``: how long the breaker lets nothing through; times are ms, 0 is never."""

    department: str
    failures: int = 0
    open_ms: int = 0
    disabled_at: int = 0
    disabled_reason: str = ""
    last_success_at: int = 0


class Endpoints:
    """The table of endpoints of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def all(self) -> dict[str, EndpointState]:
        """Every endpoint that anything was ever sent to, by department."""
        return {state.department: state for state in await self._read("")}

    async def of(self, department: str) -> EndpointState:
        """One endpoint; one that nothing was sent to is well."""
        found = await self._read(department)
        return found[0] if found else EndpointState(department)

    async def well(self, department: str) -> None:
        """It answered as it should: the breaker is closed."""
        crashing.before(Site.WELL)
        await self._database.pool.execute(_WELL, self._pool, department)
        crashing.after(Site.WELL)

    async def ill(self, department: str) -> None:
        """It did not."""
        crashing.before(Site.ILL)
        await self._database.pool.execute(_ILL, self._pool, department, TRIPS_AT, _SHORTEST_OPEN, _LONGEST_OPEN)
        crashing.after(Site.ILL)

    async def disable(self, department: str, reason: str) -> None:
        """Nothing is sent there until an administrator enables it again."""
        crashing.before(Site.DISABLE)
        await self._database.pool.execute(_DISABLE, self._pool, department, reason)
        crashing.after(Site.DISABLE)

    async def enable(self, department: str, by: str) -> None:
        """An administrator says that it is there again."""
        crashing.before(Site.ENABLE)
        await self._database.pool.execute(_ENABLE, self._pool, department, by)
        crashing.after(Site.ENABLE)

    async def _read(self, department: str) -> list[EndpointState]:
        rows = await self._database.pool.fetch(_STATE, self._pool, department)
        return [
            EndpointState(
                department=row["department"],
                failures=row["failures"],
                open_ms=row["open_ms"] or 0,
                disabled_at=to_ms(row["disabled_at"]) if row["disabled_at"] else 0,
                disabled_reason=row["disabled_reason"],
                last_success_at=to_ms(row["last_success_at"]) if row["last_success_at"] else 0,
            )
            for row in rows
        ]
