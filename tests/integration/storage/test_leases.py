"""I15: one writer at a time, and a zombie writes nothing."""

import asyncio
import random
from dataclasses import dataclass, field

import asyncpg
import pytest

from ccc_router.kernel.tasks import Tasks
from ccc_router.storage import database as databases
from ccc_router.storage import leases
from ccc_router.storage.database import Connection, Database
from tests.support.waiting import eventually

LONG_MS = 60_000


async def test_one_holder_and_a_rising_epoch(database: Database) -> None:
    async with database.pool.acquire() as one, database.pool.acquire() as other:
        lease = await leases.take(one, "pool:main", "one", ttl_ms=LONG_MS)
        assert lease == leases.Lease("pool:main", 1)
        assert await leases.take(other, "pool:main", "other", ttl_ms=LONG_MS) is None
        assert await leases.take(other, "pool:north", "other", ttl_ms=LONG_MS) == leases.Lease("pool:north", 1)
        held = await leases.holding(other, "pool:main")
        assert held is not None
        assert (held.epoch, held.holder) == (1, "one")
        assert 0 < held.remaining_ms <= LONG_MS
        assert await leases.holding(other, "pool:south") is None


async def test_a_released_lease_is_free_at_once_and_its_epoch_is_over(database: Database) -> None:
    async with database.pool.acquire() as one, database.pool.acquire() as other:
        lease = await leases.take(one, "pool:main", "one", ttl_ms=LONG_MS)
        assert lease is not None
        assert await leases.release(one, lease)
        newer = await leases.take(other, "pool:main", "other", ttl_ms=LONG_MS)
        assert newer == leases.Lease("pool:main", 2)


async def test_renewing_keeps_it_and_tells_when_it_is_lost(dsn: str) -> None:
    one = await databases.connect(dsn, "one")
    other = await databases.connect(dsn, "other")
    lease = await leases.take(one, "pool:main", "one", ttl_ms=0)
    assert lease is not None
    await leases.renew(one, lease, ttl_ms=LONG_MS)  # over, but nobody took it
    assert await leases.take(other, "pool:main", "other", ttl_ms=LONG_MS) is None
    await leases.renew(one, lease, ttl_ms=0)
    newer = await leases.take(other, "pool:main", "other", ttl_ms=LONG_MS)
    assert newer is not None
    third = await databases.connect(dsn, "third")
    with pytest.raises(leases.LeaseLost):
        await leases.renew(third, lease)
    with pytest.raises(leases.LeaseLost):
        await leases.fence(third, lease)
    assert not await leases.release(third, lease)
    for connection in (one, other, third):
        await connection.close()


async def test_i15_a_zombie_in_the_middle_of_a_transaction_commits_nothing(dsn: str) -> None:
    zombie = await databases.connect(dsn, "zombie")
    taker = await databases.connect(dsn, "taker")
    await taker.execute("CREATE TABLE written (position bigint PRIMARY KEY, epoch bigint)")
    lease = await leases.take(zombie, "pool:main", "zombie", ttl_ms=1)
    assert lease is not None
    transaction = zombie.transaction()
    await transaction.start()
    await leases.fence(zombie, lease)  # holds the row's lock; then it hangs, past its time
    await zombie.execute("INSERT INTO written VALUES (1, 1)")

    async def taken() -> leases.Lease | None:
        return await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS)

    newer = await eventually(taken)
    assert newer.epoch == 2
    async with taker.transaction():
        await leases.fence(taker, newer)
        await taker.execute("INSERT INTO written VALUES (1, 2)")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await transaction.commit()
    assert [tuple(row) for row in await taker.fetch("SELECT * FROM written")] == [(1, 2)]
    zombie.terminate()
    await taker.close()


async def test_i15_a_zombie_that_begins_late_is_refused_by_the_fence(dsn: str) -> None:
    zombie = await databases.connect(dsn, "zombie")
    taker = await databases.connect(dsn, "taker")
    lease = await leases.take(zombie, "pool:main", "zombie", ttl_ms=1)
    assert lease is not None
    reconnected = await databases.connect(dsn, "zombie again")  # its first backend is ended by the taker

    async def taken() -> leases.Lease | None:
        return await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS)

    await eventually(taken)
    with pytest.raises(leases.LeaseLost):
        async with reconnected.transaction():
            await leases.fence(reconnected, lease)
    for connection in (zombie, taker, reconnected):
        connection.terminate()


