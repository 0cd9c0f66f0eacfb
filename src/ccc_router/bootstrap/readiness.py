"""What ``/readyz`` looks at: the database, who leads the engine, how far behind the inbox is, and the loops of this process."""

import asyncio
from collections.abc import Mapping
from typing import Final

from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.catalogue import Current
from ccc_router.storage.database import Database
from ccc_router.web.health import Check

_PATIENCE_S: Final = 2.0
_LAG_S: Final = 10
_LOOK: Final = """
SELECT (SELECT until > clock_timestamp() FROM lease WHERE name = $1) AS led,
       (SELECT extract(epoch FROM clock_timestamp() - min(at)) FROM inbox WHERE pool = $2 AND source NOT LIKE 'pool:%') AS lag_s
"""
# What another pool handed over bears the time when it came there.


class Readiness:
    """Asks the database once a call; a database that does not answer in two seconds is not there."""

    def __init__(self, database: Database, supervisor: Supervisor, current: Current, pool: str, lease: str) -> None:
        """``lease`` is the name of the pool's lease."""
        self._database = database
        self._supervisor = supervisor
        self._current = current
        self._pool = pool
        self._lease = lease

    async def check(self) -> Mapping[str, Check]:
        """See `web.health.Readiness`."""
        dead = [loop.name for loop in self._supervisor.loops if not loop.alive]
        checks = {
            "loops": Check(ok=not dead and not self._supervisor.stopping, detail=", ".join(dead)),
            "catalogue": Check(ok=self._current.catalogue is not None),
        }
        try:
            async with asyncio.timeout(_PATIENCE_S):
                row = await self._database.pool.fetchrow(_LOOK, self._lease, self._pool)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that the database is not there
            return checks | {"database": Check(ok=False, detail=type(error).__name__)}
        led = row is not None and bool(row["led"])
        lag = float(row["lag_s"] or 0) if row is not None else 0.0
        return checks | {
            "database": Check(ok=True),
            "engine": Check(ok=led, detail="" if led else "nobody leads"),
            "inbox": Check(ok=lag < _LAG_S, detail=f"{lag:.1f} s behind" if lag >= _LAG_S else ""),
        }
