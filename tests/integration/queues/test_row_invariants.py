"""What `tests/support/row_invariants.py` asks of the rows is answered: each statement finds the row that breaks what it is about."""

# ruff: noqa: S608 - statements of the test's own making

import asyncio

from ccc_router.events.vocabulary import Channel
from ccc_router.storage.database import Database
from tests.support.database import Server
from tests.support.engine_world import EngineWorld
from tests.support.row_invariants import check_journal, check_rows
from tests.support.world import a_catalogue, an_agent

_UNGUARDED = """
    ALTER TABLE contact DROP CONSTRAINT contact_next_action, DROP CONSTRAINT contact_one_holder, DROP CONSTRAINT contact_owner_knows;
    ALTER TABLE offer DROP CONSTRAINT offer_ends, DISABLE TRIGGER USER; ALTER TABLE agent DROP CONSTRAINT agent_within;
    DROP INDEX offer_one_a_contact, offer_one_an_agent; ALTER TABLE journal DISABLE TRIGGER USER;
"""
_QUEUED = "(SELECT min(id) FROM contact WHERE pool = 'p' AND state = 'queued')"
_ASSIGN = "UPDATE agent SET row = jsonb_set(row::jsonb, '{assignments}', to_jsonb(array(SELECT id FROM contact WHERE agent_id = 'an')))"

ROWS = {
    "I4: two pending offers": """INSERT INTO offer SELECT pool, 'of_x', contact_id, 'chi', state, made_at, expires_at, ended_at, row
        FROM offer WHERE state = 'pending'""",
    "I4: offered without": "UPDATE offer SET state = 'expired' WHERE state = 'pending'",
    "I4: an owner who": "UPDATE contact SET agent_id = 'chi' WHERE agent_id = 'an'",
    "I4: an agent and his": "UPDATE agent SET offer_id = '' WHERE offer_id <> ''",
    "I5: more of a channel": f"UPDATE contact SET agent_id = 'an', state = 'active' WHERE channel = 'email'; {_ASSIGN} WHERE id = 'an'",
    "I5: more weight": """UPDATE catalogue SET document = jsonb_set(document::jsonb, '{agents,0,capacity,total_weight}', '1')""",
    "I5: the loads": "UPDATE agent SET used[3] = used[3] + 1 WHERE id = 'an'",
    "I7: a lost agent": "UPDATE agent SET lost = true WHERE offer_id <> ''",
    "I9: an open contact": f"UPDATE contact SET due = 0 WHERE id = {_QUEUED}",
    "I9: an open case": f"UPDATE contact SET open = false WHERE id = {_QUEUED}",
    "I12: a timer that is due": f"UPDATE contact SET due = 1 WHERE id = {_QUEUED}",
    "I18: a contact in no": f"UPDATE contact SET open = false WHERE id = {_QUEUED}",
    "I1: a contact that was handed over": f"""UPDATE contact SET state = 'handed_over', open = false, due = 0,
        row = jsonb_set(row::jsonb, '{{handed_over}}', '{{"pool": "x"}}') WHERE id = {_QUEUED}""",
    "nothing was put aside": "INSERT INTO parked_input VALUES ('p', 1, 's', 'k', '', 'E', 'x')",
    "nothing is left": "INSERT INTO inbox (pool, source, key, body) VALUES ('p', 's', 'k', '')",
}
JOURNAL = {
    "I6: an offer that ended twice": "UPDATE offer SET state = 'accepted', ended_at = 1 WHERE state = 'pending'",
    "I6: offers made": "DELETE FROM offer WHERE state = 'pending'",
    "I12: a timer that fired early": "UPDATE journal SET at = 1 WHERE convert_from(body, 'UTF8') LIKE '%TimerFired%'",
    "I12: a timer that fired twice": """INSERT INTO journal SELECT pool, 1000000 + position, 1000000 + last, at, core_version, body FROM journal
        WHERE convert_from(body, 'UTF8') LIKE '%TimerFired%'""",
    "I13: positions": "DELETE FROM journal WHERE position = (SELECT min(position) FROM journal WHERE position > 1)",
    "I18: contacts opened": f"DELETE FROM contact WHERE id = {_QUEUED}",
    "I18: contacts that ended": f"UPDATE contact SET open = false WHERE id = {_QUEUED}",
    "the core found": """UPDATE journal SET body = body || '\\x0a'::bytea || '{"kind":"InvariantViolated"}'::bytea WHERE position = 1""",
    "I1, I2, I3": """UPDATE journal SET body = convert_to(replace(convert_from(body, 'UTF8'), '"key":"', '"key":"0'), 'UTF8')""",
}  # fmt: skip


def test_every_statement_finds_the_row_that_breaks_it(postgres: Server) -> None:
    with asyncio.Runner() as runner:
        database = runner.run(_open(postgres))
        world = EngineWorld(a_catalogue(an_agent("an"), an_agent("chi", skills={"vi": 1})), runner, database, "p")
        try:
            a_morning(world)
            assert runner.run(unnoticed(database, world)) == []
        finally:
            world.close()
            runner.run(database.close())
            runner.run(postgres.drop("broken_rows"))


async def _open(server: Server) -> Database:
    return await Database.open(await server.make("broken_rows"), name="test")


def a_morning(world: EngineWorld) -> None:
    """One contact handled to the end, one being handled, one offered, two waiting; a timer has fired."""
    world.sign_in("an")
    first, _ = [(world.write(Channel.EMAIL), world.accept("an")) for _ in range(2)]
    world.complete("an", first[0])
    world.write(Channel.EMAIL)
    world.wait(100)
    world.write(Channel.EMAIL)
    world.write(Channel.EMAIL)
    assert world.state.agents["an"].offer_id


async def unnoticed(database: Database, world: EngineWorld) -> list[str]:
    """What was broken and not found; each in a transaction of its own that is rolled back."""
    missed = []
    async with database.pool.acquire() as connection:
        await check_rows(connection, "p")
        await check_journal(connection, "p", world.appended)
        for expected, statement in {**ROWS, **JOURNAL}.items():
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(_UNGUARDED + statement)
            try:
                if expected in ROWS:
                    await check_rows(connection, "p")
                else:
                    await check_journal(connection, "p", world.appended)
            except AssertionError as error:
                if expected not in str(error):
                    missed.append(f"{expected}: {error}")
            else:
                missed.append(expected)
            await transaction.rollback()
    return missed