async def test_i15_a_take_over_waits_for_the_commit_under_way_and_the_fence_for_the_take_over(dsn: str) -> None:
    """A plain read in place of the fence lets the zombie's commit through after the take-over."""
    zombie = await databases.connect(dsn, "zombie")
    taker = await databases.connect(dsn, "taker")
    lease = await leases.take(zombie, "pool:main", "zombie", ttl_ms=LONG_MS)
    assert lease is not None
    change = taker.transaction()
    await change.start()
    await taker.execute("UPDATE lease SET epoch = epoch + 1, holder = 'taker'")
    tasks = Tasks()
    fencing = tasks.start(leases.fence(zombie, lease), name="fence")

    async def waits() -> bool:
        watcher = await databases.connect(dsn, "watcher")
        try:
            return bool(await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        finally:
            await watcher.close()

    await eventually(waits)
    await change.commit()
    with pytest.raises(leases.LeaseLost):
        await fencing
    await tasks.close()
    for connection in (zombie, taker):
        await connection.close()


async def test_i15_of_many_takers_one_wins(dsn: str) -> None:
    """R-38: several processes are safe by construction."""
    connections = [await databases.connect(dsn, f"taker {number}") for number in range(8)]
    won = await asyncio.gather(
        *(leases.take(one, "pool:main", str(number), ttl_ms=LONG_MS) for number, one in enumerate(connections))
    )
    assert [lease.epoch for lease in won if lease is not None] == [1]
    for connection in connections:
        await connection.close()


async def gone(watcher: Connection, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """End a session and wait until the server knows that it is over."""
    pid = connection.get_server_pid()
    connection.terminate()

    async def over() -> bool:
        return not await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid)

    await eventually(over, what="the backend to end")


async def test_i15_a_lease_ends_with_the_session_it_was_taken_in(dsn: str) -> None:
    """Its time is not over; nobody waits for it."""
    holder, taker = await databases.connect(dsn, "holder"), await databases.connect(dsn, "taker")
    lease = await leases.take(holder, "pool:main", "holder", ttl_ms=LONG_MS)
    assert lease is not None
    assert await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS) is None
    await gone(taker, holder)
    held = await leases.holding(taker, "pool:main")
    assert held is not None
    assert held.free
    assert held.remaining_ms > 0
    assert await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS) == leases.Lease("pool:main", 2)
    await taker.close()


async def test_i15_who_comes_back_over_another_connection_holds_nothing_for_long(dsn: str) -> None:
    """His session is gone: until somebody takes the lease his epoch is good, after that he is told."""
    first, taker = await databases.connect(dsn, "holder"), await databases.connect(dsn, "taker")
    lease = await leases.take(first, "pool:main", "holder", ttl_ms=LONG_MS)
    assert lease is not None
    await gone(taker, first)
    again = await databases.connect(dsn, "holder again")
    await leases.renew(again, lease, ttl_ms=LONG_MS)
    assert await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS) is not None
    with pytest.raises(leases.LeaseLost):
        await leases.renew(again, lease, ttl_ms=LONG_MS)
    transaction = again.transaction()
    await transaction.start()
    with pytest.raises(leases.LeaseLost):
        await leases.fence(again, lease)
    for connection in (taker, again):
        connection.terminate()


async def test_i15_of_many_who_see_that_the_holder_is_gone_one_wins(dsn: str) -> None:
    """Each has seen it before any of them takes; the losers leave the winner alone, whose session they may not have seen begin."""
    watcher, holder = await databases.connect(dsn, "watcher"), await databases.connect(dsn, "holder")
    assert await leases.take(holder, "pool:main", "holder", ttl_ms=LONG_MS) is not None
    takers = [await databases.connect(dsn, f"taker {number}") for number in range(6)]
    await gone(watcher, holder)
    blocking = watcher.transaction()
    await blocking.start()
    await watcher.execute("SELECT 1 FROM lease FOR UPDATE")
    tasks = Tasks()
    under_way = [
        tasks.start(leases.take(one, "pool:main", str(number), ttl_ms=LONG_MS), name=f"take-{number}")
        for number, one in enumerate(takers)
    ]

    async def all_wait() -> bool:
        count = await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        await watcher.execute("SELECT pg_stat_clear_snapshot()")
        return bool(count == len(takers))

    await eventually(all_wait, what="everybody to wait for the row")
    await blocking.rollback()
    assert [lease.epoch for lease in await asyncio.gather(*under_way) if lease is not None] == [2]
    for connection in (watcher, *takers):
        await connection.close()


