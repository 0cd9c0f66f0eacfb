"""Whose a contact is, without looking at every contact: for agents' work, their cases, and lists by arrival."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INDEXES = (
    "CREATE INDEX contact_owner ON contact (pool, agent_id) WHERE open AND agent_id <> ''",
    "CREATE INDEX contact_by_arrival ON contact (pool, arrived_at, id)",
    "CREATE INDEX offer_taken ON offer (pool, agent_id, contact_id) WHERE state = 'accepted'",
    "CREATE INDEX customer_case_knows ON customer_case (pool, knows) WHERE knows <> ''",
)


def upgrade() -> None:
    """Make them."""
    for statement in _INDEXES:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for name in ("customer_case_knows", "offer_taken", "contact_by_arrival", "contact_owner"):
        op.execute(f"DROP INDEX {name}")
