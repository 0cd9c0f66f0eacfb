"""I15: a zombie engine writes nothing; another takes over within five seconds, and time without an engine punishes nobody."""

import time

from ccc_router.events import journal
from ccc_router.storage import leases
from ccc_router.storage.database import Connection, Database
from tests.integration.queues.test_rebuild import picture, start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.spine import Spine, by_hand
from tests.support.waiting import eventually


async def seize(spine: Spine) -> None:
    """Try to lead until it works."""

    async def leads() -> bool:
        await spine.engine.run_once()
        return spine.engine.leading

    await eventually(leads, within_s=10, what="the take-over")


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
    """It stopped between its fence and its commit: the taker ends its backend, so the fence's lock is gone and nothing of it stays."""
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
        began = time.monotonic()
        await seize(heir)
        assert time.monotonic() - began < 5.0
        await heir.turns()
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 1
        assert session.is_closed() or not await _answers(session._connection)


async def _answers(connection: Connection) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except Exception:  # noqa: BLE001 - however it ended
        return False
    return True


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


async def test_i12_time_without_an_engine_expires_no_offer(database: Database) -> None:
    """The engine was away for an hour; the offer it left has its whole time yet, then expires once."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await spine.inbox.append([submitted("m1")])
        await spine.turns()
        [offer] = spine.state.offers.values()
        await spine.engine.stop()
        await database.pool.execute("UPDATE lease SET until = until - interval '1 hour'")
        await database.pool.execute("ALTER TABLE journal_batch DISABLE TRIGGER append_only")
        await database.pool.execute("UPDATE journal_batch SET at = at - interval '1 hour'")
        await spine.turns()
        assert spine.engine.leading
        assert list(spine.state.offers) == [offer.id]
        await clock.advance(20)
        await spine.turns()
        assert list(spine.state.offers) == [offer.id]
        await clock.advance(15)
        await spine.turns()
        assert offer.id not in spine.state.offers
        assert (await spine.kinds()).count("OfferEnded") == 1


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