async def test_i15_who_cannot_see_whose_backend_it_is_waits_for_the_time(dsn: str) -> None:
    """Of another role's backend nobody is told when it began: it may be the holder's, or have got his number after him."""
    holder, taker = await databases.connect(dsn, "holder"), await databases.connect(dsn, "taker")
    lease = await leases.take(holder, "pool:main", "holder", ttl_ms=LONG_MS)
    assert lease is not None
    await holder.execute(
        "UPDATE lease SET backend_pid = (SELECT min(pid) FROM pg_stat_activity WHERE backend_start IS NULL)"
    )
    assert await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS) is None
    await leases.renew(holder, lease, ttl_ms=0)
    assert await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS) == leases.Lease("pool:main", 2)
    for connection in (holder, taker):
        await connection.close()


async def test_a_number_given_to_another_session_is_not_the_holder(dsn: str) -> None:
    holder, taker = await databases.connect(dsn, "holder"), await databases.connect(dsn, "taker")
    assert await leases.take(holder, "pool:main", "holder", ttl_ms=LONG_MS) is not None
    await holder.execute("UPDATE lease SET backend_start = backend_start - interval '1 second'")
    assert await leases.take(taker, "pool:main", "taker", ttl_ms=LONG_MS) == leases.Lease("pool:main", 2)
    assert await holder.fetchval("SELECT true"), "who has his number is left alone"
    for connection in (holder, taker):
        await connection.close()


@dataclass
class Walker:
    """One who wants the lease: his session, and what he believes to hold."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    believes: leases.Lease | None = None


@dataclass
class Model:
    """What must be so: who holds it, and whether somebody else may take it."""

    epoch: int = 0
    holder: Walker | None = None
    free: bool = True
    written: list[int] = field(default_factory=list)


async def _step(rng: random.Random, dsn: str, watcher: Connection, one: Walker, model: Model) -> None:
    match rng.choice(("take", "take", "write", "write", "renew", "release", "die", "cut", "late")):
        case "take":
            taken = await leases.take(one.connection, "walk", "walker", ttl_ms=LONG_MS)
            assert (taken is not None) == model.free
            if taken is not None:
                assert taken.epoch == model.epoch + 1
                one.believes, model.epoch, model.holder, model.free = taken, taken.epoch, one, False
        case "write" if one.believes is not None:
            try:
                async with one.connection.transaction():
                    await leases.fence(one.connection, one.believes)
                    model.written.append(one.believes.epoch)
                assert one.believes.epoch == model.epoch
            except leases.LeaseLost:
                assert one.believes.epoch != model.epoch
        case "renew" if one.believes is not None and not (one is model.holder and model.free):
            try:
                await leases.renew(one.connection, one.believes, ttl_ms=LONG_MS)
                assert one.believes.epoch == model.epoch
            except leases.LeaseLost:
                assert one.believes.epoch != model.epoch
        case "release" if one.believes is not None:
            released = await leases.release(one.connection, one.believes)
            assert released == (one.believes.epoch == model.epoch)
            model.free |= released
        case "die" | "cut" as how:
            await gone(watcher, one.connection)
            one.connection = await databases.connect(dsn, "walker")
            if how == "die":
                one.believes = None
            model.free |= one is model.holder
        case "late" if model.holder is not None:
            await watcher.execute("UPDATE lease SET until = clock_timestamp() WHERE name = 'walk'")
            model.free = True


async def test_i15_whatever_happens_one_epoch_writes_and_it_only_rises(dsn: str, rng: random.Random) -> None:
    """Takers, writers, deaths, lost connections whose owners believe on, leases that run out: in any order."""
    watcher = await databases.connect(dsn, "watcher")
    walkers = [Walker(await databases.connect(dsn, "walker")) for _ in range(4)]
    model = Model()
    for _ in range(120):
        await _step(rng, dsn, watcher, rng.choice(walkers), model)
        for one in walkers:  # whose backend a taker has ended comes back over another
            if one.connection.is_closed() or not await _answers(one.connection):
                one.connection = await databases.connect(dsn, "walker")
    assert model.epoch > 5
    assert model.written == sorted(model.written)
    for connection in (watcher, *(one.connection for one in walkers)):
        connection.terminate()


async def _answers(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    return True
