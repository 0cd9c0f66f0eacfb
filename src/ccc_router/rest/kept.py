"""Answers kept for 24 hours under the caller's key, in PostgreSQL: every ``serve`` process gives the same one."""

from typing import Final

from ..kernel import crashing
from ..kernel.crashing import Site
from ..storage.database import Database
from .replay import Answer, Begun

_BEGIN: Final = """
INSERT INTO idempotency AS known (pool, scope, key, digest, command_key) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (pool, scope, key) DO UPDATE SET
    digest = EXCLUDED.digest, command_key = EXCLUDED.command_key,
    status = NULL, media_type = '', body = NULL, at = clock_timestamp()
WHERE known.at < clock_timestamp() - interval '24 hours'
"""
_READ: Final = """
SELECT digest, command_key, status, media_type, body FROM idempotency WHERE pool = $1 AND scope = $2 AND key = $3
"""
_FINISH: Final = """
UPDATE idempotency SET status = $4, media_type = $5, body = $6 WHERE pool = $1 AND scope = $2 AND key = $3
"""


class KeptAnswers:
    """The `Replays` of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def begin(self, scope: str, key: str, digest: bytes, command_key: str) -> Begun:
        """See `Replays.begin`. The first of several at once writes the row, all read it."""
        crashing.before(Site.KEY_BEGIN)
        await self._database.pool.execute(_BEGIN, self._pool, scope, key, digest, command_key)
        crashing.after(Site.KEY_BEGIN)
        row = await self._database.pool.fetchrow(_READ, self._pool, scope, key)
        if row is None:  # pruned between the two statements, at its 24th hour: as if it were new
            return Begun(digest, command_key, None)
        answer = None if row["status"] is None else Answer(row["status"], row["media_type"], row["body"])
        return Begun(row["digest"], row["command_key"], answer)

    async def finish(self, scope: str, key: str, answer: Answer) -> None:
        """See `Replays.finish`."""
        crashing.before(Site.KEY_FINISH)
        await self._database.pool.execute(
            _FINISH, self._pool, scope, key, answer.status, answer.media_type, answer.body
        )
        crashing.after(Site.KEY_FINISH)
