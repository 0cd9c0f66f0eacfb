"""What ``/readyz`` looks at: the database, the loops of this process, and what each of its parts needs besides."""

import asyncio
from typing import Final

from ccc_router.bootstrap.spine import Checks, Look, Spine
from ccc_router.web.health import Check

_PATIENCE_S: Final = 2.0
_LAG_S: Final = 10
# What another pool handed over bears the time when it came there.
_LOOK: Final = """
SELECT (SELECT until > clock_timestamp() FROM lease WHERE name = $1) AS led,
       (SELECT extract(epoch FROM clock_timestamp() - min(at)) FROM inbox WHERE pool = $2 AND source NOT LIKE 'pool:%') AS lag_s
"""


class Readiness:
    """Asks the database anew at each call; one that does not answer in two seconds is not there."""

    def __init__(self, spine: Spine) -> None:
        """Nothing is asked yet."""
        self._spine = spine

    async def check(self) -> Checks:
        """See `web.health.Readiness`."""
        supervisor = self._spine.supervisor
        dead = [loop.name for loop in supervisor.loops if not loop.alive]
        stopping = supervisor.stopping or self._spine.stop.is_set()
        checks = {
            "process": Check(ok=not stopping, detail=f"{self._spine.process}{', stopping' if stopping else ''}"),
            "loops": Check(ok=not dead, detail=", ".join(dead)),
            "disk": _disk(self._spine),
        }
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._spine.storage.database.pool.fetchval("SELECT true")
                for look in self._spine.looks:
                    checks.update(await look())
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that the database is not there
            return checks | {"database": Check(ok=False, detail=type(error).__name__)}
        return checks | {"database": Check(ok=True)}


def _disk(spine: Spine) -> Check:
    """It says so and stays ready: commands and what is under way go on, and would not if nobody were sent here any more."""
    disk = spine.storage.disk
    said = f"{100 * disk.used:.0f} % used, new contacts are refused" if disk.almost_full else ""
    return Check(ok=True, detail=said)


def the_pool(spine: Spine) -> Look:
    """What those need who take something in or send something: a catalogue, somebody who leads, an inbox that is worked off."""

    async def look() -> Checks:
        pool = spine.settings.pool
        row = await spine.storage.database.pool.fetchrow(_LOOK, f"engine:{pool}", pool)
        led = row is not None and bool(row["led"])
        lag = float(row["lag_s"] or 0) if row is not None else 0.0
        return {
            "catalogue": Check(ok=spine.current.catalogue is not None),
            "engine": Check(ok=led, detail="" if led else "nobody leads"),
            "inbox": Check(ok=lag < _LAG_S, detail=f"{lag:.1f} s behind" if lag >= _LAG_S else ""),
        }

    return look
