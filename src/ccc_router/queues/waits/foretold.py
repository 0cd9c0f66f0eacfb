"""The rows of what was foretold, and what became of them. They name a contact and no person."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.queues.waits.calibration import Coverage, Told, coverage
from ccc_router.queues.waits.estimate import Expected
from ccc_router.queues.waits.paces import Line
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database

_WAITING: Final = "SELECT row FROM contact WHERE pool = $1 AND id = ANY($2) AND state = 'queued'"
_KEEP: Final = """
INSERT INTO expected_wait (pool, contact_id, queue, channel, at, ahead, p20_ms, p50_ms, p80_ms)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::real[], $7::bigint[], $8::bigint[], $9::bigint[])
ON CONFLICT DO NOTHING
"""
_BECAME: Final = """
SELECT e.queue, e.channel, e.at, e.p20_ms, e.p50_ms, e.p80_ms, c.answered_at, c.open, c.since, c.state = 'abandoned' AS abandoned
FROM expected_wait e JOIN contact c ON (c.pool, c.id) = (e.pool, e.contact_id)
WHERE e.pool = $1 AND e.at >= $2 ORDER BY e.at DESC LIMIT $3
"""
_MOST: Final = 20_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class Calibration(NamedTuple):
    """Of what was foretold in the last hour, and in the last day."""

    hour: Coverage = Coverage()
    day: Coverage = Coverage()


class Foretold:
    """The table of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        """Nothing is read yet."""
        self._database = database
        self._pool = pool

    async def waiting(self, contact_ids: Sequence[str]) -> list[Contact]:
        """Those of them who wait now."""
        rows = await self._database.pool.fetch(_WAITING, self._pool, list(contact_ids))
        return [msgspec.json.decode(row["row"], type=Contact) for row in rows]

    async def keep(self, at: int, told: Sequence[tuple[Contact, Expected]]) -> None:
        """Write down what was foretold at ``at`` (engine ms). Of a contact the first time counts, whichever process says it."""
        rows = [
            (contact.id, contact.queue, contact.channel.value, at, expected.ahead, *expected.waits_ms)
            for contact, expected in told
            if expected.waits_ms
        ]
        if rows:
            crashing.before(Site.FORETOLD)
            await self._database.pool.execute(_KEEP, self._pool, *map(list, zip(*rows, strict=True)))
            crashing.after(Site.FORETOLD)

    async def calibration(self, now: int) -> dict[Line, Calibration]:
        """By queue and channel, of the newest 20,000 of the last day before ``now`` (engine ms)."""
        rows = await self._database.pool.fetch(_BECAME, self._pool, now - DAY_MS, _MOST)
        lines: dict[Line, list[tuple[int, Told]]] = {}
        for row in rows:
            answered = row["answered_at"] >= row["at"]
            until = row["answered_at"] if answered else now if row["open"] else row["since"]
            waits = (row["p20_ms"], row["p50_ms"], row["p80_ms"])
            told = Told(waits, max(0, until - row["at"]), answered, row["abandoned"] and not answered)
            lines.setdefault((row["queue"], row["channel"]), []).append((row["at"], told))
        return {
            line: Calibration(
                coverage(one for at, one in told if at >= now - HOUR_MS), coverage(one for _, one in told)
            )
            for line, told in lines.items()
        }
