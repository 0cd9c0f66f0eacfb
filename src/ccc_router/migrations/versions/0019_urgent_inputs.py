"""What must not wait behind a storm of new contacts: inputs that people and our own watch give are told apart from what channels bring.

The column is worked out by the database from the input's source, so whoever writes into the inbox, in whatever version, cannot forget it.
Visitors' commands are not among them: they follow a form that may still be waiting. Of the deliveries, those that stand behind another of
their lane have no due time of their own (`infinity`); the index finds their lanes, however many wait in each.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both."""
    op.execute("""
        ALTER TABLE inbox ADD COLUMN urgent boolean NOT NULL
        GENERATED ALWAYS AS (source ~ '^(agent|supervisor|admin|department|system):' OR source = 'heartbeats') STORED
    """)
    op.execute("CREATE INDEX inbox_urgent ON inbox (pool, id) WHERE urgent")
    op.execute("CREATE INDEX delivery_behind ON delivery (kind, pool, lane) WHERE state = 'owed' AND due = 'infinity'")


def downgrade() -> None:
    """The other way; what stood behind is looked at again."""
    op.execute("DROP INDEX delivery_behind")
    op.execute("UPDATE delivery SET due = clock_timestamp() WHERE state = 'owed' AND due = 'infinity'")
    op.execute("DROP INDEX inbox_urgent")
    op.execute("ALTER TABLE inbox DROP COLUMN urgent")
