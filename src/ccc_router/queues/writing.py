"""Writing while deciding: the batches of one transaction, each sent while the next is decided.

The server works on one batch while this process decides the next; both finish before the commit. Nothing is committed in parts.
"""

import asyncio

from ccc_router.kernel.tasks import Tasks, give_way, stop_quietly
from ccc_router.queues.batch import Batch
from ccc_router.storage.database import Connection


class Writing:
    """The batches of one transaction on their way. One is under way at a time: they follow each other as they were decided."""

    def __init__(self, connection: Connection, tasks: Tasks) -> None:
        self._connection = connection
        self._tasks = tasks
        self._under_way: asyncio.Task[None] | None = None
        self.batches: list[Batch] = []

    async def start(self, batch: Batch) -> None:
        """Send a batch once the one before is written. Raises what that one raised."""
        await self.finish()
        self.batches.append(batch)
        self._under_way = self._tasks.start(batch.send(self._connection), name="engine-write")
        await give_way()

    async def last(self, batch: Batch) -> None:
        """The same for the last one: there is nothing left to do meanwhile. Returns when everything is written."""
        await self.finish()
        self.batches.append(batch)
        await batch.send(self._connection)

    async def finish(self) -> None:
        """Wait until everything is written. Raises what asyncpg raises: then nothing may be committed."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await under_way

    async def abandon(self) -> None:
        """Nothing will be committed: leave the connection free for the roll-back."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await stop_quietly(under_way)
