"""The type in which raw deliveries travel (see 0010): they go over with the facts, in one statement."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the type."""
    op.execute("""
        CREATE TYPE raw_record AS (
            raw_id text, endpoint text, channel text, received_at timestamptz,
            method text, path text, query text, headers jsonb, body bytea, state text
        )
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TYPE raw_record")
