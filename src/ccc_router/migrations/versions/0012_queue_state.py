"""What is true of a queue itself: for which channels it is closed, and when that changes."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; a queue without opening hours has no row."""
    op.execute("""
        CREATE TABLE queue_state (
            pool text NOT NULL, id text NOT NULL, row jsonb NOT NULL,
            PRIMARY KEY (pool, id)
        )
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE queue_state")
