"""What the supervisors' readings count: a look at every contact of the day, so it is made aside and for all who ask together."""

from typing import Any, Final

import msgspec

from ...kernel.clock import Clock
from ...storage.database import Database
from .recent import RESTS, Recent

# The service level counts contacts that were answered or abandoned since $2; both formulas: abandoned ones as not
# answered in time, and left out. Only a contact that we began says a direction: looking for the word costs a tenth of reading the document.
_READINGS: Final = """
SELECT queue, channel,
       count(*) FILTER (WHERE state IN ('arrived', 'queued')) AS waiting,
       count(*) FILTER (WHERE state = 'offered') AS offered,
       count(*) FILTER (WHERE state IN ('connecting', 'active', 'held', 'wrap_up')) AS handled,
       count(*) FILTER (WHERE state = 'waiting') AS customers_turn,
       count(*) FILTER (WHERE open AND attention <> '') AS attention,
       coalesce(min(arrived_at) FILTER (WHERE state IN ('arrived', 'queued', 'offered')), 0) AS oldest,
       count(*) FILTER (WHERE answered_at >= $2) AS answered,
       count(*) FILTER (WHERE answered_at >= $2 AND answered_at - arrived_at <= ($3::jsonb ->> queue)::bigint * 1000) AS in_time,
       count(*) FILTER (WHERE state = 'abandoned' AND since >= $2) AS abandoned,
       coalesce(avg(answered_at - arrived_at) FILTER (WHERE answered_at >= $2), 0)::bigint AS speed_ms
FROM contact
WHERE pool = $1 AND (live AND open OR arrived_at >= $2) AND channel <> 'internal'
  AND (strpos(row::text, '"direction"') = 0 OR coalesce(row ->> 'direction', 'inbound') = 'inbound')
GROUP BY queue, channel ORDER BY queue, channel"""


Row = dict[str, Any]


class Counts:
    """Counts contacts of one pool on ``aside``, the database for what nobody's call waits for."""

    def __init__(self, aside: Database, pool: str, clock: Clock, rests: float = RESTS) -> None:
        """``rests``: see `Recent`."""
        self._aside = aside
        self._pool = pool
        self._last: Recent[list[Row]] = Recent(clock, rests)

    async def readings(self, *, since: int, thresholds: dict[str, int]) -> list[Row]:
        """Counts by queue and channel. ``since`` (ms) bounds what is over; ``thresholds`` are seconds by queue.

        In a centre where counting takes long they may be as old as that took, twenty times over. Raises what the database raises.
        """

        async def count() -> list[Row]:
            limits = msgspec.json.encode(thresholds).decode()
            return [dict(row) for row in await self._aside.pool.fetch(_READINGS, self._pool, since, limits)]

        return await self._last.get(count)
