"""Following the journal: everything behind a position, then whatever comes, in order and without gaps (I13).

Positions are dense and commits are ordered, so "greater than the last one seen" misses nothing. A hint makes it prompt;
without one a reader looks four times a second.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from ccc_router.events import journal
from ccc_router.events.envelope import Entry
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify

_log = get_logger("events.following")

LOOK_S: Final = 0.25


async def follow(
    database: Database, pool: str, clock: Clock, hint: asyncio.Event, *, after: int = 0, page: int = 1_000
) -> AsyncIterator[list[Entry]]:
    """Yield the entries behind ``after``, some at a time, for ever; a reader keeps the last position it has dealt with.

    ``hint`` is set by whoever knows of new entries. While the database is away it goes on trying.
    """
    while True:
        hint.clear()
        entries = await _read(database, pool, after, page)
        if entries:
            after = entries[-1].position
            yield entries
        if len(entries) < page:
            await clock.wait(hint, LOOK_S)


async def _read(database: Database, pool: str, after: int, page: int) -> list[Entry]:
    try:
        async with database.pool.acquire(timeout=2) as connection:
            return await journal.read(connection, pool, after, page)
    except Exception as error:
        if classify(error) in {None, Failure.BUG}:
            raise
        _log.warning("journal_away", pool=pool, error=type(error).__name__)
        return []
