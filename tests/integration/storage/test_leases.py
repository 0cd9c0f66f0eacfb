"""I15: one writer at a time, and a zombie writes nothing."""

import asyncio

import asyncpg
import pytest

from ccc_router.kernel.tasks import Tasks
from ccc_router.storage import database as databases
from ccc_router.storage import leases
from ccc_router.storage.database import Database
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

    newer = await eventually(taken, within_s=5)
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
