"""The portal's tickets, and which parts of a fanpage reply are sent. Both hold what belongs to a person: erasable."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PORTAL = """
    CREATE TABLE portal_ticket (
        pool text NOT NULL, endpoint text NOT NULL, reference text NOT NULL,
        key_hash bytea NOT NULL, body_hash bytea NOT NULL, salt bytea NOT NULL, token_hash bytea NOT NULL,
        contact_id text NOT NULL, case_id text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, endpoint, reference),
        CONSTRAINT portal_ticket_once UNIQUE (pool, endpoint, key_hash)
    );

    CREATE TABLE portal_line (
        pool text NOT NULL, endpoint text NOT NULL, reference text NOT NULL,
        number integer NOT NULL CHECK (number > 0), message_id text NOT NULL, body_hash bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, endpoint, reference, number),
        CONSTRAINT portal_line_once UNIQUE (pool, message_id)
    );
    COMMENT ON COLUMN portal_line.number IS 'what Last-Event-ID means: dense, in the order in which the lines were committed';

    CREATE TABLE portal_proof (
        pool text NOT NULL, challenge text NOT NULL, expires_at timestamptz NOT NULL,
        PRIMARY KEY (pool, challenge)
    );
    CREATE INDEX portal_proof_expires ON portal_proof (expires_at);

    CREATE TABLE portal_upload (
        pool text NOT NULL, endpoint text NOT NULL, id text NOT NULL,
        name text NOT NULL, media_type text NOT NULL, size bigint NOT NULL, sha256 text NOT NULL, bytes bytea,
        message_id text NOT NULL DEFAULT '',
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, endpoint, id)
    );
    CREATE INDEX portal_upload_unsent ON portal_upload (pool, endpoint, at) INCLUDE (size) WHERE message_id = '';
    COMMENT ON COLUMN portal_upload.bytes IS 'until the file is sent; what nobody sends goes with its row';
"""
_FANPAGE = """
    CREATE TABLE fanpage_part (
        pool text NOT NULL, delivery_id text NOT NULL, part integer NOT NULL,
        state text NOT NULL CHECK (state IN ('sending', 'sent', 'unknown')),
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, delivery_id, part)
    );

    CREATE INDEX message_files_wanted ON message (pool, position) WHERE extra ? 'attachments' AND NOT deleted AND NOT erased;
    CREATE INDEX contact_address_way ON contact_address (pool, endpoint, address);
"""


def upgrade() -> None:
    """Make the tables."""
    for script in (_PORTAL, _FANPAGE):
        for statement in script.rstrip().removesuffix(";").split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX contact_address_way, message_files_wanted")
    op.execute("DROP TABLE fanpage_part, portal_upload, portal_proof, portal_line, portal_ticket")
