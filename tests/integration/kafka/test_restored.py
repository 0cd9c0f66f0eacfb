"""I1, I2: a database that is taken back to a backup finds in Kafka what it has not, and takes nothing twice of what it has."""

from pathlib import Path

from ccc_router.events import journal
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.integration.queues.test_isolation import consistent
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES, Server
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.kafka.cluster import Cluster
from tests.support.restoring import program
from tests.support.spine import Spine, by_hand

pytestmark = ONE_POSTGRES

_SAME = "SELECT count(*), count(DISTINCT id) FROM message"


async def _tell(spine: Spine, first: int, last: int) -> None:
    for number in range(first, last):
        await spine.facts.append([submitted(f"m{number}")])
    await spine.take_all()


async def test_i1_what_came_after_the_backup_comes_again_from_kafka(
    kafka: Cluster, database: Database, empty_dsn: str, postgres: Server, tmp_path: Path
) -> None:
    """The offsets are in the same database, so they went back with it: older than what Kafka has given out since."""
    pool, programs, file = fresh("p"), postgres.embedded._binaries, tmp_path / "journal.dump"
    async with by_hand(database, pool, FakeClock(), kafka=kafka, append_s=10) as before:
        await start(before)
        await _tell(before, 0, 15)
        await program("pg_dump", "--format=custom", f"--file={file}", dsn=database.dsn, of=programs)
        await _tell(before, 15, 40)
        assert tuple(await database.pool.fetchrow(_SAME) or ()) == (40, 40)
    name = empty_dsn.partition("?")[0].rpartition("/")[2]
    await program(
        "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={name}", str(file), dsn=empty_dsn, of=programs
    )
    restored = await Database.open(empty_dsn, name="restored")
    try:
        assert tuple(await restored.pool.fetchrow(_SAME) or ()) == (15, 15)
        async with by_hand(restored, pool, FakeClock(), kafka=kafka, append_s=10) as after:
            await after.take_all()
            assert tuple(await restored.pool.fetchrow(_SAME) or ()) == (40, 40)
            for number in (3, 20, 39):  # a vendor in doubt says them again
                await after.facts.append([submitted(f"m{number}")])
            await after.take_all()
            assert tuple(await restored.pool.fetchrow(_SAME) or ()) == (40, 40)
            await _tell(after, 40, 42)
            assert tuple(await restored.pool.fetchrow(_SAME) or ()) == (42, 42)
            await consistent(after)
            async with restored.pool.acquire() as connection:
                assert (await journal.verify(connection, pool)).fault == ""
    finally:
        await restored.close()
