"""A program meets a schema that is newer than itself: during an update, and after one was taken back (docs/adr/0050)."""

import asyncpg
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.storage import migrate
from ccc_router.storage.database import Database
from ccc_router.storage.migrate import SchemaTooNew
from ccc_router.storage.moving import FIRST_SERVED
from tests.support.service import a_service

# What a later program may do to the tables that this one writes.
_LATER = """
ALTER TABLE inbox ADD COLUMN later_a text, ADD COLUMN later_b integer NOT NULL DEFAULT 7;
ALTER TABLE journal ADD COLUMN later text;
ALTER TABLE journal_batch ADD COLUMN later text NOT NULL DEFAULT 'x';
ALTER TABLE contact ADD COLUMN later bigint NOT NULL DEFAULT 0;
ALTER TABLE offer ADD COLUMN later jsonb;
ALTER TABLE delivery ADD COLUMN later text NOT NULL DEFAULT '';
ALTER TABLE outcome ADD COLUMN later text;
ALTER TABLE lease ADD COLUMN later text;
CREATE TABLE later (id text PRIMARY KEY);
CREATE INDEX later_index ON contact (pool, later);
UPDATE alembic_version SET version_num = '9000';
"""


async def test_this_program_works_on_a_schema_that_a_later_one_added_to(database: Database) -> None:
    """The whole life of a contact, and the engine's take-over, with what it does not know beside what it does."""
    await database.pool.execute(_LATER)
    assert await migrate.upgrade(database.dsn) == "9000", "it stays as it is"
    for _ in range(2):  # the second is a restart on it
        async with a_service(database) as service:
            an = service.client(Role.AGENT, "an")
            await an.put("/v1/agents/me/presence", json={"state": "ready"})
            await service.write()
            offer = (await an.post("/v1/agents/me/work/next?wait=10")).json()
            assert (await an.post(f"/v1/offers/{offer['offer_id']}/accept")).status_code == 200
            path = f"/v1/contacts/{offer['contact_id']}"
            told = await an.post(f"{path}/messages", json={"text": "Xin chào", "visibility": "private"})
            assert told.status_code == 202
            done = {"disposition": "answered", "resolution": "resolved"}
            assert (await an.post(f"{path}/complete", json=done)).status_code == 200
    closed = "SELECT count(*) FROM contact WHERE state = 'closed'"
    assert await database.pool.fetchval(closed) == 2
    assert await database.pool.fetchval("SELECT count(*) FROM delivery") == 2
    assert await migrate.current(database.dsn) == "9000"


async def test_the_schema_says_the_oldest_program_that_it_serves(database: Database) -> None:
    oldest = "SELECT oldest FROM schema_serves"
    assert await database.pool.fetchval(oldest) == FIRST_SERVED
    await database.pool.execute("UPDATE alembic_version SET version_num = '9000'")
    await database.pool.execute("UPDATE schema_serves SET oldest = $1", migrate.head())
    assert await migrate.upgrade(database.dsn) == "9000"
    await database.pool.execute("UPDATE schema_serves SET oldest = '9000'")
    with pytest.raises(SchemaTooNew, match="9000"):
        await migrate.upgrade(database.dsn)


async def test_a_newer_schema_that_says_nothing_is_refused(database: Database) -> None:
    await database.pool.execute("UPDATE alembic_version SET version_num = '9000'; DELETE FROM schema_serves")
    with pytest.raises(SchemaTooNew, match="9000"):
        await migrate.upgrade(database.dsn)


async def test_nobody_takes_a_newer_schema_down(database: Database) -> None:
    await database.pool.execute("UPDATE alembic_version SET version_num = '9000'")
    with pytest.raises(SchemaTooNew):
        await migrate.downgrade(database.dsn, "base")


async def test_there_is_one_word_and_no_second(database: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.pool.execute("INSERT INTO schema_serves (oldest) VALUES ('0001')")
    with pytest.raises(asyncpg.CheckViolationError):
        await database.pool.execute("INSERT INTO schema_serves (single, oldest) VALUES (false, '0001')")
