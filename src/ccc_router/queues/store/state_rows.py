"""The core's rows, upserted: whoever changed is written whole, once a batch."""

from typing import Final

from ccc_router.events.codec import canonical
from ccc_router.routing import Rows, State
from ccc_router.routing.rows import Agent, Case, Contact, Escalation, Offer
from ccc_router.routing.state import ENDED
from ccc_router.storage.database import Connection

_CONTACTS: Final = """
INSERT INTO contact AS c (pool, id, case_id, customer_id, channel, endpoint, queue, state, agent_id, offer_id, attention,
                          arrived_at, answered_at, since, due, open, live, row)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bool[], $17::bool[], $18::jsonb[])
ON CONFLICT (pool, id) DO UPDATE SET case_id = excluded.case_id, customer_id = excluded.customer_id,
    queue = excluded.queue, state = excluded.state, agent_id = excluded.agent_id, offer_id = excluded.offer_id,
    attention = excluded.attention, answered_at = excluded.answered_at, since = excluded.since, due = excluded.due,
    open = excluded.open, live = excluded.live, row = excluded.row
"""
_OFFERS: Final = """
INSERT INTO offer (pool, id, contact_id, agent_id, state, made_at, expires_at, ended_at, row)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::jsonb[])
ON CONFLICT (pool, id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
    ended_at = excluded.ended_at, row = excluded.row
"""
_AGENTS: Final = """
INSERT INTO agent (pool, id, presence, reason, lost, offer_id, since, row)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::bigint[], $8::jsonb[])
ON CONFLICT (pool, id) DO UPDATE SET presence = excluded.presence, reason = excluded.reason, lost = excluded.lost,
    offer_id = excluded.offer_id, since = excluded.since, row = excluded.row
"""
_CASES: Final = """
INSERT INTO customer_case (pool, id, customer_id, state, reference, topic, kind, province, knows, opened_at, due, live, row)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::bigint[], $11::bigint[], $12::bool[], $13::jsonb[])
ON CONFLICT (pool, id) DO UPDATE SET customer_id = excluded.customer_id, state = excluded.state, topic = excluded.topic,
    kind = excluded.kind, province = excluded.province, knows = excluded.knows, due = excluded.due, live = excluded.live,
    row = excluded.row
"""
_ESCALATIONS: Final = """
INSERT INTO escalation (pool, id, case_id, contact_id, department, state, raised_at, due, live, row)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bool[],
    $10::jsonb[])
ON CONFLICT (pool, id) DO UPDATE SET department = excluded.department, state = excluded.state, due = excluded.due,
    live = excluded.live, row = excluded.row
"""


async def write(connection: Connection, pool: str, state: State, rows: Rows) -> None:
    """Write changed rows. Ended offers go first, so that the one that takes their place meets a free one (I4)."""
    if rows.offers:
        await connection.execute(_OFFERS, pool, *_offers(rows.offers))
    if rows.contacts:
        await connection.execute(_CONTACTS, pool, *_contacts(state, rows.contacts))
    if rows.agents:
        await connection.execute(_AGENTS, pool, *_agents(rows.agents))
    if rows.cases:
        await connection.execute(_CASES, pool, *_cases(state, rows.cases))
    if rows.escalations:
        await connection.execute(_ESCALATIONS, pool, *_escalations(state, rows.escalations))


def document(row: object) -> str:
    """A row of the core as a JSON document."""
    return canonical(row).decode()


def _contacts(state: State, rows: list[Contact]) -> list[list[object]]:
    return [
        [row.id for row in rows],
        [row.case_id for row in rows],
        [row.customer_id for row in rows],
        [row.channel.value for row in rows],
        [row.endpoint for row in rows],
        [row.queue for row in rows],
        [row.state.value for row in rows],
        [row.agent_id for row in rows],
        [row.offer_id for row in rows],
        [row.attention for row in rows],
        [row.arrived_at for row in rows],
        [row.answered_at for row in rows],
        [row.state_since for row in rows],
        [0 if row.state in ENDED else state.contact_due(row) for row in rows],
        [row.state not in ENDED for row in rows],
        [row.id in state.contacts for row in rows],
        [document(row) for row in rows],
    ]


def _offers(rows: list[Offer]) -> list[list[object]]:
    rows = sorted(rows, key=lambda row: not row.ended_at)
    return [
        [row.id for row in rows],
        [row.contact_id for row in rows],
        [row.agent_id for row in rows],
        [row.state.value for row in rows],
        [row.made_at for row in rows],
        [row.expires_at for row in rows],
        [row.ended_at for row in rows],
        [document(row) for row in rows],
    ]


def _agents(rows: list[Agent]) -> list[list[object]]:
    return [
        [row.id for row in rows],
        [row.presence.value for row in rows],
        [row.reason for row in rows],
        [row.lost for row in rows],
        [row.offer_id for row in rows],
        [row.presence_since for row in rows],
        [document(row) for row in rows],
    ]


def _cases(state: State, rows: list[Case]) -> list[list[object]]:
    return [
        [row.id for row in rows],
        [row.customer_id for row in rows],
        [row.state.value for row in rows],
        [row.reference for row in rows],
        [row.topic for row in rows],
        [row.kind.value for row in rows],
        [row.province for row in rows],
        [row.knows for row in rows],
        [row.opened_at for row in rows],
        [row.due_at for row in rows],
        [row.id in state.cases for row in rows],
        [document(row) for row in rows],
    ]


def _escalations(state: State, rows: list[Escalation]) -> list[list[object]]:
    return [
        [row.id for row in rows],
        [row.case_id for row in rows],
        [row.contact_id for row in rows],
        [row.department for row in rows],
        [row.state.value for row in rows],
        [row.raised_at for row in rows],
        [row.due_at for row in rows],
        [row.id in state.escalations for row in rows],
        [document(row) for row in rows],
    ]
