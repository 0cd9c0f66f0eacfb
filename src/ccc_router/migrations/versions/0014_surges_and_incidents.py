"""A surge always has an end; incidents, which many cases have in common."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Refuse a surge that nothing would end, and an incident that is over but for the memory, or told nobody how."""
    op.execute("""
        ALTER TABLE queue_state ADD CONSTRAINT surge_ends
        CHECK (row -> 'surge' IS NULL OR coalesce((row #>> '{surge,until}')::bigint, 0) > 0)
    """)
    op.execute("""
        CREATE TABLE incident (
            pool text NOT NULL, id text NOT NULL, live boolean NOT NULL, row json NOT NULL,
            PRIMARY KEY (pool, id),
            CONSTRAINT incident_over CHECK (live = (row -> 'resolved_at' IS NULL) AND live = (row -> 'outcome_id' IS NULL))
        )
    """)
    op.execute("CREATE TYPE incident_record AS (id text, live boolean, row json)")


def downgrade() -> None:
    """As before."""
    op.execute("DROP TYPE incident_record")
    op.execute("DROP TABLE incident")
    op.execute("ALTER TABLE queue_state DROP CONSTRAINT surge_ends")
