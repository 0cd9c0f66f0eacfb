"""What is owed: deliveries in lanes, every attempt, the departments' endpoints and their single-use links.

``delivery.due`` is when it may be tried next, and while a worker has it, when its claim is over: a crashed worker's claim
returns by itself. ``position`` is that of its decision in the journal, so it orders a lane.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DELIVERY = """
    CREATE TABLE delivery (
        pool text NOT NULL, id text NOT NULL, position bigint NOT NULL,
        kind text NOT NULL, lane text NOT NULL, target text NOT NULL,
        contact_id text NOT NULL DEFAULT '', case_id text NOT NULL DEFAULT '',
        escalation_id text NOT NULL DEFAULT '', message_id text NOT NULL DEFAULT '',
        type text NOT NULL DEFAULT '', command text NOT NULL DEFAULT '', data jsonb NOT NULL DEFAULT '{}',
        state text NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'sent', 'failed', 'unknown', 'parked')),
        due timestamptz NOT NULL DEFAULT clock_timestamp(), not_after timestamptz,
        attempts integer NOT NULL DEFAULT 0, tries integer NOT NULL DEFAULT 0,
        claimed_by text NOT NULL DEFAULT '',
        last_error text NOT NULL DEFAULT '', external_id text NOT NULL DEFAULT '', body bytea,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pool, id)
    ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
    COMMENT ON COLUMN delivery.attempts IS 'attempts in all. tries: since it was last owed, which the schedule counts';
    CREATE INDEX delivery_due ON delivery (kind, due, id) WHERE state = 'owed';
    CREATE INDEX delivery_lane ON delivery (pool, lane, position) WHERE state = 'owed';
    CREATE INDEX delivery_seen_by_people ON delivery (pool, state, updated_at DESC, id) WHERE state IN ('parked', 'failed', 'unknown');
    CREATE INDEX delivery_escalation ON delivery (pool, escalation_id, position) WHERE escalation_id <> '';

    CREATE TABLE delivery_attempt (
        pool text NOT NULL, delivery_id text NOT NULL, number integer NOT NULL,
        worker text NOT NULL, began_at timestamptz NOT NULL,
        ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        outcome text NOT NULL, reason text NOT NULL,
        PRIMARY KEY (pool, delivery_id, number)
    );
    CREATE INDEX delivery_attempt_at ON delivery_attempt USING brin (ended_at);
"""

_DEPARTMENTS = """
    CREATE TABLE department_endpoint (
        pool text NOT NULL, department text NOT NULL,
        failures integer NOT NULL DEFAULT 0, open_until timestamptz,
        disabled_at timestamptz, disabled_reason text NOT NULL DEFAULT '',
        enabled_by text NOT NULL DEFAULT '', last_success_at timestamptz,
        PRIMARY KEY (pool, department)
    ) WITH (fillfactor = 50);
    COMMENT ON COLUMN department_endpoint.open_until IS 'the breaker: nothing is tried before';

    -- Links in mails to departments without a system. Only the token's hash is here.
    CREATE TABLE department_link (
        token_hash bytea PRIMARY KEY, pool text NOT NULL,
        escalation_id text NOT NULL, department text NOT NULL, delivery_id text NOT NULL,
        action text NOT NULL CHECK (action IN ('acknowledge', 'answer')),
        expires_at timestamptz NOT NULL, used_at timestamptz
    );
    CREATE INDEX department_link_delivery ON department_link (pool, delivery_id);
    CREATE INDEX department_link_expires ON department_link (expires_at);
"""


def upgrade() -> None:
    """Make the tables."""
    for script in (_DELIVERY, _DEPARTMENTS):
        for statement in script.rstrip().removesuffix(";").split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE department_link, department_endpoint, delivery_attempt, delivery")
