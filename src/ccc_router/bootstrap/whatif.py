"""What another catalogue would have done with the last day's arrivals: the answer of a dry run."""

import asyncio
from typing import Final

from ccc_router.agents.trial import CatalogueTried, TriedMeasure
from ccc_router.bootstrap.recording import record
from ccc_router.kernel.errors import Misconfigured
from ccc_router.routing.policy import Catalogue
from ccc_router.simulation.apart import Task, done_apart
from ccc_router.storage.database import Database

_HOURS: Final = 24.0
_REPLICATIONS: Final = 3
_WITHIN_S: Final = 20.0


class LastDay:
    """Tries catalogues on the last day of a pool's journal, one at a time."""

    def __init__(self, database: Database, pool: str) -> None:
        """Nothing is read before the first trial."""
        self._database = database
        self._pool = pool
        self._turn = asyncio.Lock()

    async def __call__(self, before: Catalogue, after: Catalogue) -> CatalogueTried | None:
        """The difference, or None: nobody came in that day, or it took too long."""
        async with self._turn:
            try:
                async with self._database.pool.acquire() as connection:
                    workload = await record(connection, self._pool, _HOURS, 1)
            except Misconfigured:
                return None
            found = await done_apart(Task(before, after, workload, _REPLICATIONS), _WITHIN_S)
        if found is None:
            return None
        return CatalogueTried(
            contacts=len(workload.arrivals),
            replications=found.replications,
            measures={
                name: TriedMeasure(
                    before=one.first.mean,
                    after=one.second.mean,
                    difference=one.difference.mean,
                    half_width=one.difference.half_width,
                )
                for name, one in found.measures.items()
            },
        )
