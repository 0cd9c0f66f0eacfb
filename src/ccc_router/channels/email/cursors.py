"""IMAP cursors in PostgreSQL."""

from ccc_router.channels.email.imap import Cursor
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.storage.database import Database


class PostgresCursors:
    """One row for each folder of an endpoint."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def get(self, endpoint: str, folder: str) -> Cursor | None:
        """The cursor, None before the first read."""
        row = await self._database.pool.fetchrow(
            "SELECT uid_validity, uid FROM imap_cursor WHERE pool = $1 AND endpoint = $2 AND folder = $3",
            self._pool,
            endpoint,
            folder,
        )
        return None if row is None else Cursor(row["uid_validity"], row["uid"])

    async def put(self, endpoint: str, folder: str, cursor: Cursor) -> None:
        """Durable when it returns. Two pollers at once cannot take it back: it only grows under one ``uid_validity``."""
        crashing.before(Site.CURSOR)
        await self._database.pool.execute(
            """
            INSERT INTO imap_cursor AS old (pool, endpoint, folder, uid_validity, uid) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (pool, endpoint, folder) DO UPDATE
            SET uid_validity = excluded.uid_validity, at = clock_timestamp(),
                uid = CASE WHEN old.uid_validity = excluded.uid_validity THEN greatest(old.uid, excluded.uid) ELSE excluded.uid END
            """,
            self._pool,
            endpoint,
            folder,
            cursor.uid_validity,
            cursor.uid,
        )
        crashing.after(Site.CURSOR)
