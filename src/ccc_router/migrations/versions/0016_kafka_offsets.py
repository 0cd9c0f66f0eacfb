"""How far each partition of a pool's Kafka topic was taken: written in the transaction of what was taken, moved back only with the topic.

``mark`` is a digest of the last record taken. Should another record be found in its place, the topic is another one by now.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and what guards it."""
    op.execute("""
        CREATE TABLE kafka_offset (
            pool text NOT NULL, topic text NOT NULL, partition integer NOT NULL,
            next bigint NOT NULL, mark bytea NOT NULL,
            PRIMARY KEY (pool, topic, partition),
            CONSTRAINT kafka_offset_is_one CHECK (partition >= 0 AND next >= 0)
        )
    """)
    op.execute("""
        CREATE FUNCTION refuse_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'partition % of % goes back from % to %', NEW.partition, NEW.topic, OLD.next, NEW.next
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'kafka_offset_only_forward'; END $$
    """)
    op.execute("""
        CREATE TRIGGER only_forward BEFORE UPDATE ON kafka_offset FOR EACH ROW
        WHEN (NEW.next < OLD.next) EXECUTE FUNCTION refuse_going_back()
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE kafka_offset")
    op.execute("DROP FUNCTION refuse_going_back()")
