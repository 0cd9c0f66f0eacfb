"""The database refuses what a bug in the core might try, whoever writes (I4, I5, I6, I9, I16)."""

# ruff: noqa: S608 - statements of the test's own making

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ccc_router.events import partitions
from ccc_router.events.journal import PARTITION_ENTRIES
from ccc_router.events.vocabulary import Channel
from ccc_router.storage.database import Connection, Database


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection with the journal's partition for pool ``p``."""
    async with database.pool.acquire() as found:
        await partitions.prepare(found, "p", 1)
        yield found


async def refused(connection: Connection, statement: str, constraint: str) -> None:
    """The statement fails by this constraint."""
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
        await connection.execute(statement)
    assert str(caught.value.constraint_name).endswith(constraint)


def offer(offer_id: str, contact: str = "c1", agent: str = "a1", state: str = "pending") -> str:
    """A statement that writes an offer."""
    ended = 0 if state == "pending" else 5
    return f"INSERT INTO offer VALUES ('p', '{offer_id}', '{contact}', '{agent}', '{state}', 1, 2, {ended}, '{{}}')"


def contact(
    state: str, *, agent: str = "", offer_id: str = "", due: int = 0, attention: str = "", channel: str = "portal"
) -> str:
    """A statement that writes a contact."""
    is_open = state not in {"closed", "abandoned", "deflected", "merged", "handed_over"}
    return (
        "INSERT INTO contact VALUES ('p', gen_random_uuid(), 'cs', 'cu', "
        f"'{channel}', 'portal', 'general', '{state}', '{agent}', '{offer_id}', '{attention}', 1, 0, 1, {due}, {is_open}, {is_open}, '{{}}')"
    )


async def test_i4_a_contact_has_one_pending_offer(connection: Connection) -> None:
    """R-1: an assignment is one atomic step; of many who act at once one is heard, the others get 409 and learn who was."""
    await connection.execute(offer("o1"))
    await refused(connection, offer("o2", agent="a2"), "offer_one_a_contact")
    await connection.execute("UPDATE offer SET state = 'expired', ended_at = 3")
    await connection.execute(offer("o2", agent="a2"))


async def test_an_agent_has_one_pending_offer(connection: Connection) -> None:
    await connection.execute(offer("o1"))
    await refused(connection, offer("o2", contact="c2"), "offer_one_an_agent")


async def test_i4_an_offered_contact_has_no_owner(connection: Connection) -> None:
    await refused(connection, contact("offered", agent="a1", offer_id="o1"), "contact_one_holder")
    await refused(connection, contact("queued", agent="a1", due=5), "contact_owner_knows")
    await connection.execute(contact("offered", offer_id="o1"))
    await connection.execute(contact("active", agent="a1"))


async def test_i5_an_agent_carries_no_more_than_he_may(connection: Connection) -> None:
    """R-8: capacity is held by the database and never exceeded; what wakes up comes back only into room."""
    await connection.execute("""
        INSERT INTO agent (pool, id, presence, reason, lost, offer_id, since, row, used, most)
        VALUES ('p', 'a1', 'ready', '', false, '', 0, '{}', '{40,1,0,0,1,0}', '{40,1,2,3,1,1}')""")
    for place in range(1, 2 + len(Channel)):  # the total weight and each channel
        await refused(connection, f"UPDATE agent SET used[{place}] = most[{place}] + 1", "agent_within")
    await refused(connection, "UPDATE agent SET most = most[:5]", "agent_within")
    await refused(connection, "UPDATE agent SET used = used || 7, most = most || 7", "agent_within")
    await connection.execute("UPDATE agent SET used[4] = 3")


async def test_i6_an_offer_ends_once(connection: Connection) -> None:
    await connection.execute(offer("o1", state="accepted"))
    await refused(connection, "UPDATE offer SET state = 'expired'", "offer_ends_once")
    await refused(connection, "UPDATE offer SET state = 'pending', ended_at = 0", "offer_ends_once")
    await connection.execute("UPDATE offer SET state = 'accepted'")
    await refused(connection, offer("o2", contact="c2", agent="a2").replace(", 0,", ", 9,"), "offer_ends")


async def test_i9_an_open_contact_has_a_next_action(connection: Connection) -> None:
    await refused(connection, contact("queued"), "contact_next_action")
    await refused(connection, contact("queued", channel="phone"), "contact_next_action")
    await refused(connection, contact("waiting"), "contact_next_action")
    for statement in (
        contact("queued", due=7),
        contact("queued", attention="waits_too_long"),
        contact("active", agent="a1"),
        contact("closed"),
        contact("arrived", channel="phone"),
    ):
        await connection.execute(statement)


async def test_i12_a_surge_has_an_end(connection: Connection) -> None:
    ended = """'{"id":"general","surge":{"newcomers":"deflect","until":5}}'"""
    await connection.execute(f"INSERT INTO queue_state VALUES ('p', 'general', {ended})")
    await connection.execute("""INSERT INTO queue_state VALUES ('p', 'cards', '{"id":"cards"}')""")
    for row in ('{"surge":{"newcomers":"deflect"}}', '{"surge":{"newcomers":"deflect","until":0}}'):
        await refused(connection, f"UPDATE queue_state SET row = '{row}'", "surge_ends")


async def test_an_incident_that_is_over_says_how(connection: Connection) -> None:
    over = """'{"resolved_at":5,"outcome_id":"ms_1"}'"""
    await connection.execute("INSERT INTO incident VALUES ('p', 'in_1', true, '{}')")
    for live, row in (("true", over), ("false", "'{}'"), ("false", """'{"resolved_at":5}'""")):
        await refused(connection, f"UPDATE incident SET live = {live}, row = {row}", "incident_over")
    await connection.execute(f"UPDATE incident SET live = false, row = {over}")


async def test_i16_nobody_changes_the_journal(connection: Connection) -> None:
    await connection.execute("INSERT INTO journal VALUES ('p', 1, 1, 1, 1, '{}')")
    await connection.execute("INSERT INTO journal_batch VALUES ('p', 1, 1, '', '')")
    for table in ("journal", "journal_batch"):
        for statement in (f"UPDATE {table} SET pool = 'q'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            await refused(connection, statement, "append_only")
    leaf = await connection.fetchval(
        "SELECT c.relname FROM pg_class c WHERE relname LIKE 'journal_p_%_0' AND relkind = 'r'"
    )
    await refused(connection, f'DELETE FROM "{leaf}"', "append_only")


async def test_positions_are_taken_once(connection: Connection) -> None:
    """I13: two writers cannot both have position 1."""
    await connection.execute("INSERT INTO journal VALUES ('p', 1, 1, 1, 1, '{}')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO journal VALUES ('p', 1, 2, 1, 1, '{}')")


async def test_the_next_partition_is_there_before_it_is_needed(database: Database) -> None:
    """Entries go into the partition of their pool and range; a pool without one is refused, never lost silently."""
    async with database.pool.acquire() as connection:
        end = await partitions.prepare(connection, "z", PARTITION_ENTRIES - 5)
        assert end == 2 * PARTITION_ENTRIES
        assert await partitions.prepare(connection, "z", PARTITION_ENTRIES - 5) == end
        for position in (PARTITION_ENTRIES - 1, PARTITION_ENTRIES):
            await connection.execute("INSERT INTO journal VALUES ('z', $1, $1, 1, 1, '{}')", position)
        assert await connection.fetchval("SELECT count(DISTINCT tableoid) FROM journal WHERE pool = 'z'") == 2
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("INSERT INTO journal VALUES ('other', 1, 1, 1, 1, '{}')")
