"""Taking inputs: rows of the inbox and records of the feed, in one transaction with what follows from them.

Reading the inbox removes. A record of the feed is known again by its dedup key, which goes in with it, and so does its offset in the topic:
what is committed is never taken again, what is rolled back is taken anew, whichever engine comes next.
"""

import heapq
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from prometheus_client import Counter

from ccc_router.events.appending import KEEP, record_of
from ccc_router.events.codec import decode_body
from ccc_router.events.envelope import AnyInput
from ccc_router.events.inbox import RawDelivery
from ccc_router.events.kafka.feed import Fed, Feed, Offset
from ccc_router.events.kafka.record import mark_of
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.queues.taking.floor import Floors
from ccc_router.queues.taking.isolation import Isolation
from ccc_router.storage.database import Connection

DUPLICATES: Final = Counter("ccc_inbox_duplicates", "Records of Kafka that were taken before", ["pool"])

# Reading removes: what is committed is gone, what is rolled back is there again, and nobody can withdraw what is being read.
# What people ask comes before what channels bring, and has three quarters of a turn at most: neither waits for all of the other.
# $3 and $4 are the floors of either (`Floors`).
_READ: Final = """
RETURNING id, source, key, body, (extract(epoch FROM at) * 1000)::bigint, coalesce(traceparent, ''), urgent
"""
TAKE: Final = f"""
WITH asked AS MATERIALIZED (SELECT ctid FROM inbox WHERE pool = $1 AND id > $3 AND urgent ORDER BY id LIMIT $2 - $2 / 4)
DELETE FROM inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM asked UNION ALL (
    SELECT ctid FROM inbox WHERE pool = $1 AND id > $4 AND NOT urgent ORDER BY id LIMIT $2 - (SELECT count(*) FROM asked)))) {_READ}
"""  # noqa: S608 - the fragment is ours
_TAKE_THESE: Final = f"DELETE FROM inbox WHERE pool = $1 AND id = ANY ($2::bigint[]) {_READ}"  # noqa: S608 - as above
_LAST: Final = "SELECT max(id) FROM inbox WHERE pool = $1"
_OFFSETS: Final = "SELECT partition, next, mark FROM kafka_offset WHERE pool = $1 AND topic = $2"
_ANEW: Final = "DELETE FROM kafka_offset WHERE pool = $1 AND topic = $2 AND partition = ANY ($3::int[])"
# Dedup keys go in sorted, as appenders do it: whoever falls back to the inbox at this moment waits for us, or we for him.
_FED: Final = f"""
WITH moved AS (
        INSERT INTO kafka_offset (pool, topic, partition, next, mark)
        SELECT $1, $2, * FROM unnest($3::int[], $4::bigint[], $5::bytea[])
        ON CONFLICT (pool, topic, partition) DO UPDATE SET next = excluded.next, mark = excluded.mark),
     {KEEP.format(records="$8")}
INSERT INTO seen (pool, source, key)
SELECT $1, source, key FROM unnest($6::text[], $7::text[]) AS given (source, key)
ORDER BY source COLLATE "C", key COLLATE "C"
ON CONFLICT DO NOTHING RETURNING source, key
"""  # noqa: S608 - a part of a statement of ours


class Row(NamedTuple):
    """An input. ``id`` is the inbox row's, or below zero; ``body`` is what is kept should it be parked; ``at`` is when it was received (ms)."""

    id: int
    source: str
    key: str
    body: bytes
    at: int
    said: AnyInput | ValueError
    traceparent: str = ""
    urgent: bool = False


class Taken(NamedTuple):
    """What a turn took: ``rows`` in the order in which they are decided, and the records that are settled with them."""

    rows: list[Row]
    fed: list[Fed]
    full: bool


