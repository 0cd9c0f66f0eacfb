"""The state of a pool as rows, and the erasable part: customers, handles, texts.

Each state table has the columns that people ask by or that a constraint guards, and ``row``: the whole row of the core.
The constraints repeat the invariants, so that a bug in the core becomes a parked input and not a double offer.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CONTACT = """
    CREATE TABLE contact (
        pool text NOT NULL, id text NOT NULL,
        case_id text NOT NULL, customer_id text NOT NULL,
        channel text NOT NULL, endpoint text NOT NULL, queue text NOT NULL, state text NOT NULL,
        agent_id text NOT NULL, offer_id text NOT NULL, attention text NOT NULL,
        arrived_at bigint NOT NULL, answered_at bigint NOT NULL, since bigint NOT NULL, due bigint NOT NULL,
        open boolean NOT NULL, live boolean NOT NULL,
        row jsonb NOT NULL,
        PRIMARY KEY (pool, id),
        CONSTRAINT contact_state CHECK (state IN ('arrived', 'queued', 'offered', 'connecting', 'active', 'held', 'waiting',
            'wrap_up', 'closed', 'abandoned', 'deflected', 'merged', 'handed_over')),
        -- I4: while it is offered nobody owns it, and whoever has it holds it alone.
        CONSTRAINT contact_one_holder CHECK (state <> 'offered' OR (offer_id <> '' AND agent_id = '')),
        CONSTRAINT contact_owner_knows CHECK (agent_id = '' OR state NOT IN ('arrived', 'queued', 'offered'))
    ) WITH (fillfactor = 70);
    CREATE INDEX contact_live ON contact (pool) WHERE live;
    CREATE INDEX contact_open ON contact (pool, queue) WHERE open;
    CREATE INDEX contact_case ON contact (pool, case_id);
    CREATE INDEX contact_arrived ON contact USING brin (arrived_at);
    COMMENT ON COLUMN contact.live IS 'part of the state in memory';
"""

# I9: every open contact has a next action: an offer, a person or a timer; a tracked call (never offered) has its switch.
_NEXT_ACTION = """
    ALTER TABLE contact ADD CONSTRAINT contact_next_action
        CHECK (NOT open OR offer_id <> '' OR agent_id <> '' OR due > 0 OR attention <> ''
            OR (channel = 'phone' AND state <> 'queued'));
"""

_PEOPLE = """
    CREATE TABLE offer (
        pool text NOT NULL, id text NOT NULL,
        contact_id text NOT NULL, agent_id text NOT NULL, state text NOT NULL,
        made_at bigint NOT NULL, expires_at bigint NOT NULL, ended_at bigint NOT NULL,
        row jsonb NOT NULL,
        PRIMARY KEY (pool, id),
        CONSTRAINT offer_state CHECK (state IN ('pending', 'accepted', 'declined', 'expired', 'rescinded')),
        CONSTRAINT offer_ends CHECK ((state = 'pending') = (ended_at = 0))
    ) WITH (fillfactor = 80);
    CREATE UNIQUE INDEX offer_one_a_contact ON offer (pool, contact_id) WHERE state = 'pending';
    CREATE UNIQUE INDEX offer_one_an_agent ON offer (pool, agent_id) WHERE state = 'pending';
    CREATE INDEX offer_contact ON offer (pool, contact_id);

    -- I6: an offer ends exactly once.
    CREATE FUNCTION refuse_second_end() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'offer % is over', OLD.id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'offer_ends_once'; END $$;
    CREATE TRIGGER ends_once BEFORE UPDATE ON offer FOR EACH ROW WHEN (OLD.state <> 'pending' AND OLD.* IS DISTINCT FROM NEW.*)
        EXECUTE FUNCTION refuse_second_end();

    CREATE TABLE agent (
        pool text NOT NULL, id text NOT NULL,
        presence text NOT NULL, reason text NOT NULL, lost boolean NOT NULL, offer_id text NOT NULL, since bigint NOT NULL,
        row jsonb NOT NULL,
        PRIMARY KEY (pool, id)
    ) WITH (fillfactor = 50);

    -- I5: capacity is never exceeded. over is what a person ordered (a supervisor's assignment) or a new catalogue took away.
    CREATE TABLE agent_load (
        pool text NOT NULL, agent_id text NOT NULL, channel text NOT NULL,
        used integer NOT NULL CHECK (used >= 0), cap integer NOT NULL CHECK (cap >= 0), over integer NOT NULL CHECK (over >= 0),
        PRIMARY KEY (pool, agent_id, channel),
        CONSTRAINT agent_load_within CHECK (used <= cap + over)
    ) WITH (fillfactor = 50);
    COMMENT ON COLUMN agent_load.channel IS 'a channel counted in assignments, or * for the total weight';

    CREATE TABLE heartbeat (
        pool text NOT NULL, agent_id text NOT NULL, at timestamptz NOT NULL,
        PRIMARY KEY (pool, agent_id)
    ) WITH (fillfactor = 50);
"""

_CASES = """
    CREATE TABLE customer_case (
        pool text NOT NULL, id text NOT NULL,
        customer_id text NOT NULL, state text NOT NULL, reference text NOT NULL,
        topic text NOT NULL, kind text NOT NULL, province text NOT NULL, knows text NOT NULL,
        opened_at bigint NOT NULL, due bigint NOT NULL, live boolean NOT NULL,
        row jsonb NOT NULL,
        PRIMARY KEY (pool, id),
        CONSTRAINT case_state CHECK (state IN ('open', 'waiting_customer', 'escalated', 'resolved', 'closed'))
    ) WITH (fillfactor = 70);
    CREATE INDEX customer_case_live ON customer_case (pool) WHERE live;
    CREATE INDEX customer_case_customer ON customer_case (pool, customer_id);
    CREATE UNIQUE INDEX customer_case_reference ON customer_case (pool, reference) WHERE reference <> '';
    CREATE INDEX customer_case_opened ON customer_case (pool, opened_at);

    CREATE TABLE escalation (
        pool text NOT NULL, id text NOT NULL,
        case_id text NOT NULL, contact_id text NOT NULL, department text NOT NULL, state text NOT NULL,
        raised_at bigint NOT NULL, due bigint NOT NULL, live boolean NOT NULL,
        row jsonb NOT NULL,
        PRIMARY KEY (pool, id)
    ) WITH (fillfactor = 70);
    CREATE INDEX escalation_live ON escalation (pool) WHERE live;
    CREATE INDEX escalation_department ON escalation (pool, department, raised_at);
    CREATE INDEX escalation_case ON escalation (pool, case_id);

    CREATE TABLE catalogue (
        pool text NOT NULL, version integer NOT NULL CHECK (version > 0),
        document jsonb NOT NULL, position bigint NOT NULL, activated_by text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, version)
    );
