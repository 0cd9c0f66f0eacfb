"""The engine's side: writing what is owed, in the engine's own transaction."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ccc_router.events.vocabulary import DeliveryState
from ccc_router.kernel.tracing import carried
from ccc_router.routing.decisions import DeliveryEnded, DeliveryOwed
from ccc_router.storage.database import Connection

WAKE: Final = "ccc_deliveries"
"""The channel of hints to workers; the payload is a delivery kind. Send one after the commit for each kind written."""

_WRITE: Final = """
INSERT INTO delivery (pool, id, position, kind, lane, target, contact_id, case_id, escalation_id, message_id,
                      type, command, data, not_after, traceparent)
SELECT $1, o.id, o.position, o.kind, o.lane, o.target, o.contact_id, o.case_id, o.escalation_id, o.message_id,
       o.type, o.command, o.data::jsonb,
       clock_timestamp() + o.left_ms * interval '1 millisecond', o.traceparent
FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::text[])
     AS o (id, position, kind, lane, target, contact_id, case_id, escalation_id, message_id, type, command, data,
           left_ms, traceparent)
"""
# Only what a person may look at can be owed again; a delivery that arrived stays sent.
_OWE_AGAIN: Final = """
UPDATE delivery
SET state = 'owed', due = clock_timestamp(), tries = 0, claimed_by = '', updated_at = clock_timestamp()
WHERE pool = $1 AND id = ANY ($2::text[]) AND state IN ('parked', 'failed', 'unknown')
"""

# A channel may tell that something arrived whose sender could not know it (an echo after a time-out), in either order.
_ARRIVED: Final = """
UPDATE delivery d SET state = 'sent', updated_at = clock_timestamp()
WHERE d.pool = $1 AND d.id = ANY ($2::text[]) AND d.state = 'unknown'
"""
_ARRIVED_BEFORE: Final = f"""{_ARRIVED} AND EXISTS (
    SELECT 1 FROM message m WHERE m.pool = d.pool AND m.id = d.message_id AND m.delivery_id = d.id AND m.delivery_state = 'sent')
"""  # noqa: S608 - the fragment is ours


async def write_owed(connection: Connection, pool: str, owed: Sequence[tuple[int, DeliveryOwed, str]], at: int) -> None:
    """Write deliveries with the journal positions and the traces of their decisions. Raises what asyncpg raises, as for a repeated id.

    ``at`` is the engine's time now (ms). Workers go by the database's clock, which may be far from the engine's after a time
    without an engine, so what is kept of ``not_after`` is how much of it is left.
    """
    if not owed:
        return
    items = [item for _, item, _ in owed]
    await connection.execute(
        _WRITE,
        pool,
        [item.delivery_id for item in items],
        [position for position, _, _ in owed],
        [item.delivery.value for item in items],
        [item.lane for item in items],
        [item.target for item in items],
        [item.contact_id for item in items],
        [item.case_id for item in items],
        [item.escalation_id for item in items],
        [item.message_id for item in items],
        [item.type for item in items],
        [item.command.value if item.command else "" for item in items],
        [msgspec.json.encode(item.data).decode() for item in items],
        [item.not_after - at if item.not_after else None for item in items],
        [carried(span) or None for _, _, span in owed],
    )


async def write_ended(connection: Connection, pool: str, ended: Sequence[DeliveryEnded]) -> None:
    """Owe again what a person wants sent again (``state`` owed), and end as sent what the channel says arrived.

    Other ends were written by the worker that saw them.
    """
    for state, statement in (
        (DeliveryState.OWED, _OWE_AGAIN),
        (DeliveryState.SENT, _ARRIVED),
        (DeliveryState.UNKNOWN, _ARRIVED_BEFORE),
    ):
        ids = [item.delivery_id for item in ended if item.state == state]
        if ids:
            await connection.execute(statement, pool, ids)
