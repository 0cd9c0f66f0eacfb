"""What is true of a queue itself: for which channels it is closed, and when that changes."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; a queue without opening hours has no row."""
    op.execute("""
        CREATE TABLE queue_state (
            pool text NOT NULL, id text NOT NULL, row json NOT NULL,
            PRIMARY KEY (pool, id)
        )
    """)
    op.execute("CREATE TYPE queue_record AS (id text, row json)")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TYPE queue_record")
    op.execute("DROP TABLE queue_state")
