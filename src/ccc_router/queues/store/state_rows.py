"""The core's rows, upserted: whoever changed is written whole, once a batch.

Beside the row as a document go the columns that people ask by and that constraints guard: the server need not read documents.
"""

from typing import Final

from ccc_router.events.codec import canonical
from ccc_router.queues.store.columns import Writes
from ccc_router.queues.store.loads import Load, Loads
from ccc_router.routing import Rows, State
from ccc_router.routing.rows import Agent, Case, Contact, Escalation, Offer
from ccc_router.routing.state import ENDED

_CONTACTS: Final = """
INSERT INTO contact (pool, id, case_id, customer_id, channel, endpoint, queue, state, agent_id, offer_id, attention, arrived_at,
                     answered_at, since, due, open, live, rank, row)
SELECT $1, * FROM unnest($2::ranked_contact_record[])
ON CONFLICT (pool, id) DO UPDATE SET case_id = excluded.case_id, customer_id = excluded.customer_id,
    queue = excluded.queue, state = excluded.state, agent_id = excluded.agent_id, offer_id = excluded.offer_id,
    attention = excluded.attention, answered_at = excluded.answered_at, since = excluded.since, due = excluded.due,
    open = excluded.open, live = excluded.live, rank = excluded.rank, row = excluded.row
"""
_OFFERS: Final = """
INSERT INTO offer (pool, id, contact_id, agent_id, state, made_at, expires_at, ended_at, row)
SELECT $1, * FROM unnest($2::offer_record[])
ON CONFLICT (pool, id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
    ended_at = excluded.ended_at, row = excluded.row
"""
_AGENTS: Final = """
INSERT INTO agent (pool, id, presence, reason, lost, offer_id, since, row, used, most)
SELECT $1, id, presence, reason, lost, offer_id, since, row, used::integer[], most::integer[]
FROM unnest($2::loaded_agent_record[])
ON CONFLICT (pool, id) DO UPDATE SET presence = excluded.presence, reason = excluded.reason, lost = excluded.lost,
    offer_id = excluded.offer_id, since = excluded.since, row = excluded.row, used = excluded.used, most = excluded.most
"""
_CASES: Final = """
INSERT INTO customer_case (pool, id, customer_id, state, reference, topic, kind, province, knows, opened_at, due, live, row)
SELECT $1, * FROM unnest($2::case_record[])
ON CONFLICT (pool, id) DO UPDATE SET customer_id = excluded.customer_id, state = excluded.state, topic = excluded.topic,
    kind = excluded.kind, province = excluded.province, knows = excluded.knows, due = excluded.due, live = excluded.live,
    row = excluded.row
"""
_ESCALATIONS: Final = """
INSERT INTO escalation (pool, id, case_id, contact_id, department, state, raised_at, due, live, row)
SELECT $1, * FROM unnest($2::escalation_record[])
ON CONFLICT (pool, id) DO UPDATE SET department = excluded.department, state = excluded.state, due = excluded.due,
    live = excluded.live, row = excluded.row
"""
_QUEUES: Final = """
INSERT INTO queue_state (pool, id, row) SELECT $1, * FROM unnest($2::queue_record[])
ON CONFLICT (pool, id) DO UPDATE SET row = excluded.row
"""
_INCIDENTS: Final = """
INSERT INTO incident (pool, id, live, row) SELECT $1, * FROM unnest($2::incident_record[])
ON CONFLICT (pool, id) DO UPDATE SET live = excluded.live, row = excluded.row
"""


def write(writes: Writes, state: State, rows: Rows, loads: Loads) -> None:
    """Add changed rows. Ended offers go first, so that the one that takes their place meets a free one (I4)."""
    offers = sorted(rows.offers, key=lambda offer: not offer.ended_at)
    writes.add_records(_OFFERS, [_offer(row) for row in offers])
    writes.add_records(_CONTACTS, [_contact(state, row) for row in rows.contacts])
    writes.add_records(_AGENTS, [_agent(row, loads.of(state, row)) for row in rows.agents])
    writes.add_records(_CASES, [_case(state, row) for row in rows.cases])
    writes.add_records(_ESCALATIONS, [_escalation(state, row) for row in rows.escalations])
    writes.add_records(_QUEUES, [(row.id, _document(row)) for row in rows.queues])
    writes.add_records(_INCIDENTS, [(row.id, not row.resolved_at, _document(row)) for row in rows.incidents])


def _document(row: object) -> str:
    return canonical(row).decode()


def _contact(state: State, row: Contact) -> tuple[object, ...]:
    over = row.state in ENDED
    return (
        row.id, row.case_id, row.customer_id, row.channel.value, row.endpoint, row.queue, row.state.value, row.agent_id,
        row.offer_id, row.attention, row.arrived_at, row.answered_at, row.state_since,
        0 if over else state.contact_due(row), not over, row.id in state.contacts, row.rank, _document(row),
    )  # fmt: skip


def _offer(row: Offer) -> tuple[object, ...]:
    return (
        row.id, row.contact_id, row.agent_id, row.state.value, row.made_at, row.expires_at, row.ended_at, _document(row),
    )  # fmt: skip


def _agent(row: Agent, load: Load) -> tuple[object, ...]:
    return (row.id, row.presence.value, row.reason, row.lost, row.offer_id, row.presence_since, _document(row), *load)


def _case(state: State, row: Case) -> tuple[object, ...]:
    return (
        row.id, row.customer_id, row.state.value, row.reference, row.topic, row.kind.value, row.province, row.knows,
        row.opened_at, row.due_at, row.id in state.cases, _document(row),
    )  # fmt: skip


def _escalation(state: State, row: Escalation) -> tuple[object, ...]:
    return (
        row.id, row.case_id, row.contact_id, row.department, row.state.value, row.raised_at, row.due_at,
        row.id in state.escalations, _document(row),
    )  # fmt: skip
