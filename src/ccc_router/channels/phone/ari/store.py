"""Where sightings are kept until they are facts: shared by all processes that take events of one switch."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from ccc_router.channels.channel import Sighting
from ccc_router.events.inbox import InboxUnavailable
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify

KEPT_HOURS: Final = 6
_PRUNE_EVERY: Final = 1_000
_AWAY: Final = (Failure.CONNECTION, Failure.FULL, Failure.TIMEOUT, Failure.RETRYABLE)

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 20))"
_ADD: Final = """
INSERT INTO phone_sighting (pool, endpoint, key, body)
SELECT $1, $2, key, body FROM unnest($3::text[], $4::bytea[]) AS given (key, body)
ON CONFLICT DO NOTHING
"""
_READ: Final = """
SELECT id, key, body, seen_at > clock_timestamp() - interval '15 minutes' AS recent FROM phone_sighting
WHERE pool = $1 AND endpoint = $2 AND id > $3 AND seen_at > clock_timestamp() - make_interval(hours => $4)
ORDER BY id
"""
_PRUNE: Final = "DELETE FROM phone_sighting WHERE seen_at < clock_timestamp() - make_interval(hours => $1)"


class Kept(NamedTuple):
    """A kept sighting. ``number`` grows in the order of keeping; ``recent``: of the last quarter of an hour."""

    number: int
    key: str
    body: bytes
    recent: bool


class Sightings(Protocol):
    """The store."""

    async def add(self, endpoint_id: str, sightings: Sequence[Sighting], after: int) -> list[Kept]:
        """Keep them, durably, each key once; what was kept of this endpoint since number ``after``, these included.

        Whoever adds later sees all that was added earlier, by any process. Raises InboxUnavailable when the database is away.
        """
        ...


class MemorySightings:
    """The store without a database, for tests and simulations."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Kept]] = {}

    async def add(self, endpoint_id: str, sightings: Sequence[Sighting], after: int) -> list[Kept]:
        """See `Sightings.add`."""
        kept = self._kept.setdefault(endpoint_id, {})
        for one in sightings:
            kept.setdefault(one.key, Kept(len(kept) + 1, one.key, one.body, recent=True))
        return [one for one in kept.values() if one.number > after]


class PostgresSightings:
    """The store in PostgreSQL. One endpoint's additions are taken one after the other, so none is overlooked."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool
        self._added = 0

    async def add(self, endpoint_id: str, sightings: Sequence[Sighting], after: int) -> list[Kept]:
        """See `Sightings.add`."""
        try:
            return await self._add(endpoint_id, sightings, after)
        except Exception as error:
            if classify(error) in _AWAY:
                raise InboxUnavailable from error
            raise

    async def _add(self, endpoint_id: str, sightings: Sequence[Sighting], after: int) -> list[Kept]:
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, f"{self._pool}/{endpoint_id}")
            keys, bodies = [one.key for one in sightings], [one.body for one in sightings]
            await connection.execute(_ADD, self._pool, endpoint_id, keys, bodies)
            rows = await connection.fetch(_READ, self._pool, endpoint_id, after, KEPT_HOURS)
            self._added += 1
            if self._added % _PRUNE_EVERY == 0:
                await connection.execute(_PRUNE, KEPT_HOURS * 2)
            crashing.before(Site.SIGHTING)
        crashing.after(Site.SIGHTING)
        return [Kept(row["id"], row["key"], row["body"], row["recent"]) for row in rows]
