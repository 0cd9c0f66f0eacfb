"""How far a pool's journal was relayed to a topic: what every broker acknowledged, never moved back.

``at`` is when it was moved last, on the database's clock. Who wants a journal relayed from its beginning deletes the row.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and what guards it."""
    op.execute("""
        CREATE TABLE relay (
            pool text NOT NULL, topic text NOT NULL,
            position bigint NOT NULL DEFAULT 0, at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (pool, topic),
            CONSTRAINT relay_position_is_one CHECK (position >= 0)
        ) WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE FUNCTION refuse_relaying_back() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the relay of % to % goes back from % to %', NEW.pool, NEW.topic, OLD.position, NEW.position
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'relay_only_forward'; END $$
    """)
    op.execute("""
        CREATE TRIGGER only_forward BEFORE UPDATE ON relay FOR EACH ROW
        WHEN (NEW.position < OLD.position) EXECUTE FUNCTION refuse_relaying_back()
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE relay")
    op.execute("DROP FUNCTION refuse_relaying_back()")
