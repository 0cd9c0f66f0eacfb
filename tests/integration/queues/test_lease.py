"""I15: a zombie engine writes nothing; another takes over, and time without an engine punishes nobody."""

import msgspec
import pytest

from ccc_router.events import journal
from ccc_router.events.codec import decode_input
from ccc_router.events.commands import AcceptOffer, SetPresence, WaitForCustomer
from ccc_router.events.facts import MessageReceived, Private, TimeResumed
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.queues.store.loading import rebuild
from ccc_router.storage import leases
from ccc_router.storage.database import Connection, Database
from tests.integration.queues.test_rebuild import picture, start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.spine import Spine, by_hand
from tests.support.waiting import eventually

_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_AN_HOUR_LATER = """
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$
"""


async def seize(spine: Spine) -> None:
    """Try to lead until it works."""

    async def leads() -> bool:
        await spine.engine.run_once()
        return spine.engine.leading

    await eventually(leads, what="the take-over")


async def end_lease(database: Database) -> None:
    """Let the database's clock say that the lease is over, as after three seconds of silence."""
    await database.pool.execute("UPDATE lease SET until = clock_timestamp() - interval '1 ms'")


async def test_i15_a_zombie_writes_nothing(database: Database) -> None:
    """It slept through its lease; when it wakes it still has inputs to handle, and must not."""
    async with by_hand(database) as zombie, by_hand(database) as heir:
        await start(zombie)
        await end_lease(database)
        await seize(heir)
        await zombie.inbox.append([submitted("m1")])
        position = heir.state.position
        await zombie.turns()
        assert not zombie.engine.leading
        assert await database.pool.fetchval("SELECT max(last) FROM journal") == position
        await heir.turns()
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 1
        await zombie.engine.run_once()
        assert not zombie.engine.leading
        async with database.pool.acquire() as connection:
            assert (await journal.verify(connection, "main")).fault == ""


async def test_i15_a_zombie_in_mid_transaction_cannot_commit(database: Database) -> None:
    """R-11: It stopped between its fence and its commit: the taker ends its backend, so the fence's lock is gone and nothing of it stays."""
    async with by_hand(database) as zombie, by_hand(database) as heir:
        await start(zombie)
        session = zombie.engine._session
        assert session is not None
        transaction = session._connection.transaction()
        await transaction.start()
        await leases.fence(session._connection, session.lease)
        await session._connection.execute("DELETE FROM inbox")
        await zombie.inbox.append([submitted("m1")])
        # The lease runs out by itself: the zombie's own lock keeps everybody from changing its row.
        await seize(heir)
        await heir.turns()
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 1
        assert session.is_closed() or not await _answers(session._connection)


async def _answers(connection: Connection) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except Exception:  # noqa: BLE001 - however it ended
        return False
    return True


async def test_i15_an_engine_whose_session_is_gone_is_followed_before_its_lease_is_over(database: Database) -> None:
    """R-38: as after a kill -9. Its time does not run on ahead of the clock, however long its lease would still have lasted (I12)."""
    async with by_hand(database) as killed, by_hand(database) as heir:
        await start(killed)
        await killed.inbox.append([submitted("m1")])
        await killed.turns()
        await database.pool.execute("UPDATE lease SET until = clock_timestamp() + interval '1 hour'")
        session = killed.engine._session
        assert session is not None
        session._connection.terminate()
        await seize(heir)
        now = await database.pool.fetchval(_NOW)
        assert heir.engine.now_ms is not None
        assert heir.engine.now_ms - now < 5_000
        await killed.inbox.append([submitted("m2")])
        await killed.engine.run_once()
        assert not killed.engine.leading
        await heir.turns()
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 2


async def test_a_stopped_engine_is_followed_at_once(database: Database) -> None:
    """I17: it gives the lease back."""
    async with by_hand(database) as first, by_hand(database) as second:
        await start(first)
        await second.engine.run_once()
        assert not second.engine.leading
        await first.engine.stop()
        await second.engine.run_once()
        assert second.engine.leading


async def test_a_take_over_has_the_same_state_and_later_time(database: Database) -> None:
    """I13, and engine time goes on from the last entry."""
    async with by_hand(database) as first, by_hand(database) as second:
        await start(first)
        await first.inbox.append([submitted("m1"), submitted("m2")])
        await first.turns()
        before, now = picture(first.state), first.engine.now_ms
        await end_lease(database)
        await seize(second)
        assert picture(second.state) == before
        assert now is not None
        assert second.engine.now_ms is not None
        assert first.state.now <= second.state.now <= second.engine.now_ms