class Taking:
    """What the turns of one tenure take."""

    def __init__(self, pool: str, isolation: Isolation, feed: Feed | None, clock: Clock) -> None:
        self._pool = pool
        self._isolation = isolation
        self._feed = feed
        self._floors = Floors(clock)
        self._backlog_to = 0

    async def begin(self, connection: Connection) -> None:
        """See what waits already, and let the feed read on from where the last commit stands. Raises what asyncpg raises."""
        self._backlog_to = await connection.fetchval(_LAST, self._pool) or 0
        if self._feed is not None:
            rows = await connection.fetch(_OFFSETS, self._pool, self._feed.topic)
            self._feed.open({row[0]: Offset(row[1], row[2]) for row in rows})

    async def close(self) -> None:
        """Nothing more is taken."""
        if self._feed is not None:
            await self._feed.close()

    def past_backlog(self, rows: Sequence[Row]) -> bool:
        """Whether nothing is left of what waited when the tenure began: it was there before its timers."""
        last = {row.urgent: row.id for row in rows if row.id > 0}  # of either kind: if there is none, none waits
        inbox = all(number >= self._backlog_to for number in last.values())
        return inbox and (self._feed is None or self._feed.caught_up)

    async def take(self, connection: Connection, limit: int) -> Taken:
        """The next inputs, at most ``limit``, of either kind half of them if there are as many. Raises what asyncpg raises."""
        only = self._isolation.only
        crashing.before(Site.TAKE)
        fed: list[Fed] = []
        if self._feed is not None:
            fed = self._feed.waiting(limit) if only is None else self._feed.these(only)
        room = limit - min(len(fed), limit // 2)
        found = await self._inbox(connection, only, room)
        rows = sorted(found, key=attrgetter("id"))
        fed = fed[: limit - len(rows)] if only is None else fed
        full = only is None and (len(rows) + len(fed) >= limit or len(rows) >= room - room // 4)
        # Either in its own order, which parts of a failed turn keep too: no offset ever goes back.
        order: list[Row | Fed] = list(heapq.merge(rows, fed, key=attrgetter("at")))
        self._isolation.taken([one.id for one in order])
        fresh = await self._fresh(connection, fed) if fed else {}
        crashing.after(Site.TAKE)
        decided = (one if isinstance(one, Row) else fresh.get(one.id) for one in order)
        return Taken([row for row in decided if row is not None], fed, full)

    def settle(self, taken: Taken) -> None:
        """It is committed."""
        self._floors.taken(taken.rows)
        if self._feed is not None:
            self._feed.settle(taken.fed)

    async def _inbox(self, connection: Connection, only: Sequence[int] | None, limit: int) -> list[Row]:
        if only is None:
            floor = self._floors.begin()
            found = await connection.fetch(TAKE, self._pool, limit, floor.urgent, floor.others)
            self._floors.end()
        else:
            ids = [one for one in only if one > 0]
            found = await connection.fetch(_TAKE_THESE, self._pool, ids) if ids else []
        return [Row(row[0], row[1], row[2], row[3], row[4], _read(row[3]), row[5], row[6]) for row in found]

    async def _fresh(self, connection: Connection, fed: Sequence[Fed]) -> dict[int, Row]:
        """What of the records is taken for the first time; those that cannot be handled come as they are, to be parked."""
        topic = self._feed.topic if self._feed is not None else ""
        rows = [self._row(one) for one in fed]
        anew = sorted({one.partition for one in fed if one.anew})
        if anew:
            await connection.execute(_ANEW, self._pool, topic, anew)
        offsets = {one.partition: one for one in fed}  # the last of each partition
        wanted = {(row.source, row.key): row for row in reversed(rows) if row is not None}  # of equal ones the first
        sources, keys = zip(*wanted, strict=True) if wanted else ((), ())
        new = await connection.fetch(
            _FED, self._pool, topic, list(offsets), [one.offset + 1 for one in offsets.values()],
            [mark_of(one.value) for one in offsets.values()], sources, keys, self._raws(fed),
        )  # fmt: skip
        DUPLICATES.labels(self._pool).inc(sum(row is not None for row in rows) - len(new))
        fresh = [wanted[one[0], one[1]] for one in new]
        return {row.id: row for row in fresh}

    def _row(self, one: Fed) -> Row | None:
        told = one.told
        if isinstance(told, ValueError):
            mark = mark_of(one.value).hex()
            return Row(one.id, "kafka", f"{one.partition}/{one.offset}/{mark}", one.value, one.at, told)
        if told.body is not None:
            return Row(one.id, told.source, told.key, one.value, one.at, told.body, told.traceparent)
        condemned = self._isolation.condemned(one.id)
        return None if condemned is None else Row(one.id, told.source, told.key, one.value, one.at, ValueError())

    def _raws(self, fed: Sequence[Fed]) -> list[tuple[object, ...]]:
        """The raw deliveries of these records, each once, as well as it can be read. What a condemned one brings is in its parked bytes."""
        raws: dict[str, RawDelivery] = {}
        for one in fed:
            raw = None if isinstance(one.told, ValueError) else one.told.raw
            if raw is None or self._isolation.condemned(one.id) is not None:
                continue
            if raw.raw_id not in raws or raws[raw.raw_id].state == "unreadable":
                raws[raw.raw_id] = raw
        return [record_of(raws[raw_id]) for raw_id in sorted(raws)]


def _read(body: bytes) -> AnyInput | ValueError:
    try:
        return decode_body(body)
    except ValueError as error:
        return error
