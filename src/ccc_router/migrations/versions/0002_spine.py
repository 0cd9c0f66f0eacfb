"""The spine: what comes in (inbox, dedup keys, raw deliveries), what was decided (journal), what callers wait for (outcomes).

Times that the engine decides by are bigint milliseconds of engine time; times of the database's clock are timestamptz.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Rows that live for milliseconds: vacuum early, by count and not by share, so that reading the head of the inbox stays cheap.
_SHORT_LIVED = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.5"
)

_INCOMING = f"""
    CREATE TABLE seen (
        pool text NOT NULL, source text NOT NULL, key text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, source, key)
    );
    CREATE INDEX seen_at ON seen USING brin (at);

    CREATE TABLE inbox (
        id bigint GENERATED ALWAYS AS IDENTITY,
        pool text NOT NULL, source text NOT NULL, key text NOT NULL,
        body bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, id),
        CONSTRAINT inbox_once UNIQUE (pool, source, key)
    ) WITH ({_SHORT_LIVED});

    CREATE TABLE raw_delivery (
        pool text NOT NULL, raw_id text NOT NULL, endpoint text NOT NULL, channel text NOT NULL,
        received_at timestamptz NOT NULL,
        method text NOT NULL, path text NOT NULL, query text NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL,
        state text NOT NULL CHECK (state IN ('parsed', 'ignored', 'unreadable')),
        PRIMARY KEY (pool, raw_id)
    );
    CREATE INDEX raw_delivery_at ON raw_delivery USING brin (received_at);
    CREATE INDEX raw_delivery_unreadable ON raw_delivery (pool, endpoint, received_at) WHERE state = 'unreadable';

    CREATE TABLE parked_input (
        pool text NOT NULL, position bigint NOT NULL,
        source text NOT NULL, key text NOT NULL, body bytea NOT NULL,
        error text NOT NULL, detail text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, position)
    );
"""

_JOURNAL = """
    CREATE TABLE journal (
        pool text NOT NULL, position bigint NOT NULL,
        at bigint NOT NULL, cause bigint NOT NULL, core_version integer NOT NULL, kind text NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (pool, position),
        CHECK (cause <= position)
    ) PARTITION BY LIST (pool);
    COMMENT ON COLUMN journal.cause IS 'position of the input that caused the entry; its own for an input';

    -- Of each commit: the hash over the commit before and every entry as stored.
    CREATE TABLE journal_batch (
        pool text NOT NULL, last bigint NOT NULL, first bigint NOT NULL,
        previous bytea NOT NULL, hash bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, last),
        UNIQUE (pool, first),
        CHECK (first <= last)
    );

    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only'; END $$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_batch FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON journal_batch FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    -- Which entries touched a contact: its timeline and its why without an index over the whole journal.
    CREATE TABLE trace (
        pool text NOT NULL, contact_id text NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
        PRIMARY KEY (pool, contact_id, first)
    );
"""

_OUTCOMES = """
    CREATE TABLE outcome (
        pool text NOT NULL, source text NOT NULL, key text NOT NULL,
        status smallint NOT NULL, body bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, source, key)
    );
    CREATE INDEX outcome_at ON outcome USING brin (at);

    CREATE TABLE idempotency (
        pool text NOT NULL, scope text NOT NULL, key text NOT NULL,
        digest bytea NOT NULL, command_key text NOT NULL,
        status smallint, media_type text NOT NULL DEFAULT '', body bytea,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, scope, key)
    );
    CREATE INDEX idempotency_at ON idempotency USING brin (at);
    COMMENT ON COLUMN idempotency.scope IS 'principal, method and route';
    COMMENT ON COLUMN idempotency.command_key IS 'the command''s key in the inbox: a repetition meets the same outcome';
"""


def upgrade() -> None:
    """Make the tables."""
    for script in (_INCOMING, _JOURNAL, _OUTCOMES):
        for statement in script.rstrip().removesuffix(";").split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute(
        "DROP TABLE idempotency, outcome, trace, journal_batch, journal, parked_input, raw_delivery, inbox, seen"
    )
    op.execute("DROP FUNCTION refuse_change()")
