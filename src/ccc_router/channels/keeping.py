"""Rows that only the channels write and read: bytes of files, and raw deliveries that wait to be read again."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ccc_router.channels.channel import Blob
from ccc_router.events.inbox import RawDelivery
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import to_ms
from ccc_router.kernel.errors import Unavailable
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify

_KEEP: Final = """
INSERT INTO blob (sha256, media_type, size, bytes)
SELECT sha256, media_type, length(bytes), bytes
FROM unnest($1::text[], $2::text[], $3::bytea[]) AS given (sha256, media_type, bytes)
ON CONFLICT (sha256) DO NOTHING
"""
_UNREADABLE: Final = """
SELECT raw_id FROM raw_delivery WHERE pool = $1 AND state = 'unreadable' AND ($2 = '' OR endpoint = $2)
ORDER BY endpoint, received_at, raw_id
"""
_RAW: Final = "SELECT *, headers::text AS header_text FROM raw_delivery WHERE pool = $1 AND raw_id = $2"
_AWAY: Final = frozenset({Failure.CONNECTION, Failure.FULL, Failure.TIMEOUT})


class PostgresBlobs:
    """Bytes of files in a table, once per content."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, blobs: Sequence[Blob]) -> None:
        """See `Blobs.keep`."""
        unique = {blob.sha256: blob for blob in blobs}
        in_order = [unique[name] for name in sorted(unique)]  # two that keep the same files wait, and do not deadlock
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    _KEEP,
                    [blob.sha256 for blob in in_order],
                    [blob.media_type for blob in in_order],
                    [blob.content for blob in in_order],
                )
        except Exception as error:
            if classify(error) in _AWAY:
                raise Unavailable from error
            raise


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
