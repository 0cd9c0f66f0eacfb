"""The trace an input and a delivery belong to, where it is recorded: a W3C traceparent, which names nobody.

Nullable, so that a program from before this one goes on writing.
"""

from alembic import op

revision = "0021"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLES = ("inbox", "delivery")


def upgrade() -> None:
    """Add the columns; what could hold anything else is refused."""
    for table in _TABLES:
        op.execute(f"""
            ALTER TABLE {table} ADD COLUMN traceparent text
                CONSTRAINT {table}_traceparent CHECK (traceparent ~ '^00-[0-9a-f]{{32}}-[0-9a-f]{{16}}-0[01]$')
        """)


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN traceparent")
