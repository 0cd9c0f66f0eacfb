"""What deliveries leave in the database: bytes of files, and raw deliveries that wait to be read again."""

from typing import Final

import msgspec

from ccc_router.events.inbox import RawDelivery
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import to_ms
from ccc_router.queues.store.blobs import PostgresBlobs
from ccc_router.storage.database import Database

__all__ = ["PostgresBlobs", "RawDeliveries"]

_UNREADABLE: Final = """
SELECT raw_id FROM raw_delivery WHERE pool = $1 AND state = 'unreadable' AND ($2 = '' OR endpoint = $2)
ORDER BY endpoint, received_at, raw_id
"""
_RAW: Final = "SELECT *, headers::text AS header_text FROM raw_delivery WHERE pool = $1 AND raw_id = $2"


class RawDeliveries:
    """Deliveries that were kept but not understood."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def unreadable(self, endpoint_id: str = "") -> list[str]:
        """The ids of those of an endpoint ("": of all), oldest first."""
        rows = await self._database.pool.fetch(_UNREADABLE, self._pool, endpoint_id)
        return [row["raw_id"] for row in rows]

    async def read(self, raw_id: str) -> RawDelivery | None:
        """One of them."""
        row = await self._database.pool.fetchrow(_RAW, self._pool, raw_id)
        if row is None:
            return None
        return RawDelivery(
            raw_id=row["raw_id"],
            endpoint=row["endpoint"],
            channel=Channel(row["channel"]),
            received_at=to_ms(row["received_at"]),
            method=row["method"],
            path=row["path"],
            query=row["query"],
            headers=msgspec.json.decode(row["header_text"], type=dict[str, str]),
            body=row["body"],
            state=row["state"],
        )
