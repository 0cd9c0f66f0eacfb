"""Where in a journal a time lies."""

from typing import Final

from ccc_router.events import journal
from ccc_router.storage.database import Connection

# The row that holds the entry at $2.
_AT: Final = "SELECT at FROM journal WHERE pool = $1 AND position <= $2 ORDER BY position DESC LIMIT 1"


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
