"""The trace an input and a delivery belong to, where it is recorded: a W3C traceparent, which names nobody. What the schema serves.

Nullable, so that a program from before this one goes on writing.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TABLES = ("inbox", "delivery")


def upgrade() -> None:
    """Add the columns, which hold nothing else, and the place of the word."""
    for table in _TABLES:
        op.execute(f"""
            ALTER TABLE {table} ADD COLUMN traceparent text
                CONSTRAINT {table}_traceparent CHECK (traceparent ~ '^00-[0-9a-f]{{32}}-[0-9a-f]{{16}}-0[01]$')
        """)

    op.execute("""
        CREATE TABLE schema_serves (
            single boolean PRIMARY KEY DEFAULT true CHECK (single),
            oldest text NOT NULL
        )
    """)
    op.execute(
        "COMMENT ON COLUMN schema_serves.oldest IS 'the newest revision known to the oldest program that may work with it'"
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE schema_serves")
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN traceparent")
