"""What there is to see in the tables at one moment: who is there, what each has in hand, and who waits where."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from ccc_router.events.since import engine_now
from ccc_router.queues.waits.paces import Line
from ccc_router.routing.rows import Agent, QueueState
from ccc_router.storage.database import Connection

_HERE: Final = "SELECT row FROM agent WHERE pool = $1 AND presence IN ('ready', 'on_demand') AND NOT lost"
_IN_HAND: Final = """
SELECT agent_id, queue, channel, count(*) AS many FROM contact
WHERE pool = $1 AND live AND open AND state IN ('connecting', 'active', 'held', 'wrap_up') GROUP BY agent_id, queue, channel
UNION ALL
SELECT o.agent_id, c.queue, c.channel, 1 FROM offer o JOIN contact c ON (c.pool, c.id) = (o.pool, o.contact_id)
WHERE o.pool = $1 AND o.state = 'pending'
"""
_WAITING: Final = """
SELECT queue, channel, array_agg(rank ORDER BY rank) AS ranks FROM contact
WHERE pool = $1 AND live AND open AND state = 'queued' GROUP BY queue, channel
"""
_DOORS: Final = "SELECT row FROM queue_state WHERE pool = $1"


class Sight(NamedTuple):
    """``at`` is engine time (ms). ``waiting`` are the ranks of those who wait by line, smallest first; ``closed`` is since when (ms)."""

    at: int
    here: Sequence[Agent]
    in_hand: Mapping[str, Mapping[Line, int]]
    waiting: Mapping[Line, Sequence[int]]
    closed: Mapping[Line, int]

    def before(self, line: Line, rank: int) -> int:
        """How many wait there with a smaller rank; who came in the same millisecond shares a place."""
        return bisect_left(self.waiting.get(line, ()), rank)


async def look(connection: Connection, pool: str) -> Sight:
    """See what there is. Costs as much as contacts are open and agents signed in."""
    here = [msgspec.json.decode(row["row"], type=Agent) for row in await connection.fetch(_HERE, pool)]
    in_hand: dict[str, dict[Line, int]] = {}
    for row in await connection.fetch(_IN_HAND, pool):
        held = in_hand.setdefault(row["agent_id"], {})
        line = (row["queue"], row["channel"])
        held[line] = held.get(line, 0) + row["many"]
    waiting = {(row["queue"], row["channel"]): row["ranks"] for row in await connection.fetch(_WAITING, pool)}
    doors = [msgspec.json.decode(row["row"], type=QueueState) for row in await connection.fetch(_DOORS, pool)]
    closed = {(door.id, channel): since for door in doors for channel, since in door.closed.items()}
    return Sight(await engine_now(connection, pool) or 0, here, in_hand, waiting, closed)
