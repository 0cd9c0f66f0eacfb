"""Bytes of files, once per content."""

from collections.abc import Sequence
from typing import Final, Protocol

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import Unavailable
from ccc_router.storage.database import Database
from ccc_router.storage.failures import classify

# Kept again is needed again: what is pruned looks at the time, and waits for whoever is renewing it.
_KEEP: Final = """
INSERT INTO blob (sha256, media_type, size, bytes) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
ON CONFLICT (sha256) DO UPDATE SET at = clock_timestamp()
"""


class Content(Protocol):
    """What is kept: the bytes, their type and their digest (hex)."""

    @property
    def sha256(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def content(self) -> bytes: ...


class PostgresBlobs:
    """Keeps contents in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, blobs: Sequence[Content]) -> None:
        """Durable when it returns; the same content again is fine. Raises Unavailable when the database is away."""
        once = {blob.sha256: blob for blob in blobs}
        if not once:
            return
        rows = [once[digest] for digest in sorted(once)]
        try:
            crashing.before(Site.BLOBS)
            await self._database.pool.execute(
                _KEEP,
                [blob.sha256 for blob in rows],
                [blob.media_type for blob in rows],
                [len(blob.content) for blob in rows],
                [blob.content for blob in rows],
                timeout=30,
            )
            crashing.after(Site.BLOBS)
        except Exception as error:
            if classify(error) is None:
                raise
            raise Unavailable from error
