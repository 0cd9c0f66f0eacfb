"""Mail: what left each mailbox lately, and how far each IMAP folder was read."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        CREATE TABLE mail_sent (
            pool text NOT NULL, delivery_id text NOT NULL,
            endpoint text NOT NULL, kind text NOT NULL, case_id text NOT NULL, recipient bytea NOT NULL,
            in_doubt boolean NOT NULL DEFAULT false,
            sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (pool, delivery_id)
        )
    """)
    op.execute("COMMENT ON COLUMN mail_sent.recipient IS 'a keyed digest of the address'")
    op.execute(
        "CREATE INDEX mail_sent_recipient ON mail_sent (pool, endpoint, recipient, sent_at) WHERE kind = 'acknowledgement'"
    )
    op.execute("CREATE INDEX mail_sent_case ON mail_sent (pool, case_id, sent_at)")
    op.execute("""
        CREATE TABLE imap_cursor (
            pool text NOT NULL, endpoint text NOT NULL, folder text NOT NULL,
            uid_validity bigint NOT NULL, uid bigint NOT NULL CHECK (uid >= 0),
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (pool, endpoint, folder)
        )
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE imap_cursor, mail_sent")
