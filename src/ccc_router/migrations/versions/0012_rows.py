"""Fewer and plainer rows for a contact's life: what the engine writes in great numbers is what its speed depends on.

A journal row holds an input with the decisions it caused, a line each, in place of a row an entry (``journal_entry`` shows them
one by one, to people). Rows of the state bring their columns along, so that the server reads no documents, and no index
follows a contact from hand to hand. Dedup keys remember their input, which the inbox then need not find by key.
"""

from typing import Final

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATE: Final = ("contact", "offer", "agent", "customer_case", "escalation")
_TYPES: Final = {
    "journal_row": "position bigint, last bigint, at bigint, body bytea",
    "contact_record": (
        "id text, case_id text, customer_id text, channel text, endpoint text, queue text, state text, agent_id text, "
        "offer_id text, attention text, arrived_at bigint, answered_at bigint, since bigint, due bigint, open boolean, "
        "live boolean, row json"
    ),
    "offer_record": (
        "id text, contact_id text, agent_id text, state text, made_at bigint, expires_at bigint, ended_at bigint, row json"
    ),
    "agent_record": "id text, presence text, reason text, lost boolean, offer_id text, since bigint, row json",
    "case_record": (
        "id text, customer_id text, state text, reference text, topic text, kind text, province text, knows text, "
        "opened_at bigint, due bigint, live boolean, row json"
    ),
    "escalation_record": (
        "id text, case_id text, contact_id text, department text, state text, raised_at bigint, due bigint, live boolean, "
        "row json"
    ),
}
_INDEXES: Final = {
    "contact_owner": "contact (pool, agent_id) WHERE open AND agent_id <> ''",
    "contact_open": "contact (pool, queue) WHERE open",
    "contact_live": "contact (pool) WHERE live",
    "customer_case_knows": "customer_case (pool, knows) WHERE knows <> ''",
}
# I6, as before; but a document as text has no equality of its own.
_ENDS_ONCE: Final = """
    CREATE TRIGGER ends_once BEFORE UPDATE ON offer FOR EACH ROW WHEN (OLD.state <> 'pending' AND {changed})
        EXECUTE FUNCTION refuse_second_end()
"""
_CHANGED: Final = (
    "(OLD.contact_id, OLD.agent_id, OLD.state, OLD.expires_at, OLD.ended_at, OLD.row::text) IS DISTINCT FROM "
    "(NEW.contact_id, NEW.agent_id, NEW.state, NEW.expires_at, NEW.ended_at, NEW.row::text)"
)
_JOURNAL: Final = """
    CREATE TABLE journal (
        pool text NOT NULL, position bigint NOT NULL, {columns},
        PRIMARY KEY (pool, position),
        {check}
    ) PARTITION BY LIST (pool)
"""
_BY_INPUT: Final = _JOURNAL.format(
    columns="last bigint NOT NULL, at bigint NOT NULL, core_version integer NOT NULL, body bytea NOT NULL",
    check="CHECK (position <= last)",
)
_BY_ENTRY: Final = _JOURNAL.format(
    columns="at bigint NOT NULL, cause bigint NOT NULL, core_version integer NOT NULL, kind text NOT NULL, body bytea NOT NULL",
    check="CHECK (cause <= position)",
)
_TRIGGERS: Final = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)
_ENTRIES: Final = """
    CREATE VIEW journal_entry AS
    SELECT j.pool, j.position + e.number - 1 AS position, j.at, j.position AS cause, j.core_version,
           coalesce(e.line::json ->> 'kind', e.line::json -> 'body' ->> 'kind') AS kind, convert_to(e.line, 'UTF8') AS body
    FROM journal j, string_to_table(convert_from(j.body, 'UTF8'), chr(10)) WITH ORDINALITY AS e (line, number)
"""
# The names are those of `events.partitions`.
_PARTITIONS: Final = """
DO $$
DECLARE found record; parent text;
BEGIN
    FOR found IN SELECT DISTINCT pool, position / 10000000 AS part FROM moved LOOP
        parent := 'journal_' || left(regexp_replace(lower(found.pool), '[^a-z0-9]', '', 'g'), 20) || '_'
                  || left(encode(sha256(convert_to(found.pool, 'UTF8')), 'hex'), 10);
        IF to_regclass(parent) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF journal FOR VALUES IN (%L) PARTITION BY RANGE (position)',
                           parent, found.pool);
        END IF;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', parent || '_' || found.part, parent,
                       found.part * 10000000, (found.part + 1) * 10000000);
    END LOOP;
END $$
"""
# A chain over rows of another shape has other hashes; it is made anew, from the same entries.
_CHAIN: Final = """
DO $$
DECLARE batch record; known bytea; whole bytea; pool_before text := NULL;
BEGIN
    FOR batch IN SELECT * FROM journal_batch ORDER BY pool, last LOOP
        IF batch.pool IS DISTINCT FROM pool_before THEN
            known := sha256('ccc-router journal'::bytea);
            pool_before := batch.pool;
        END IF;
        SELECT string_agg(convert_to(head || chr(10), 'UTF8') || body, '' ORDER BY position) INTO whole FROM (
            SELECT position, body, {head} AS head FROM journal
            WHERE pool = batch.pool AND position BETWEEN batch.first AND batch.last) AS of_batch;
        UPDATE journal_batch SET previous = known, hash = sha256(known || whole) WHERE pool = batch.pool AND last = batch.last;
        known := sha256(known || whole);
    END LOOP;
END $$
"""
_HEAD_BY_INPUT: Final = "concat_ws(' ', position, last, at, core_version, length(body))"
_HEAD_BY_ENTRY: Final = "concat_ws(' ', position, at, cause, core_version, kind, length(body))"


