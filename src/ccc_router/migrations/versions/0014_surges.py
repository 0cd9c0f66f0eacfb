"""A surge always has an end."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Refuse a surge that nothing would end."""
    op.execute("""
        ALTER TABLE queue_state ADD CONSTRAINT surge_ends
        CHECK (row -> 'surge' IS NULL OR coalesce((row #>> '{surge,until}')::bigint, 0) > 0)
    """)


def downgrade() -> None:
    """As before."""
    op.execute("ALTER TABLE queue_state DROP CONSTRAINT surge_ends")
