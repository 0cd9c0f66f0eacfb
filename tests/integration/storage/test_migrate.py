"""The schema goes up, down and up again to the same place, once for any number of starters."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory

import ccc_router
from ccc_router.storage import database as databases
from ccc_router.storage import migrate
from ccc_router.storage.migrate import SchemaTooNew

_SAME = os.environ | {"PYTHONPATH": str(Path(ccc_router.__file__).parents[1])}

SHAPE = """
SELECT 'column', table_name || '.' || column_name,
       data_type || coalesce(column_default, '') || is_nullable || ordinal_position
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'routine', proname, pg_get_functiondef(oid) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'type', typname, '' FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
ORDER BY 1, 2, 3
"""


async def shape(dsn: str) -> list[tuple[str, ...]]:
    connection = await databases.connect(dsn, "shape")
    try:
        return [tuple(row) for row in await connection.fetch(SHAPE) if "alembic_version" not in row[1]]
    finally:
        await connection.close()


async def test_up_down_up(empty_dsn: str) -> None:
    assert await migrate.current(empty_dsn) is None
    assert await migrate.upgrade(empty_dsn) == migrate.head()
    first = await shape(empty_dsn)
    assert first
    assert await migrate.downgrade(empty_dsn, "base") is None
    assert await shape(empty_dsn) == []
    assert await migrate.upgrade(empty_dsn) == migrate.head()
    assert await shape(empty_dsn) == first


async def test_every_single_step_can_be_undone(empty_dsn: str) -> None:
    shapes = [await shape(empty_dsn)]
    while await migrate.current(empty_dsn) != migrate.head():
        await migrate.upgrade(empty_dsn, "+1")
        shapes.append(await shape(empty_dsn))
    for before in reversed(shapes[:-1]):
        await migrate.downgrade(empty_dsn, "-1")
        assert await shape(empty_dsn) == before


def test_the_numbers_of_the_files_are_the_revisions() -> None:
    scripts = ScriptDirectory(str(migrate.SCRIPTS))
    assert migrate.head() == scripts.get_current_head()
    assert [Path(one.path).name.partition("_")[0] for one in scripts.walk_revisions()] == [
        one.revision for one in scripts.walk_revisions()
    ]


async def test_a_start_with_the_schema_up_to_date_leaves_alembic_alone(dsn: str) -> None:
    """It is a third of what a start would import."""
    program = "import asyncio, sys; from ccc_router.bootstrap import run; from ccc_router.storage import migrate; "
    program += "print(asyncio.run(migrate.upgrade(sys.argv[1]))); print({'alembic', 'sqlalchemy'} & sys.modules.keys())"
    ran = await asyncio.create_subprocess_exec(sys.executable, "-c", program, dsn, env=_SAME, stdout=PIPE)
    told, _ = await ran.communicate()
    assert told.decode().split() == [migrate.head(), "set()"]


async def test_many_starters_migrate_once(empty_dsn: str) -> None:
    reached = await asyncio.gather(*(migrate.upgrade(empty_dsn) for _ in range(6)))
    assert set(reached) == {migrate.head()}


async def test_a_newer_schema_is_refused(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "UPDATE alembic_version SET version_num = '9999'; UPDATE schema_serves SET oldest = '9999'"
    )
    with pytest.raises(SchemaTooNew, match="9999"):
        await migrate.upgrade(dsn)
    assert await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    await connection.close()


async def test_a_revision_that_fails_leaves_nothing_behind(empty_dsn: str) -> None:
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute("CREATE VIEW lease AS SELECT 1")  # in the way of the first revision
    with pytest.raises(asyncpg.DuplicateTableError, match="lease"):
        await migrate.upgrade(empty_dsn)
    assert await migrate.current(empty_dsn) is None
    await connection.execute("DROP VIEW lease")
    await connection.close()
    assert await migrate.upgrade(empty_dsn) == migrate.head()
