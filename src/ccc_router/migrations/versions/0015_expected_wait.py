"""The rank of a contact as a column, so that places in line are counted without reading documents; what waits were expected to be.

The rank changes only when a person changes the priority, and joins the one index of open contacts: no update gets dearer by it. What an
older program beside this one writes has rank 0 until it is written again.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both, and fill the column from the rows."""
    op.execute("ALTER TABLE contact ADD COLUMN rank bigint NOT NULL DEFAULT 0")
    op.execute("UPDATE contact SET rank = coalesce((row ->> 'rank')::bigint, 0) WHERE live")
    op.execute("DROP INDEX contact_live")
    op.execute("CREATE INDEX contact_live ON contact (pool, queue, rank) WHERE live")
    op.execute("""
        CREATE TYPE ranked_contact_record AS (
            id text, case_id text, customer_id text, channel text, endpoint text, queue text, state text, agent_id text,
            offer_id text, attention text, arrived_at bigint, answered_at bigint, since bigint, due bigint, open boolean,
            live boolean, rank bigint, row json
        )
    """)
    op.execute("""
        CREATE TABLE expected_wait (
            pool text NOT NULL, contact_id text NOT NULL,
            queue text NOT NULL, channel text NOT NULL, at bigint NOT NULL, ahead real NOT NULL,
            p20_ms bigint NOT NULL, p50_ms bigint NOT NULL, p80_ms bigint NOT NULL,
            PRIMARY KEY (pool, contact_id),
            CONSTRAINT expected_wait_grows CHECK (0 <= p20_ms AND p20_ms <= p50_ms AND p50_ms <= p80_ms)
        )
    """)
    op.execute("CREATE INDEX expected_wait_at ON expected_wait (pool, at)")
    op.execute("COMMENT ON COLUMN expected_wait.at IS 'when it was foretold (engine ms); the waits count from then'")


def downgrade() -> None:
    """The other way."""
    op.execute("DROP TABLE expected_wait")
    op.execute("DROP TYPE ranked_contact_record")
    op.execute("DROP INDEX contact_live")
    op.execute("CREATE INDEX contact_live ON contact (pool, queue) WHERE live")
    op.execute("ALTER TABLE contact DROP COLUMN rank")
