"""The workers' side: claiming what is due, oldest of a lane only, and writing down what came of it.

A claim is the row's ``due`` moved to the claim's end together with the worker's mark. A worker that dies leaves a claim that
ends by itself; a worker that comes back too late finds another mark and writes nothing. A row that waits behind an older one of its
lane loses its due time (``infinity``) when it is met, once, so that a long lane of a dead receiver costs the others nothing (I11,
ADR 0049); the end of the one before it brings it forward, and `bring_forward` those whose end nobody told.
One that was refused for what it says has a lane aside, into which what is about the same escalation follows it (ADR 0022).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from ccc_router.events.vocabulary import ControlCommand, DeliveryKind, DeliveryState
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import to_ms
from ccc_router.kernel.crashing import Site
from ccc_router.storage.database import Connection, Database

from .port import Delivery

if TYPE_CHECKING:
    from asyncpg import Record

# The statement's time, not the clock's: that one is asked for each row, so the index could not stop at what is not due yet.
CANDIDATES: Final = """
SELECT pool, id FROM delivery
WHERE pool = $3 AND state = 'owed' AND kind = $1 AND due <= statement_timestamp()
ORDER BY due, id LIMIT $2
FOR UPDATE SKIP LOCKED
"""
# A statement of its own, after the locks: its snapshot sees every lane as it is now. What stands behind an older one has no due time
# until the end of that one brings it forward. One that stands behind one of its escalation that went aside goes there too, and is in
# nobody's way.
_TAKE: Final = """
WITH looked AS (
    SELECT o.pool, o.id, o.lane, o.claimed_by <> '' AS interrupted, ahead.lane IS NULL AND head.lane IS NULL AS first,
           ahead.lane AS aside, row_number() OVER (PARTITION BY ahead.lane IS NULL AND head.lane IS NULL ORDER BY k.n) AS rank
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (pool, id, n)
    JOIN delivery o ON o.pool = k.pool AND o.id = k.id
    LEFT JOIN LATERAL (
        SELECT e.lane FROM delivery e
        WHERE e.pool = o.pool AND e.lane = o.lane AND e.state = 'owed' AND e.position < o.position
        ORDER BY e.position LIMIT 1
    ) head ON true
    LEFT JOIN LATERAL (
        SELECT a.lane FROM delivery a
        WHERE a.pool = o.pool AND a.lane = o.lane || ':' || o.escalation_id AND a.state = 'owed' AND a.position < o.position
        ORDER BY a.position LIMIT 1
    ) ahead ON true
)
UPDATE delivery d
SET due = CASE WHEN l.first THEN clock_timestamp() + $3::interval ELSE 'infinity' END, lane = coalesce(l.aside, d.lane),
    claimed_by = CASE WHEN l.first THEN $4 ELSE d.claimed_by END,
    attempts = d.attempts + l.first::int, tries = d.tries + l.first::int
FROM looked l
WHERE d.pool = l.pool AND d.id = l.id AND (NOT l.first OR l.rank <= $5)
RETURNING l.first, l.interrupted, l.aside IS NOT NULL AS moved, l.lane AS lane_before, d.*,
          coalesce(d.not_after < clock_timestamp(), false) AS expired
"""
_CUT: Final = "cut"
"""The mark of a row whose last attempt was cut by us."""
_MINE: Final = "pool = $1 AND id = $2 AND claimed_by = $3 AND attempts = $4 AND state = 'owed'"
# What was sent is never sent again, so its words need not stay.
_END: Final = f"""
UPDATE delivery
SET state = $5, last_error = $6, external_id = $7, claimed_by = '', updated_at = clock_timestamp(),
    body = CASE WHEN $5 = 'sent' THEN NULL ELSE body END
WHERE {_MINE}
RETURNING true
"""  # noqa: S608 - the fragment is ours
_AGAIN: Final = f"""
UPDATE delivery
SET due = clock_timestamp() + $5::interval, last_error = $6, claimed_by = $8, updated_at = clock_timestamp(),
    attempts = attempts - $7::int, tries = tries - $7::int, lane = $9
