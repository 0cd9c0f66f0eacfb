"""What a person does to the records from the command line: verify the journal, erase a customer (I16)."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ccc_router import cli
from ccc_router.bootstrap.records import erase_and_tell
from ccc_router.cli.running import NICE
from ccc_router.events import journal
from ccc_router.events.codec import decode_input
from ccc_router.events.commands import CloseContact
from ccc_router.events.facts import CustomerErased, Handle
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.errors import CccError
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.inputs import a_message, submitted
from tests.support.spine import Spine, by_hand


async def run(database: Database, *arguments: str) -> Result:
    """The command line against the test's database."""
    env = {"CCC_DATABASE_URL": database.dsn, "CCC_DATABASE_POOL": "4"}
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli.app, list(arguments), env=env))


async def a_customer(spine: Spine, *, open_contact: bool = False) -> str:
    """Somebody who wrote once, under a verified address."""
    handle = Handle("email", "a@example.com", verified=True)
    await spine.inbox.append([submitted("m1", a_message("m1", handle=handle))])
    await spine.turns()
    [contact] = spine.state.contacts.values()
    if not open_contact:
        command = CloseContact(actor="mai", actor_role=Role.SUPERVISOR, contact_id=contact.id, reason="test")
        assert (await spine.drive(spine.ask(command))).status == 200
    return contact.customer_id


async def words(database: Database) -> list[Any]:
    """What is left of him."""
    return list(
        await database.pool.fetchrow(
            "SELECT (SELECT string_agg(text, '') FROM message), (SELECT string_agg(name, '') FROM customer), "
            "(SELECT count(*)::int FROM handle), (SELECT count(*)::int FROM contact_address), (SELECT count(*)::int FROM draft)"
        )
        or ()
    )


async def test_r27_who_reads_the_whole_journal_stands_back(database: Database) -> None:
    """In a thread of its own, for nobody can come forward again."""
    env = {"CCC_DATABASE_URL": database.dsn, "CCC_DATABASE_POOL": "4"}

    def verify() -> int:
        CliRunner().invoke(cli.app, ["journal", "verify"], env=env)
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    with ThreadPoolExecutor(1) as thread:
        assert await asyncio.get_running_loop().run_in_executor(thread, verify) >= NICE


async def test_i16_an_erasure_is_in_the_journal_with_who_and_why(database: Database) -> None:
    async with by_hand(database) as spine:
        await start(spine)
        customer = await a_customer(spine)
        contact = await database.pool.fetchval("SELECT id FROM contact")
        await database.pool.execute("INSERT INTO draft VALUES ('main', $1, 'an', 'Thưa ông A', 1)", contact)
        arguments = ("erase", "--customer", customer, "--by", "mai.tran", "--reason", "his request of 2026-11-20")
        ran = await run(database, *arguments)
        assert (ran.exit_code, ran.stdout) == (0, f"erased 1 messages of {customer}\n"), ran.output
        assert await words(database) == ["", "", 0, 0, 0]
        await spine.turns()
        [entry] = [one for one in await spine.entries() if one.kind == "CustomerErased"]
        fact = decode_input(entry.body).body
        assert isinstance(fact, CustomerErased)
        assert (fact.customer_id, fact.actor, fact.reason, fact.messages) == (customer, *arguments[4::2], 1)
        async with database.pool.acquire() as connection:
            assert (await journal.verify(connection, "main")).fault == ""


@pytest.mark.parametrize(("who", "code"), [("", "contact_open"), ("cu_0123456789", "not_found")])
async def test_nobody_is_erased_while_he_waits_for_an_answer(database: Database, who: str, code: str) -> None:
    async with by_hand(database) as spine:
        await start(spine)
        customer = await a_customer(spine, open_contact=True)
        before = await words(database)
        ran = await run(
            database, "erase", "--customer", who or customer, "--by", "mai.tran", "--reason", "asked for it"
        )
        assert ran.exit_code == 1
        assert ran.stderr.startswith(f"{code}: ")
        assert await words(database) == before
        await spine.turns()
        assert "CustomerErased" not in await spine.kinds()


async def test_i16_an_erasure_and_its_entry_are_one(database: Database) -> None:
    """Cut before the commit, there is neither."""
    async with by_hand(database) as spine:
        await start(spine)
        customer = await a_customer(spine)
        before = await words(database)
        with pytest.raises(CccError, match="cut"):
            async with database.transaction() as connection:
                await erase_and_tell(connection, "main", customer, by="mai", reason="asked", at=1)
                raise CccError("cut")
        assert await words(database) == before
        await spine.turns()
        assert "CustomerErased" not in await spine.kinds()


async def test_i16_the_journal_is_verified_from_the_command_line(database: Database) -> None:
    async with by_hand(database) as spine:
        await start(spine)
        await a_customer(spine)
        last = spine.state.position
        ran = await run(database, "journal", "verify")
        assert (ran.exit_code, ran.stdout) == (0, f"the journal of main holds up to entry {last}\n"), ran.output
        other = await run(database, "journal", "verify", "--pool", "nowhere")
        assert (other.exit_code, other.stderr.partition(":")[0]) == (1, "not_found")
        leaf = await database.pool.fetchval("SELECT tableoid::regclass::text FROM journal LIMIT 1")
        await database.pool.execute(f"ALTER TABLE {leaf} DISABLE TRIGGER USER")
        flip = "UPDATE journal SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE last = $1"
        await database.pool.execute(flip, last)
        ran = await run(database, "journal", "verify", "--pool", "main")
        assert ran.exit_code == 1
        assert "was changed" in ran.stderr
