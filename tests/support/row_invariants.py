"""The invariants asked of the tables in SQL: each statement gives what breaks one, and must give nothing.

They are said anew here, from the rows and the catalogue's document, and not by what the engine or the constraints use.
"""

# ruff: noqa: S608 - the statements are written here

from ccc_router.storage.database import Connection

_BUSY = """
    WITH capacity AS (
        SELECT profile ->> 'id' AS agent, profile -> 'capacity' AS capacity, document -> 'rules' AS rules
        FROM (SELECT document::jsonb AS document FROM catalogue WHERE pool = $1 ORDER BY version DESC LIMIT 1) c,
             jsonb_array_elements(document -> 'agents') AS profile
    ), held AS (
        SELECT a.id AS agent, c.id AS contact, c.channel, p.capacity, p.rules
        FROM agent a JOIN capacity p ON p.agent = a.id
        JOIN contact c ON c.pool = a.pool AND a.row::jsonb -> 'assignments' ? c.id WHERE a.pool = $1
    )
"""

BROKEN: dict[str, str] = {
    "I4: two pending offers of a contact": """
        SELECT contact_id, count(*) FROM offer WHERE pool = $1 AND state = 'pending' GROUP BY 1 HAVING count(*) > 1""",
    "I4: offered without a pending offer, or the other way round": """
        SELECT c.id, c.state, o.id FROM (SELECT * FROM contact WHERE pool = $1 AND state = 'offered') c
        FULL JOIN (SELECT * FROM offer WHERE pool = $1 AND state = 'pending') o ON o.contact_id = c.id AND o.id = c.offer_id
        WHERE c.id IS NULL OR o.id IS NULL""",
    "I4: an owner who does not know, or one who thinks he is": """
        SELECT c.id, c.agent_id, a.id FROM (SELECT * FROM contact WHERE pool = $1 AND agent_id <> '') c
        FULL JOIN (SELECT id, jsonb_array_elements_text(row::jsonb -> 'assignments') AS contact FROM agent
                   WHERE pool = $1 AND row::jsonb ? 'assignments') a ON a.contact = c.id AND a.id = c.agent_id
        WHERE c.id IS NULL OR a.id IS NULL""",
    "I4: an agent and his offer do not know each other": """
        SELECT a.id, o.id FROM (SELECT * FROM agent WHERE pool = $1 AND offer_id <> '') a
        FULL JOIN (SELECT * FROM offer WHERE pool = $1 AND state = 'pending') o ON o.id = a.offer_id AND o.agent_id = a.id
        WHERE a.id IS NULL OR o.id IS NULL""",
    "I5: more of a channel than he may": f"""
        {_BUSY} SELECT agent, channel, count(*) FROM held GROUP BY agent, channel, capacity
        HAVING count(*) > coalesce((capacity -> 'channels' ->> channel)::int, 0)""",
    "I5: more weight than he may": f"""
        {_BUSY} SELECT agent, sum((rules -> 'weights' ->> channel)::int) FROM held
        WHERE NOT EXISTS (SELECT 1 FROM held other WHERE other.agent = held.agent
                          AND held.rules -> 'on_top' -> other.channel ->> held.channel = 'interrupts')
        GROUP BY agent, capacity HAVING sum((rules -> 'weights' ->> channel)::int) > (capacity ->> 'total_weight')::int""",
    "I5: the loads that guard capacity are not what is carried": f"""
        {_BUSY} SELECT agent, channel, h.n, l.used FROM (SELECT agent, channel, count(*) AS n FROM held GROUP BY 1, 2) h
        FULL JOIN (SELECT id AS agent, c.channel, c.used FROM agent,
                   unnest(used[2:], ARRAY['phone', 'email', 'fanpage', 'portal', 'internal']) AS c (used, channel)
                   WHERE pool = $1 AND c.used > 0) l
        USING (agent, channel) WHERE h.n IS DISTINCT FROM l.used""",
    "I7: a lost agent is offered something": """
        SELECT o.id FROM offer o JOIN agent a ON a.pool = o.pool AND a.id = o.agent_id
        WHERE o.pool = $1 AND o.state = 'pending' AND a.lost""",
    "I9: an open contact without a next action": """
        SELECT id, state FROM contact WHERE pool = $1 AND open AND offer_id = '' AND agent_id = '' AND due = 0 AND attention = ''
        AND NOT (channel = 'phone' AND state <> 'queued')""",
    "I9: an open case without a next action": """
        SELECT k.id FROM customer_case k WHERE k.pool = $1 AND k.live AND k.due = 0 AND NOT (k.row::jsonb ? 'attention')
        AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.pool = $1 AND c.case_id = k.id AND c.open)
        AND NOT EXISTS (SELECT 1 FROM escalation e WHERE e.pool = $1 AND e.case_id = k.id AND e.live)""",
    "I12: a timer that is due and has not fired": """
        SELECT id, due FROM (SELECT id, due FROM contact WHERE pool = $1 AND open AND due > 0
                             UNION ALL SELECT id, expires_at FROM offer WHERE pool = $1 AND state = 'pending'
                             UNION ALL SELECT id, due FROM customer_case WHERE pool = $1 AND live AND due > 0
                             UNION ALL SELECT id, (row::jsonb ->> 'due_at')::bigint FROM queue_state WHERE pool = $1 AND row::jsonb ? 'due_at'
                             UNION ALL SELECT id, (row::jsonb ->> 'demand_until')::bigint FROM agent WHERE pool = $1 AND row::jsonb ? 'demand_until'
                             UNION ALL SELECT id, (row::jsonb ->> 'lost_at')::bigint FROM agent WHERE pool = $1 AND row::jsonb ? 'lost_at') t
        WHERE due > 0 AND due <= (SELECT max(at) FROM journal WHERE pool = $1)""",
    "I18: a contact in no state that is counted": """
        SELECT id, state FROM contact WHERE pool = $1
        AND open = (state IN ('closed', 'abandoned', 'deflected', 'merged', 'handed_over'))""",
    "I1: a contact that was handed over and not told of": """
        SELECT c.id FROM contact c WHERE c.pool = $1 AND c.state = 'handed_over' AND NOT EXISTS (
            SELECT 1 FROM seen s WHERE s.pool = c.row -> 'handed_over' ->> 'pool' AND s.source = 'pool:' || c.pool AND s.key = c.id)""",
    "nothing was put aside": "SELECT position, error, detail FROM parked_input WHERE pool = $1",
    "nothing is left in the inbox": "SELECT id FROM inbox WHERE pool = $1",
}