def upgrade() -> None:
    """Make them, and bring what is there into the new shape."""
    for name, fields in _TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ({fields})")
    op.execute("DROP TRIGGER ends_once ON offer")
    for table in _STATE:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN row TYPE json USING row::json")
    op.execute(_ENDS_ONCE.format(changed=_CHANGED))
    for name in _INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.execute("CREATE INDEX contact_live ON contact (pool, queue) WHERE live")
    op.execute("ALTER TABLE seen ADD COLUMN inbox_id bigint")
    op.execute(
        "UPDATE seen s SET inbox_id = i.id FROM inbox i WHERE (i.pool, i.source, i.key) = (s.pool, s.source, s.key)"
    )
    op.execute("ALTER TABLE inbox DROP CONSTRAINT inbox_once")
    op.execute("""
        CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        SELECT pool, cause AS position, max(position) AS last, min(at) AS at, min(core_version) AS core_version,
               string_agg(body, convert_to(chr(10), 'UTF8') ORDER BY position) AS body
        FROM journal GROUP BY pool, cause
    """)
    _replace_journal(_BY_INPUT)
    op.execute("INSERT INTO journal SELECT * FROM moved")
    op.execute("CREATE TEMPORARY TABLE traced ON COMMIT DROP AS SELECT pool, contact_id, first FROM trace")
    op.execute("DROP TABLE trace")
    op.execute("""
        CREATE TABLE trace (
            pool text NOT NULL, contact_id text NOT NULL, position bigint NOT NULL,
            PRIMARY KEY (pool, contact_id, position)
        )
    """)
    op.execute("INSERT INTO trace SELECT * FROM traced")
    op.execute(_ENTRIES)
    _chain_anew(_HEAD_BY_INPUT)


def downgrade() -> None:
    """The other way."""
    op.execute("""
        CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        SELECT pool, position, at, cause, core_version, kind, body FROM journal_entry
    """)
    op.execute("""
        CREATE TEMPORARY TABLE traced ON COMMIT DROP AS
        SELECT pool, contact_id, position AS first, last FROM trace JOIN journal USING (pool, position)
    """)
    op.execute("DROP VIEW journal_entry")
    _replace_journal(_BY_ENTRY)
    op.execute("COMMENT ON COLUMN journal.cause IS 'position of the input that caused the entry; its own for an input'")
    op.execute("INSERT INTO journal SELECT * FROM moved")
    op.execute("DROP TABLE trace")
    op.execute("""
        CREATE TABLE trace (
            pool text NOT NULL, contact_id text NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
            PRIMARY KEY (pool, contact_id, first)
        )
    """)
    op.execute("INSERT INTO trace SELECT * FROM traced")
    _chain_anew(_HEAD_BY_ENTRY)
    op.execute("ALTER TABLE inbox ADD CONSTRAINT inbox_once UNIQUE (pool, source, key)")
    op.execute("ALTER TABLE seen DROP COLUMN inbox_id")
    op.execute("DROP INDEX contact_live")
    for name, on in _INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {on}")
    op.execute("DROP TRIGGER ends_once ON offer")
    for table in _STATE:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN row TYPE jsonb USING row::jsonb")
    op.execute(_ENDS_ONCE.format(changed="OLD.* IS DISTINCT FROM NEW.*"))
    for name in _TYPES:
        op.execute(f"DROP TYPE {name}")


def _replace_journal(made: str) -> None:
    op.execute("DROP TABLE journal")
    op.execute(made)
    op.execute(_PARTITIONS)
    for trigger in _TRIGGERS:
        op.execute(trigger)


def _chain_anew(head: str) -> None:
    op.execute("ALTER TABLE journal_batch DISABLE TRIGGER append_only")
    op.execute(_CHAIN.format(head=head))
    op.execute("ALTER TABLE journal_batch ENABLE TRIGGER append_only")