WHERE {_MINE}
RETURNING true
"""  # noqa: S608 - the fragment is ours
_NEXT: Final = """
UPDATE delivery SET due = clock_timestamp()
WHERE pool = $1 AND state = 'owed' AND id = (
    SELECT id FROM delivery WHERE pool = $1 AND lane = $2 AND state = 'owed' ORDER BY position LIMIT 1
) AND claimed_by IN ('', 'cut')
"""
# One step for each lane in which somebody stands behind, however many do: the index is read from lane to lane.
FORGOTTEN: Final = """
WITH RECURSIVE behind AS (
    (SELECT pool, lane FROM delivery WHERE kind = $1 AND state = 'owed' AND due = 'infinity' ORDER BY pool, lane LIMIT 1)
    UNION ALL
    SELECT later.pool, later.lane FROM behind, LATERAL (
        SELECT pool, lane FROM delivery
        WHERE kind = $1 AND state = 'owed' AND due = 'infinity' AND (pool, lane) > (behind.pool, behind.lane)
        ORDER BY pool, lane LIMIT 1
    ) later
)
UPDATE delivery d SET due = clock_timestamp()
FROM behind, LATERAL (
    SELECT id FROM delivery e
    WHERE e.pool = behind.pool AND e.lane = behind.lane AND e.state = 'owed' ORDER BY e.position LIMIT 1
) head
WHERE d.pool = behind.pool AND d.id = head.id AND d.state = 'owed' AND d.due = 'infinity'
"""
_ATTEMPT: Final = """
INSERT INTO delivery_attempt (pool, delivery_id, number, worker, began_at, outcome, reason)
VALUES ($1, $2, $3, $4, clock_timestamp() - $5::interval, $6, $7)
ON CONFLICT (pool, delivery_id, number) DO NOTHING
"""
_FIX_BODY: Final = """
UPDATE delivery SET body = coalesce(body, $3) WHERE pool = $1 AND id = $2 RETURNING body
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker alone may try until the claim's end. ``expired``: its last moment is over."""

    delivery: Delivery
    worker: str
    tries: int
    expired: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a look brought: the claims, and how many rows were looked at (more may be due when it was as many as asked for)."""

    claims: tuple[Claim, ...]
    looked_at: int


async def claim(
    database: Database, pool: str, kind: DeliveryKind, worker: str, *, room: int, look_at: int, hold_s: float
) -> Claimed:
    """Claim at most ``room`` due deliveries of a kind and pool for ``hold_s`` seconds, the oldest unfinished of each lane only.

    ``look_at`` (at least ``room``) bounds how many due rows are looked at, those behind others included.
    """
    async with database.transaction() as connection:
        found = await connection.fetch(CANDIDATES, kind.value, look_at, pool)
        if not found:
            return Claimed((), 0)
        rows = await connection.fetch(
            _TAKE, [row["pool"] for row in found], [row["id"] for row in found], timedelta(seconds=hold_s), worker, room
        )
        crashing.before(Site.CLAIM)
    crashing.after(Site.CLAIM)
    for lane in sorted({row["lane_before"] for row in rows if row["moved"]}):
        await _let_go(database, pool, lane)  # after the commit, as in `let_next`
    return Claimed(tuple(_claim_of(row, worker) for row in rows if row["first"]), len(found))


async def finish(
    connection: Connection, claimed: Claim, state: DeliveryState, reason: str, external_id: str, took_s: float
) -> bool:
    """Write the end of a delivery. False: the claim was lost, nothing is written.

    Part of the caller's transaction, in which the outcome is reported; `let_next` follows its commit.
    """
    item = claimed.delivery
    mine = await connection.fetchval(
        _END, item.pool, item.id, claimed.worker, item.attempt, state.value, reason, external_id
    )
    if not mine:
        return False
    await _note(connection, claimed, state.value, reason, took_s)
    return True


async def let_next(database: Database, claimed: Claim) -> None:
    """Let the next of the lane go, now that the end of this one is committed.

    Not in the transaction of the end: what was owed between this statement and the commit would be put off by a look that still
    saw this one unfinished, and nobody would bring it forward before the claim's end.
    """
    crashing.before(Site.NEXT)
    await database.pool.execute(_NEXT, claimed.delivery.pool, claimed.delivery.lane)
    crashing.after(Site.NEXT)


async def _let_go(database: Database, pool: str, lane: str) -> None:
    crashing.before(Site.MOVED)
    await database.pool.execute(_NEXT, pool, lane)
    crashing.after(Site.MOVED)


async def bring_forward(database: Database, kind: DeliveryKind) -> None:
    """Let those go that stand first in their lane and were never told so: who ended the one before died before he could."""
    await database.pool.execute(FORGOTTEN, kind.value)


async def put_off(
    connection: Connection,
    claimed: Claim,
    reason: str,
    after_s: float,
    took_s: float,
    *,
    counted: bool = True,
    cut: bool = False,
    aside: bool = False,
) -> bool:
    """Owe it again after a time. ``counted`` False: no attempt was made. ``cut``: it was cut by us, so it may have arrived.

    ``aside``: it leaves its lane for one of its escalation; if it was not there yet, `let_next` follows the commit.

    False: the claim was lost, nothing is written.
    """
    item = claimed.delivery
    mine = await connection.fetchval(
        _AGAIN,
        item.pool,
        item.id,
        claimed.worker,
        item.attempt,
        timedelta(seconds=after_s),
        reason,
        int(not counted),
        _CUT if cut else "",
        lane_aside(item) if aside else item.lane,
    )
    if mine and counted:
        await _note(connection, claimed, "retry", reason, took_s)
    return bool(mine)


def lane_aside(item: Delivery) -> str:
    """Where a delivery goes that was refused for what it says: it stays there."""
    own = f":{item.escalation_id}"
    return item.lane if item.lane.endswith(own) else item.lane + own


async def fix_body(database: Database, delivery: Delivery, body: bytes) -> bytes:
    """Keep the bytes of the first attempt; every attempt sends these, whoever built others later."""
    async with database.pool.acquire() as connection:
        crashing.before(Site.BODY)
        kept = await connection.fetchval(_FIX_BODY, delivery.pool, delivery.id, body)
        crashing.after(Site.BODY)
    return body if kept is None else bytes(kept)


async def _note(connection: Connection, claimed: Claim, outcome: str, reason: str, took_s: float) -> None:
    item = claimed.delivery
    await connection.execute(
        _ATTEMPT,
        item.pool,
        item.id,
        item.attempt,
        claimed.worker,
        timedelta(seconds=took_s),
        outcome,
        reason,
    )


def _claim_of(row: "Record", worker: str) -> Claim:
    delivery = msgspec.structs.replace(delivery_of(row), interrupted=row["interrupted"])
    return Claim(delivery, worker, row["tries"], row["expired"])


def delivery_of(row: "Record") -> Delivery:
    """A delivery as its row stands."""
    return Delivery(
        pool=row["pool"],
        id=row["id"],
        kind=DeliveryKind(row["kind"]),
        lane=row["lane"],
        target=row["target"],
        contact_id=row["contact_id"],
        case_id=row["case_id"],
        escalation_id=row["escalation_id"],
        message_id=row["message_id"],
        type=row["type"],
        command=ControlCommand(row["command"]) if row["command"] else None,
        data=msgspec.json.decode(row["data"], type=dict[str, str]),
        attempt=row["attempts"],
        body=None if row["body"] is None else bytes(row["body"]),
        created_at=to_ms(row["created_at"]),
        not_after=to_ms(row["not_after"]) if row["not_after"] else 0,
        traceparent=row["traceparent"] or "",
    )
