"""One batch of appends as one statement, and what each caller of the batch is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import LONGEST_KEY, RawDelivery, Submission
from ccc_router.kernel.clock import from_ms
from ccc_router.kernel.errors import CccError, Invalid
from ccc_router.kernel.tracing import carried
from ccc_router.storage.database import Connection

Key = tuple[str, str]
"""(source, dedup key)."""

# Dedup keys go in sorted, so that two appenders with common keys wait for each other instead of deadlocking; inputs go in in
# the order they came. A key that is not returned was durable before: ON CONFLICT waits for whoever is writing it. The key
# remembers its input's id, by which a withdrawal finds it: the inbox itself needs no index by keys.
_APPEND: Final = """
WITH given AS MATERIALIZED (
        SELECT source, key, body, traceparent, n, nextval('inbox_id_seq') AS id
        FROM unnest($2::text[], $3::text[], $4::bytea[], $5::text[]) WITH ORDINALITY AS t (source, key, body, traceparent, n)),
     {kept}
     fresh AS (
        INSERT INTO seen (pool, source, key, inbox_id)
        SELECT $1, source, key, id FROM given ORDER BY source COLLATE "C", key COLLATE "C"
        ON CONFLICT DO NOTHING RETURNING inbox_id)
INSERT INTO inbox (pool, id, source, key, body, traceparent) OVERRIDING SYSTEM VALUE
SELECT $1, id, source, key, body, traceparent FROM given JOIN fresh ON inbox_id = id ORDER BY n
RETURNING source, key
"""
# The same delivery is kept once; an unreadable one that can be read by now is no longer unreadable.
KEEP: Final = """
     kept AS (
        INSERT INTO raw_delivery (pool, raw_id, endpoint, channel, received_at, method, path, query, headers, body, state)
        SELECT $1, * FROM unnest({records}::raw_record[])
        ON CONFLICT (pool, raw_id) DO UPDATE SET state = excluded.state
        WHERE raw_delivery.state = 'unreadable' AND excluded.state <> 'unreadable')"""
"""A part of a statement; ``$1`` is the pool, ``records`` the parameter of what `record_of` makes, each raw_id once."""
_KEPT: Final = KEEP.format(records="$6") + ","
_APPEND_ONLY: Final = _APPEND.format(kept="")
_APPEND_AND_KEEP: Final = _APPEND.format(kept=_KEPT)


# The same for inputs that one pool gives another in a transaction of its own; ``at`` is when they came to us, wherever that was.
_HAND_ON: Final = """
WITH given AS MATERIALIZED (
        SELECT pool, source, key, body, at, n, nextval('inbox_id_seq') AS id
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[]) WITH ORDINALITY AS t (pool, source, key, body, at, n)),
     fresh AS (
        INSERT INTO seen (pool, source, key, inbox_id)
        SELECT pool, source, key, id FROM given ORDER BY pool COLLATE "C", source COLLATE "C", key COLLATE "C"
        ON CONFLICT DO NOTHING RETURNING inbox_id)
INSERT INTO inbox (pool, id, source, key, body, at) OVERRIDING SYSTEM VALUE
SELECT pool, id, source, key, body, to_timestamp(at / 1000.0) FROM fresh JOIN given ON id = inbox_id ORDER BY n
"""


@dataclass(slots=True)
class Group:
    """What one call appends: all of it or nothing."""

    rows: list[tuple[str, str, bytes, str | None]]
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
                rows.append((one.source, one.key, canonical(one.body), carried(one.traceparent) or None))
            except ValueError as error:
                raise Invalid("The content holds a character that is none.") from error
        return cls(rows, raw, asyncio.get_running_loop().create_future())

    def settle(self, fresh: set[Key]) -> None:
        """Tell the caller: the first of equal keys is the new one."""
        answers = []
        for source, key, _, _ in self.rows:
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
    rows: dict[Key, tuple[bytes, str | None]] = {}
    raws: dict[str, RawDelivery] = {}
    for group in groups:
        for source, key, body, traceparent in group.rows:
            rows.setdefault((source, key), (body, traceparent))
        if group.raw is not None:
            raws.setdefault(group.raw.raw_id, group.raw)
    sources = [source for source, _ in rows]
    keys = [key for _, key in rows]
    bodies, traces = [body for body, _ in rows.values()], [traceparent for _, traceparent in rows.values()]
    given = (pool, sources, keys, bodies, traces)
    if raws:
        kept = [record_of(raws[raw_id]) for raw_id in sorted(raws)]
        found = await connection.fetch(_APPEND_AND_KEEP, *given, kept)
    else:
        found = await connection.fetch(_APPEND_ONLY, *given)
    fresh = {(row[0], row[1]) for row in found}
    for group in groups:
        group.settle(fresh)


class Passed(NamedTuple):
    """An input for the inbox of ``pool``; ``at`` is when it came to us (ms)."""

    pool: str
    source: str
    key: str
    body: bytes
    at: int


async def hand_on(connection: Connection, inputs: Sequence[Passed]) -> None:
    """Put inputs into other pools' inboxes, in their order, within the caller's transaction. One that is known there is left out (I2)."""
    once = {(one.pool, one.source, one.key): one for one in reversed(inputs)}
    rows = [one for one in inputs if once[one.pool, one.source, one.key] is one]
    if rows:
        await connection.execute(_HAND_ON, *map(list, zip(*rows, strict=True)))


def record_of(raw: RawDelivery) -> tuple[object, ...]:
    """A raw delivery as a ``raw_record``."""
    return (
        raw.raw_id, raw.endpoint, raw.channel.value, from_ms(raw.received_at), raw.method, raw.path, raw.query,
        canonical(raw.headers).decode(), raw.body, raw.state,
    )  # fmt: skip
