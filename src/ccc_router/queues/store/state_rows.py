"""The core's rows, upserted: whoever changed is written whole, once a batch.

A row goes over as one JSON document, and the server takes from it the columns that people ask by and that constraints guard.
"""

from collections.abc import Iterable
from typing import Final

from ccc_router.events.codec import canonical
from ccc_router.queues.store.columns import Writes
from ccc_router.routing import Rows, State
from ccc_router.routing.rows import Contact
from ccc_router.routing.state import ENDED

_CONTACTS: Final = """
INSERT INTO contact AS c (pool, id, case_id, customer_id, channel, endpoint, queue, state, agent_id, offer_id, attention,
                          arrived_at, answered_at, since, due, open, live, row)
SELECT $1, r ->> 'id', r ->> 'case_id', r ->> 'customer_id', r ->> 'channel', r ->> 'endpoint', r ->> 'queue', r ->> 'state',
       coalesce(r ->> 'agent_id', ''), coalesce(r ->> 'offer_id', ''), coalesce(r ->> 'attention', ''),
       (r -> 'arrived_at')::bigint, coalesce((r -> 'answered_at')::bigint, 0), coalesce((r -> 'state_since')::bigint, 0),
       due, open, live, r
FROM unnest($2::jsonb[], $3::bigint[], $4::bool[], $5::bool[]) AS e (r, due, open, live)
ON CONFLICT (pool, id) DO UPDATE SET case_id = excluded.case_id, customer_id = excluded.customer_id,
    queue = excluded.queue, state = excluded.state, agent_id = excluded.agent_id, offer_id = excluded.offer_id,
    attention = excluded.attention, answered_at = excluded.answered_at, since = excluded.since, due = excluded.due,
    open = excluded.open, live = excluded.live, row = excluded.row
"""
_OFFERS: Final = """
INSERT INTO offer (pool, id, contact_id, agent_id, state, made_at, expires_at, ended_at, row)
SELECT $1, r ->> 'id', r ->> 'contact_id', r ->> 'agent_id', r ->> 'state', (r -> 'made_at')::bigint,
       (r -> 'expires_at')::bigint, coalesce((r -> 'ended_at')::bigint, 0), r
FROM unnest($2::jsonb[]) AS e (r)
ON CONFLICT (pool, id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
    ended_at = excluded.ended_at, row = excluded.row
"""
_AGENTS: Final = """
INSERT INTO agent (pool, id, presence, reason, lost, offer_id, since, row)
SELECT $1, r ->> 'id', coalesce(r ->> 'presence', 'signed_out'), coalesce(r ->> 'reason', ''),
       coalesce((r -> 'lost')::boolean, false), coalesce(r ->> 'offer_id', ''), coalesce((r -> 'presence_since')::bigint, 0), r
FROM unnest($2::jsonb[]) AS e (r)
ON CONFLICT (pool, id) DO UPDATE SET presence = excluded.presence, reason = excluded.reason, lost = excluded.lost,
    offer_id = excluded.offer_id, since = excluded.since, row = excluded.row
"""
_CASES: Final = """
INSERT INTO customer_case (pool, id, customer_id, state, reference, topic, kind, province, knows, opened_at, due, live, row)
SELECT $1, r ->> 'id', r ->> 'customer_id', r ->> 'state', coalesce(r ->> 'reference', ''), coalesce(r ->> 'topic', ''),
       coalesce(r ->> 'kind', 'question'), coalesce(r ->> 'province', ''), coalesce(r ->> 'knows', ''),
       (r -> 'opened_at')::bigint, coalesce((r -> 'due_at')::bigint, 0), live, r
FROM unnest($2::jsonb[], $3::bool[]) AS e (r, live)
ON CONFLICT (pool, id) DO UPDATE SET customer_id = excluded.customer_id, state = excluded.state, topic = excluded.topic,
    kind = excluded.kind, province = excluded.province, knows = excluded.knows, due = excluded.due, live = excluded.live,
    row = excluded.row
"""
_ESCALATIONS: Final = """
INSERT INTO escalation (pool, id, case_id, contact_id, department, state, raised_at, due, live, row)
SELECT $1, r ->> 'id', r ->> 'case_id', r ->> 'contact_id', r ->> 'department', r ->> 'state', (r -> 'raised_at')::bigint,
       coalesce((r -> 'due_at')::bigint, 0), live, r
FROM unnest($2::jsonb[], $3::bool[]) AS e (r, live)
ON CONFLICT (pool, id) DO UPDATE SET department = excluded.department, state = excluded.state, due = excluded.due,
    live = excluded.live, row = excluded.row
"""

_QUEUES: Final = """
INSERT INTO queue_state (pool, id, row) SELECT $1, r ->> 'id', r FROM unnest($2::jsonb[]) AS e (r)
ON CONFLICT (pool, id) DO UPDATE SET row = excluded.row
"""


def write(writes: Writes, state: State, rows: Rows) -> None:
    """Add changed rows. Ended offers go first, so that the one that takes their place meets a free one (I4)."""
    offers = sorted(rows.offers, key=lambda offer: not offer.ended_at)
    writes.add(_OFFERS, (_documents(offers),))
    writes.add(_CONTACTS, _contacts(state, rows.contacts))
    writes.add(_AGENTS, (_documents(rows.agents),))
    writes.add(_CASES, (_documents(rows.cases), [row.id in state.cases for row in rows.cases]))
    live = [row.id in state.escalations for row in rows.escalations]
    writes.add(_ESCALATIONS, (_documents(rows.escalations), live))
    writes.add(_QUEUES, (_documents(rows.queues),))


def _documents(rows: Iterable[object]) -> list[str]:
    return [canonical(row).decode() for row in rows]


def _contacts(state: State, rows: list[Contact]) -> tuple[list[str], list[int], list[bool], list[bool]]:
    ended = [row.state in ENDED for row in rows]
    return (
        _documents(rows),
        [0 if over else state.contact_due(row) for row, over in zip(rows, ended, strict=True)],
        [not over for over in ended],
        [row.id in state.contacts for row in rows],
    )
