"""Leases: who may write. The pattern for every revision: plain SQL, both ways, expand before contract."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        CREATE TABLE lease (
            name          text PRIMARY KEY,
            epoch         bigint NOT NULL CHECK (epoch > 0),
            holder        text NOT NULL,
            backend_pid   integer NOT NULL,
            backend_start timestamptz NOT NULL,
            taken_at      timestamptz NOT NULL,
            until         timestamptz NOT NULL
        ) WITH (fillfactor = 50)
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE lease")
