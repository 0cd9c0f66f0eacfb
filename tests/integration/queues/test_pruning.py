"""What is over goes, what is young stays."""

from dataclasses import dataclass

from ccc_router.kernel.tasks import Tasks
from ccc_router.queues.store.blobs import _KEEP, PostgresBlobs
from ccc_router.storage.database import Database
from ccc_router.workers.prune import RULES, Pruning
from tests.support.waiting import eventually


@dataclass(frozen=True)
class _Content:
    sha256: str
    media_type: str
    content: bytes

    @property
    def size(self) -> int:
        """How many bytes."""
        return len(self.content)


async def test_old_rows_go_and_young_ones_stay(database: Database) -> None:
    """A command's dedup key goes with its outcome after a day; a fact's key lives 40 days."""
    await database.pool.execute("""
        INSERT INTO seen SELECT 'p', 'portal', 'old' || n, now() - interval '41 days' FROM generate_series(1, 2500) n;
        INSERT INTO seen SELECT 'p', 'portal', 'young' || n, now() - interval '39 days' FROM generate_series(1, 10) n;
        INSERT INTO seen VALUES ('p', 'agent:an', 'c1', now() - interval '25 hours'), ('p', 'agent:an', 'c2', now());
        INSERT INTO outcome VALUES ('p', 'agent:an', 'c1', 200, '{}', now() - interval '25 hours'),
                                   ('p', 'agent:an', 'c2', 200, '{}', now());
        INSERT INTO idempotency (pool, scope, key, digest, command_key, at)
        VALUES ('p', 's', 'k1', '', 'c', now() - interval '25 hours'), ('p', 's', 'k2', '', 'c', now());
    """)
    pruning = Pruning(database)
    assert await pruning.run_once()
    assert not await pruning.run_once()
    assert await database.pool.fetchval("SELECT count(*) FROM seen WHERE source = 'portal'") == 10
    assert await database.pool.fetchval("SELECT array_agg(key) FROM seen WHERE source = 'agent:an'") == ["c2"]
    assert await database.pool.fetchval("SELECT array_agg(key) FROM outcome") == ["c2"]
    assert await database.pool.fetchval("SELECT array_agg(key) FROM idempotency") == ["k2"]


async def test_the_content_of_an_upload_nobody_sent_goes_with_it(database: Database) -> None:
    """Not what a message took, what another upload or message has too, or what was kept again lately."""
    await database.pool.execute("""
        INSERT INTO blob SELECT name, 'text/plain', 1, 'x', now() - interval '9 days'
        FROM unnest(ARRAY['unsent', 'sent', 'shared', 'again', 'twice', 'mailed']) AS name;
        INSERT INTO upload SELECT 'p', 'at_' || name, 'agent:an', name, 'text/plain', 1, name, now() - interval '8 days'
        FROM unnest(ARRAY['unsent', 'sent', 'shared', 'again', 'twice']) AS name;
        INSERT INTO upload VALUES ('p', 'at_young', 'agent:an', 'y', 'text/plain', 1, 'twice', now());
        INSERT INTO attachment VALUES ('p', 'at_sent', 'ms_1', 'ct_1', 'sent', 'text/plain', 1, 'sent', false),
                                      ('p', 'at_other', 'ms_2', 'ct_2', 'shared', 'text/plain', 1, 'shared', false);
    """)
    await PostgresBlobs(database).keep([_Content("again", "text/plain", b"x")])
    pruning = Pruning(database)
    assert not await pruning.run_once()
    assert await database.pool.fetchval("SELECT array_agg(id) FROM upload") == ["at_young"]
    left = await database.pool.fetchval("SELECT array_agg(sha256 ORDER BY sha256) FROM blob")
    assert left == ["again", "mailed", "sent", "shared", "twice"]


async def test_a_content_that_is_kept_again_meanwhile_stays(database: Database) -> None:
    """The pruning waits for whoever renews it, and then sees that it is young."""
    await database.pool.execute("""
        INSERT INTO blob VALUES ('a', 'text/plain', 1, 'x', now() - interval '9 days');
        INSERT INTO upload VALUES ('p', 'at_1', 'agent:an', 'a', 'text/plain', 1, 'a', now() - interval '8 days');
    """)
    async with database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(_KEEP, ["a"], ["text/plain"], [1], [b"x"])
        pruned = Tasks().start(Pruning(database).run_once(), name="prune")
        waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%unsent%'"

        async def waiting() -> bool:
            return bool(await database.pool.fetchval(waits))

        await eventually(waiting, what="the pruning to wait for the lock")
        await transaction.commit()
        await pruned
    assert await database.pool.fetchval("SELECT array_agg(sha256) FROM blob") == ["a"]
    assert await database.pool.fetchval("SELECT count(*) FROM upload") == 0


async def test_every_rule_names_a_table(database: Database) -> None:
    """A renamed table must not end pruning in silence."""
    for rule in RULES:
        assert await database.pool.fetchval("SELECT to_regclass($1) IS NOT NULL", rule.table)
