"""Sightings of a switch's channels, kept until they are facts (`channels.phone.ari.store`). They hold callers' numbers, so not for long."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SIGHTING = """
    CREATE TABLE phone_sighting (
        id bigint GENERATED ALWAYS AS IDENTITY,
        pool text NOT NULL, endpoint text NOT NULL, key text NOT NULL, body bytea NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, endpoint, id),
        CONSTRAINT phone_sighting_once UNIQUE (pool, endpoint, key)
    );
    CREATE INDEX phone_sighting_at ON phone_sighting USING brin (seen_at);
"""


def upgrade() -> None:
    """Make the table."""
    for statement in _SIGHTING.rstrip().removesuffix(";").split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE phone_sighting")
