"""What is over goes, what is young stays."""

from ccc_router.storage.database import Database
from ccc_router.workers.prune import RULES, Pruning


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


async def test_every_rule_names_a_table(database: Database) -> None:
    """A renamed table must not end pruning in silence."""
    for rule in RULES:
        assert await database.pool.fetchval("SELECT to_regclass($1) IS NOT NULL", rule.table)
