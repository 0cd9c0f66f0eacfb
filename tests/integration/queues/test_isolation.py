"""One bad input costs nobody else anything: it is found, put aside with its bytes, journalled, alarmed, its caller told (500)."""

import pytest

from ccc_router.events import journal
from ccc_router.events.commands import SetPresence
from ccc_router.events.facts import TimerFired
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.queues.engine import PARKED
from ccc_router.queues.store.loading import rebuild
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import picture, start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, submitted
from tests.support.spine import Spine, by_hand


async def parked(database: Database) -> list[tuple[str, str]]:
    """(key, error) of what was put aside."""
    return [
        (row[0], row[1]) for row in await database.pool.fetch("SELECT key, error FROM parked_input ORDER BY position")
    ]


async def consistent(spine: Spine) -> None:
    """The journal verifies, and what is rebuilt from it is what is in memory."""
    async with spine.database.pool.acquire() as connection:
        assert (await journal.verify(connection, spine.pool)).fault == ""
        assert picture(await rebuild(spine.pool, journal.entries(connection, spine.pool))) == picture(spine.state)


async def test_an_input_whose_row_a_constraint_refuses_stands_alone(database: Database) -> None:
    """I4 to I9 become a parked input: the table refuses one contact among 40 inputs, and only that one is put aside."""
    await database.pool.execute("ALTER TABLE message ADD CONSTRAINT no_boom CHECK (text <> 'boom')")
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        before = PARKED.labels("main")._value.get()
        bodies = [a_message(f"m{n}", text="boom" if n == 17 else "xin chào") for n in range(40)]
        await spine.inbox.append([Submission("portal", f"m{n}", body) for n, body in enumerate(bodies)])
        await spine.turns()
        assert await parked(database) == [("m17", "CheckViolationError")]
        assert PARKED.labels("main")._value.get() == before + 1
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 39
        assert await database.pool.fetchval("SELECT count(*) FROM inbox") == 0
        assert (await spine.kinds()).count("InputParked") == 1
        body = await database.pool.fetchval("SELECT convert_from(body, 'UTF8') FROM parked_input")
        assert "boom" in body
        entry = next(one for one in await spine.entries() if one.kind == "InputParked")
        assert b"boom" not in entry.body
        await consistent(spine)


async def test_bytes_that_are_no_input_are_put_aside_at_once(database: Database) -> None:
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        await spine.inbox.append([submitted("good")])
        await database.pool.execute(
            "INSERT INTO inbox (pool, source, key, body) VALUES ('main', 'portal', 'bad', 'not json')"
        )
        await spine.turns()
        assert await parked(database) == [("bad", "Undecodable")]
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 1
        await consistent(spine)


async def test_the_caller_of_a_parked_command_gets_500(database: Database) -> None:
    """A command the core fails on: here one whose agent the state lost, which only a fault can bring about."""
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        del spine.state.agents["dung"]
        command = SetPresence(actor="dung", actor_role=Role.AGENT, agent_id="dung", presence=Presence.READY)
        await database.pool.execute("DELETE FROM agent WHERE id = 'dung'")
        outcome = await spine.drive(spine.ask(command, "k1"))
        assert outcome.status == 500
        assert await parked(database) == [("k1", "KeyError")]
        assert await database.pool.fetchval("SELECT status FROM outcome WHERE key = 'k1'") == 500


async def test_a_timer_that_cannot_be_handled_stops_no_other(database: Database) -> None:
    """R-22, I12: it is put aside like an input, and the timers behind it fire."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await spine.inbox.append([submitted("m1"), submitted("m2"), submitted("m3"), submitted("m4")])
        await spine.turns()
        offers = sorted(spine.state.offers.values(), key=lambda offer: offer.id)
        assert len(offers) == 3
        spoilt = offers[0]
        await database.pool.execute(
            f"ALTER TABLE offer ADD CONSTRAINT no_boom CHECK (id <> '{spoilt.id}' OR state <> 'expired')"
        )
        await clock.advance(61)
        await spine.turns()
        rows = await database.pool.fetch(
            "SELECT id, state FROM offer WHERE id = ANY ($1)", [offer.id for offer in offers]
        )
        states = {row[0]: row[1] for row in rows}
        assert states == {offer.id: "pending" if offer is spoilt else states[offer.id] for offer in offers}
        assert all(states[offer.id] != "pending" for offer in offers[1:])
        assert [key for key, _ in await parked(database)] == [""]
        body = await database.pool.fetchval("SELECT convert_from(body, 'UTF8') FROM parked_input")
        assert spoilt.id in body
        await consistent(spine)


async def test_a_connection_error_parks_nobody(database: Database) -> None:
    """The backend is ended in the middle: the inputs are still there, the next turn handles them."""
    async with by_hand(database) as spine:
        await spine.engine.run_once()
        await spine.drive(spine.activate())
        await spine.inbox.append([submitted("m1")])
        await database.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ccc-router engine main'"
        )
        await spine.drive(spine.empty())
        assert await parked(database) == []
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 1
        await consistent(spine)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
async def test_several_bad_inputs_are_all_found(database: Database, size: int) -> None:
    """Wherever they stand in a batch."""
    await database.pool.execute("ALTER TABLE message ADD CONSTRAINT no_boom CHECK (text <> 'boom')")
    async with by_hand(database, clock=FakeClock(), batch=16) as spine:
        await start(spine)
        bad = {f"m{n}" for n in range(0, 24, 24 // size)}
        keys = [f"m{n}" for n in range(24)]
        await spine.inbox.append(
            [Submission("portal", key, a_message(key, text="boom" if key in bad else "chào")) for key in keys]
        )
        await spine.turns()
        assert {key for key, _ in await parked(database)} == bad
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 24 - len(bad)
        await consistent(spine)


def test_a_timer_is_a_key() -> None:
    """Condemned timers are found by what they are."""
    assert {TimerFired(timer="offer", ref="of_1", due=5): 1}[TimerFired(timer="offer", ref="of_1", due=5)] == 1
