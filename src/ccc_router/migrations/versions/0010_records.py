"""Types in which rows travel whole: what the engine writes in great numbers goes over as arrays of records.

A driver looks at every element of an array; a record is one element, however many fields it has. A row that gets another field
gets another type, so that an older program beside a newer one still finds its own.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TYPES = {
    "journal_record": "at bigint, cause bigint, kind text, body bytea",
    "trace_record": "contact_id text, first bigint, last bigint",
    "outcome_record": "source text, key text, status smallint, body bytea",
    "load_record": "agent_id text, channel text, used integer, cap integer, over integer",
    "customer_record": "id text, name text, search_key text, created_at bigint",
    "handle_record": "kind text, value text, channel text, customer_id text, verified boolean, evidence text, at bigint",
    "message_record": (
        "id text, contact_id text, case_id text, escalation_id text, number integer, direction text, visibility text, "
        "author text, form text, subject text, text text, full_text text, html text, salt bytea, digest text, at bigint, "
        "position bigint, delivery_id text, delivery_state text, attachments jsonb, extra jsonb"
    ),
    "ref_record": "ref text, case_id text, contact_id text, message_id text",
    "address_record": (
        "contact_id text, endpoint text, address text, name text, subject text, handle_kind text, handle_value text, "
        "extra jsonb"
    ),
}


def upgrade() -> None:
    """Make the types."""
    for name, fields in _TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ({fields})")


def downgrade() -> None:
    """Drop them."""
    for name in _TYPES:
        op.execute(f"DROP TYPE {name}")