"""

_ERASABLE = """
    CREATE TABLE customer (
        pool text NOT NULL, id text NOT NULL,
        name text NOT NULL DEFAULT '', search_key text NOT NULL DEFAULT '', created_at bigint NOT NULL,
        PRIMARY KEY (pool, id)
    );
    CREATE INDEX customer_search ON customer (pool, search_key text_pattern_ops);

    -- A verified handle belongs to one customer; one that is only claimed counts on the channel where it was seen (R: one
    -- customer on two channels is the same only by a verified handle).
    CREATE TABLE handle (
        pool text NOT NULL, kind text NOT NULL, value text NOT NULL, channel text NOT NULL,
        customer_id text NOT NULL, verified boolean NOT NULL, evidence text NOT NULL DEFAULT '', at bigint NOT NULL,
        PRIMARY KEY (pool, kind, value, channel),
        CONSTRAINT handle_scope CHECK (verified = (channel = ''))
    );
    CREATE INDEX handle_customer ON handle (pool, customer_id);

    CREATE TABLE message (
        pool text NOT NULL, id text NOT NULL,
        contact_id text NOT NULL, case_id text NOT NULL, escalation_id text NOT NULL DEFAULT '', number integer NOT NULL,
        direction text NOT NULL CHECK (direction IN ('inbound', 'outbound', 'internal')),
        visibility text NOT NULL, author text NOT NULL, form text NOT NULL,
        subject text NOT NULL DEFAULT '', text text NOT NULL DEFAULT '', full_text text NOT NULL DEFAULT '', html text NOT NULL DEFAULT '',
        salt bytea, digest text NOT NULL DEFAULT '',
        at bigint NOT NULL, position bigint NOT NULL,
        external_ref text NOT NULL DEFAULT '', delivery_id text NOT NULL DEFAULT '', delivery_state text NOT NULL DEFAULT '',
        mark text NOT NULL DEFAULT '', deleted boolean NOT NULL DEFAULT false, erased boolean NOT NULL DEFAULT false,
        attachments jsonb NOT NULL DEFAULT '[]', extra jsonb NOT NULL DEFAULT '{}',
        PRIMARY KEY (pool, id)
    );
    CREATE INDEX message_contact ON message (pool, contact_id, number);
    CREATE INDEX message_case ON message (pool, case_id, position);
    CREATE INDEX message_external ON message (pool, external_ref) WHERE external_ref <> '';

    CREATE TABLE ref (
        pool text NOT NULL, ref text NOT NULL,
        case_id text NOT NULL, contact_id text NOT NULL, message_id text NOT NULL,
        PRIMARY KEY (pool, ref)
    );
    CREATE INDEX ref_contact ON ref (pool, contact_id);

    CREATE TABLE contact_address (
        pool text NOT NULL, contact_id text NOT NULL,
        endpoint text NOT NULL, address text NOT NULL, name text NOT NULL, subject text NOT NULL,
        handle_kind text NOT NULL, handle_value text NOT NULL, extra jsonb NOT NULL DEFAULT '{}',
        PRIMARY KEY (pool, contact_id)
    );

    CREATE TABLE attachment (
        pool text NOT NULL, id text NOT NULL,
        message_id text NOT NULL, contact_id text NOT NULL, name text NOT NULL, media_type text NOT NULL, size bigint NOT NULL,
        sha256 text NOT NULL, inline boolean NOT NULL,
        PRIMARY KEY (pool, id)
    );
    CREATE INDEX attachment_contact ON attachment (pool, contact_id);

    CREATE TABLE blob (
        sha256 text PRIMARY KEY, media_type text NOT NULL, size bigint NOT NULL, bytes bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
"""


def upgrade() -> None:
    """Make the tables and their guards."""
    for script in (_CONTACT, _NEXT_ACTION, _PEOPLE, _CASES, _ERASABLE):
        for statement in script.rstrip().removesuffix(";").split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute(
        "DROP TABLE blob, attachment, contact_address, ref, message, handle, customer, catalogue, escalation, "
        "customer_case, heartbeat, agent_load, agent, offer, contact"
    )
    op.execute("DROP FUNCTION refuse_second_end()")