async def absent(spine: Spine) -> int:
    """The engine stops, and for whoever connects from now on the database's clock is an hour further. Returns the engine's last time (ms)."""
    stopped_at = spine.state.now
    await spine.engine.stop()
    pool = spine.database.pool
    await pool.execute(_AN_HOUR_LATER)
    name = await pool.fetchval("SELECT current_database()")
    await pool.execute(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog')
    return stopped_at


async def test_i12_time_without_an_engine_expires_no_offer(database: Database) -> None:
    """The engine was away for an hour; the offer it left has its whole time yet, then expires once. The clock is right at once (0021)."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await spine.inbox.append([submitted("m1")])
        await spine.turns()
        [offer] = spine.state.offers.values()
        expires_at = offer.expires_at
        stopped_at = await absent(spine)
        await spine.turns()
        assert spine.engine.leading
        assert list(spine.state.offers) == [offer.id]
        [resumed] = [decode_input(one.body) for one in await spine.entries() if one.kind == "TimeResumed"]
        assert isinstance(resumed.body, TimeResumed)
        assert 3_595_000 < resumed.body.gap_ms < 3_700_000
        assert resumed.at - stopped_at >= resumed.body.gap_ms
        assert spine.state.offers[offer.id].expires_at - expires_at == resumed.body.gap_ms
        assert abs(await database.pool.fetchval(_NOW) + 3_600_000 - (spine.engine.now_ms or 0)) < 60_000
        await clock.advance(20)
        await spine.turns()
        assert list(spine.state.offers) == [offer.id]
        await clock.advance(15)
        await spine.turns()
        assert offer.id not in spine.state.offers
        kinds = await spine.kinds()
        assert [kinds.count(kind) for kind in ("TimeResumed", "DeadlinesMoved", "OfferEnded")] == [1, 1, 1]
        async with database.pool.acquire() as connection:
            rebuilt = await rebuild("main", journal.entries(connection, "main"))
        assert picture(rebuilt) == picture(spine.state), "I13"


async def test_i12_a_failed_first_turn_forgets_no_gap(database: Database) -> None:
    """The turn that tells of the gap is rolled back with an input that spoils it; the next one tells of it again, once."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await spine.inbox.append([submitted("m1")])
        await spine.turns()
        [offer] = spine.state.offers.values()
        await absent(spine)
        spoiled = submitted("m2")
        assert isinstance(spoiled.body, MessageReceived)
        await spine.inbox.append(
            [Submission("portal", "k2", msgspec.structs.replace(spoiled.body, channel=Channel.INTERNAL))]
        )
        await database.pool.execute("ALTER TABLE contact ADD CONSTRAINT spoils CHECK (channel <> 'internal')")
        await spine.turns()
        kinds = await spine.kinds()
        assert [kinds.count(kind) for kind in ("InputParked", "TimeResumed")] == [1, 1]
        assert list(spine.state.offers) == [offer.id]


@pytest.mark.parametrize("asked", [False, True])
async def test_i12_timers_wait_for_what_came_before_a_take_over(database: Database, asked: bool) -> None:
    """He wrote while nobody led, behind more inputs than a turn takes: his silence must not close his contact (I3).

    Also when something was ``asked`` after the take-over, and so comes before them.
    """
    clock = FakeClock()
    async with by_hand(database, clock=clock, batch=4) as spine:
        await start(spine)
        await spine.inbox.append([submitted("m1")])
        await spine.turns()
        [contact] = spine.state.contacts.values()
        [offer] = spine.state.offers.values()
        who = offer.agent_id
        await spine.drive(spine.ask(AcceptOffer(actor=who, actor_role=Role.AGENT, offer_id=offer.id)))
        until = (spine.engine.now_ms or 0) + 1_800_000
        await spine.drive(
            spine.ask(WaitForCustomer(actor=who, actor_role=Role.AGENT, contact_id=contact.id, until=until))
        )
        await absent(spine)
        private = Private(refs=(f"case:{contact.case_id}",))
        answer = msgspec.structs.replace(submitted("m9").body, private=private)
        await spine.inbox.append(
            [*(submitted(f"n{number}") for number in range(10)), Submission("portal", "m9", answer)]
        )
        if asked:
            while not spine.engine.leading:
                await spine.engine.run_once()
            ready = SetPresence(actor=who, actor_role=Role.AGENT, agent_id=who, presence=Presence.READY)
            await spine.inbox.append([Submission(f"agent:{who}", "asked", ready)])
        await spine.turns()
        assert "ContactEnded" not in await spine.kinds()
        assert spine.state.contacts[contact.id].customer_message == 2


async def test_a_newer_core_is_not_touched(database: Database) -> None:
    """An engine refuses a pool whose last entry is from a newer core."""
    async with by_hand(database) as spine:
        await start(spine)
        await spine.engine.stop()
        await database.pool.execute("ALTER TABLE journal DISABLE TRIGGER USER")
        leaf = await database.pool.fetchval("SELECT tableoid::regclass::text FROM journal LIMIT 1")
        await database.pool.execute(f"ALTER TABLE {leaf} DISABLE TRIGGER USER")
        await database.pool.execute("UPDATE journal SET core_version = 99")
        raised = ""
        try:
            await spine.engine.run_once()
        except Exception as error:  # noqa: BLE001 - its name is what is tested
            raised = type(error).__name__
        assert raised == "NewerCore"
