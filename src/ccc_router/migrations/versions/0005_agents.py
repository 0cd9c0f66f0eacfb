"""What agents keep before it is anybody's fact: uploads for a message to come, unfinished answers."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = (
    """
    CREATE TABLE upload (
        pool text NOT NULL, id text NOT NULL,
        owner text NOT NULL, name text NOT NULL, media_type text NOT NULL, size bigint NOT NULL, sha256 text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, id)
    )""",
    "CREATE INDEX upload_at ON upload USING brin (at)",
    """
    CREATE TABLE draft (
        pool text NOT NULL, contact_id text NOT NULL, agent_id text NOT NULL,
        text text NOT NULL, at bigint NOT NULL,
        PRIMARY KEY (pool, contact_id, agent_id)
    )""",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE draft, upload")