BROKEN_IN_THE_JOURNAL: dict[str, str] = {
    "I6: an offer that ended twice, or not as its row says": """
        SELECT o.id, o.state, e.ends FROM offer o LEFT JOIN (
            SELECT line ->> 'offer_id' AS id, count(*) AS ends, max(line ->> 'state') AS state FROM entry
            WHERE line ->> 'kind' = 'OfferEnded' GROUP BY 1) e ON e.id = o.id
        WHERE o.pool = $1 AND ((coalesce(e.ends, 0) = 1) = (o.state = 'pending') OR e.ends > 1 OR e.state <> o.state)""",
    "I6: offers made are offers kept": """
        SELECT e.id, o.id FROM (SELECT line ->> 'offer_id' AS id FROM entry WHERE line ->> 'kind' = 'OfferMade') e
        FULL JOIN (SELECT id FROM offer WHERE pool = $1) o ON o.id = e.id WHERE e.id IS NULL OR o.id IS NULL""",
    "I12: a timer that fired early": """
        SELECT position FROM entry WHERE line -> 'body' ->> 'kind' = 'TimerFired' AND (line -> 'body' ->> 'due')::bigint > at""",
    "I12: a timer that fired twice": """
        SELECT fired, did, count(*) FROM (  -- what a call waits for and a step of its queue may be due in one millisecond: each does its own
            SELECT (array_agg(line -> 'body' ORDER BY number))[1] AS fired, array_agg(line ->> 'kind' ORDER BY number) AS did
            FROM entry GROUP BY position HAVING bool_or(line -> 'body' ->> 'kind' = 'TimerFired')) f
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "I13: positions that are not dense, or time that goes back": """
        SELECT position FROM (SELECT position, at, number, lag(position) OVER w AS before, lag(last) OVER w AS ended, lag(at) OVER w AS earlier
                              FROM entry WHERE number = 1 WINDOW w AS (ORDER BY position)) j
        WHERE before IS NOT NULL AND (position <> ended + 1 OR at < earlier)""",
    "I18: contacts opened are contacts kept": """
        SELECT e.id, c.id FROM (SELECT line ->> 'contact_id' AS id FROM entry WHERE line ->> 'kind' = 'ContactOpened') e
        FULL JOIN (SELECT id FROM contact WHERE pool = $1) c ON c.id = e.id WHERE e.id IS NULL OR c.id IS NULL""",
    "I18: contacts that ended are those no longer open": """
        SELECT e.id, c.id FROM (  -- who had abandoned is queued again when a late event says that he chose to be called back (I3)
            SELECT DISTINCT ON (1) line ->> 'contact_id' AS id, line ->> 'kind' AS kind FROM entry
            WHERE line ->> 'kind' IN ('ContactEnded', 'ContactHandedOver', 'ContactQueued') ORDER BY 1, position DESC, number DESC) e
        FULL JOIN (SELECT id FROM contact WHERE pool = $1 AND NOT open) c ON c.id = e.id AND e.kind <> 'ContactQueued'
        WHERE (e.kind <> 'ContactQueued' OR e.id IS NULL) AND (e.id IS NULL OR c.id IS NULL)""",
    "the core found an invariant broken": "SELECT line FROM entry WHERE line ->> 'kind' = 'InvariantViolated'",
}
_ENTRIES = """
    WITH entry AS MATERIALIZED (
        SELECT position, last, at, number, line::jsonb AS line
        FROM journal, regexp_split_to_table(convert_from(body, 'UTF8'), E'\\n') WITH ORDINALITY AS lines (line, number) WHERE pool = $1)
"""
_KEYS = f"""{_ENTRIES} SELECT line ->> 'key' FROM entry WHERE number = 1 AND line ? 'key' ORDER BY position"""


async def check_rows(connection: Connection, pool: str) -> None:
    """What must be true of the rows between any two turns (I4, I5, I7, I9, I12, I18)."""
    await _check(connection, pool, BROKEN)


async def check_entries(connection: Connection, pool: str) -> None:
    """What must be true of the rows and the whole journal, whoever appended (I6, I12, I13, I18), and no input twice (I2)."""
    await _check(connection, pool, {what: _ENTRIES + statement for what, statement in BROKEN_IN_THE_JOURNAL.items()})
    keys = [row[0] for row in await connection.fetch(_KEYS, pool)]
    assert len(keys) == len(set(keys)), "I2: an input twice"


async def check_journal(connection: Connection, pool: str, appended: list[str]) -> None:
    """What must be true of the rows and the whole journal (I3, I6, I12, I13, I18); ``appended`` are the inputs' keys in their order."""
    await check_entries(connection, pool)
    keys = [row[0] for row in await connection.fetch(_KEYS, pool)]
    assert keys == appended, "I1, I2, I3: every input once and in its order"


async def _check(connection: Connection, pool: str, statements: dict[str, str]) -> None:
    parts = [
        f"SELECT {number}, t::text FROM ({statement}) t" for number, statement in enumerate(statements.values())
    ]  # one round trip
    found = await connection.fetch(" UNION ALL ".join(parts), pool)
    assert not found, [f"{list(statements)[number]}: {row}" for number, row in found]
