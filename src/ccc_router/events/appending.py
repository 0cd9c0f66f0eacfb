"""One batch of appends as one statement, and what each caller of the batch is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import RawDelivery, Submission
from ccc_router.kernel.clock import from_ms
from ccc_router.kernel.errors import CccError, Invalid
from ccc_router.storage.database import Connection

Key = tuple[str, str]
"""(source, dedup key)."""

LONGEST_KEY: Final = 400
"""Characters: a row of an index has an end. Adapters shorten what vendors make longer."""

# Dedup keys go in sorted, so that two appenders with common keys wait for each other instead of deadlocking; inputs go in in
# the order they came. A key that is not returned was durable before: ON CONFLICT waits for whoever is writing it.
_APPEND: Final = """
WITH given AS MATERIALIZED (
        SELECT * FROM unnest($2::text[], $3::text[], $4::bytea[]) WITH ORDINALITY AS t (source, key, body, n)),
     fresh AS (
        INSERT INTO seen (pool, source, key) SELECT $1, source, key FROM given ORDER BY source COLLATE "C", key COLLATE "C"
        ON CONFLICT DO NOTHING RETURNING source, key)
INSERT INTO inbox (pool, source, key, body)
SELECT $1, source, key, body FROM given JOIN fresh USING (source, key) ORDER BY n
RETURNING source, key
"""
# The same delivery is kept once; an unreadable one that can be read by now is no longer unreadable.
_KEEP: Final = """
INSERT INTO raw_delivery (pool, raw_id, endpoint, channel, received_at, method, path, query, headers, body, state)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
                         $9::jsonb[], $10::bytea[], $11::text[])
ON CONFLICT (pool, raw_id) DO UPDATE SET state = excluded.state
WHERE raw_delivery.state = 'unreadable' AND excluded.state <> 'unreadable'
"""


@dataclass(slots=True)
class Group:
    """What one call appends: all of it or nothing."""

    rows: list[tuple[str, str, bytes]]
    raw: RawDelivery | None
    answer: asyncio.Future[list[Appended]]

    @classmethod
    def of(cls, submissions: Sequence[Submission], raw: RawDelivery | None) -> "Group":
        """Encode the inputs. Raises Invalid for what no inbox can hold."""
        rows = []
        for one in submissions:
            if not 0 < len(one.key) <= LONGEST_KEY:
                raise Invalid("A dedup key has 1 to 400 characters.")
            try:
                rows.append((one.source, one.key, canonical(one.body)))
            except ValueError as error:
                raise Invalid("The content holds a character that is none.") from error
        return cls(rows, raw, asyncio.get_running_loop().create_future())

    def settle(self, fresh: set[Key]) -> None:
        """Tell the caller: the first of equal keys is the new one."""
        answers = []
        for source, key, _ in self.rows:
            new = (source, key) in fresh
            fresh.discard((source, key))
            answers.append(Appended(key, duplicate=not new))
        if not self.answer.done():
            self.answer.set_result(answers)

    def fail(self, error: CccError) -> None:
        """Tell the caller that nothing can be promised."""
        if not self.answer.done():
            self.answer.set_exception(error)


async def write(connection: Connection, pool: str, groups: Sequence[Group]) -> None:
    """Make a batch durable and answer its callers. Raises what the database raises; then nothing of it is there."""
    rows: dict[Key, bytes] = {}
    raws: dict[str, RawDelivery] = {}
    for group in groups:
        for source, key, body in group.rows:
            rows.setdefault((source, key), body)
        if group.raw is not None:
            raws.setdefault(group.raw.raw_id, group.raw)
    if not raws:
        fresh = await _append(connection, pool, rows)
    else:
        async with connection.transaction():
            fresh = await _append(connection, pool, rows)
            await _keep(connection, pool, [raws[raw_id] for raw_id in sorted(raws)])
    for group in groups:
        group.settle(fresh)


async def _append(connection: Connection, pool: str, rows: dict[Key, bytes]) -> set[Key]:
    if not rows:
        return set()
    sources, keys = zip(*rows, strict=True)
    found = await connection.fetch(_APPEND, pool, sources, keys, list(rows.values()))
    return {(row[0], row[1]) for row in found}


async def _keep(connection: Connection, pool: str, raws: Sequence[RawDelivery]) -> None:
    await connection.execute(
        _KEEP,
        pool,
        [raw.raw_id for raw in raws],
        [raw.endpoint for raw in raws],
        [raw.channel.value for raw in raws],
        [from_ms(raw.received_at) for raw in raws],
        [raw.method for raw in raws],
        [raw.path for raw in raws],
        [raw.query for raw in raws],
        [canonical(raw.headers).decode() for raw in raws],
        [raw.body for raw in raws],
        [raw.state for raw in raws],
    )
