"""Where in a journal a time lies, and what time it is by it."""

from typing import Final

from ccc_router.events import journal
from ccc_router.storage.database import Connection

# The row that holds the entry at $2.
_AT: Final = "SELECT at FROM journal WHERE pool = $1 AND position <= $2 ORDER BY position DESC LIMIT 1"
# The engine counts no time in which there was none (I12): its clock may be hours behind the wall's.
_NOW: Final = """
SELECT j.at + greatest(0, extract(epoch FROM clock_timestamp() - b.at) * 1000)::bigint
FROM journal_batch b, LATERAL (SELECT at FROM journal WHERE pool = b.pool AND position BETWEEN b.first AND b.last
                               ORDER BY position DESC LIMIT 1) j
WHERE b.pool = $1 ORDER BY b.last DESC LIMIT 1
"""


async def engine_now(connection: Connection, pool: str) -> int | None:
    """The engine's time now, by which offers and waits are counted (ms); None before the first entry.

    Exact but for what the engine made up since its last commit, and while nobody leads.
    """
    now: int | None = await connection.fetchval(_NOW, pool)
    return now


async def position_before(connection: Connection, pool: str, at_ms: int) -> int:
    """The last position of an entry from before a time (engine ms); 0 if there is none.

    Positions are dense and engine time never goes back, so halving finds it without an index on the time.
    """
    known, behind = 0, (await journal.head(connection, pool)).position + 1
    while behind - known > 1:
        middle = (known + behind) // 2
        if await connection.fetchval(_AT, pool, middle) < at_ms:
            known = middle
        else:
            behind = middle
    return known
