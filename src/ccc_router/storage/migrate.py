"""Bringing the schema up to date: alembic under an advisory lock, so that any number of processes may start at once.

Expand, then contract: a revision may add tables, nullable columns, indexes and constraints that hold already; what the
program before it still reads or writes goes only in a later release. So old and new programs run side by side during
an update, and a program accepts a schema that is newer than itself only when it is told so (it is not: `SchemaTooNew`).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from ccc_router.kernel.log import get_logger
from ccc_router.storage import database

_log = get_logger("storage.migrate")

SCRIPTS: Final = Path(__file__).parents[1] / "migrations"
_Work = Callable[[Connection], "str | None"]
_LOCK: Final = 0x6363635F  # "ccc_": one number per database is enough
_NO_LIMITS: Final = database.Limits(statement_ms=0, lock_ms=0, idle_in_transaction_ms=0)


class SchemaTooNew(Exception):
    """The database was brought up to date by a newer program than this one."""


def head() -> str:
    """The newest revision this program knows."""
    newest = ScriptDirectory(str(SCRIPTS)).get_current_head()
    if newest is None:
        raise LookupError(f"there are no revisions in {SCRIPTS}")
    return newest


async def current(dsn: str) -> str | None:
    """The revision the database is at; None for an empty one."""
    return await _run(dsn, _current)


async def upgrade(dsn: str, revision: str = "head") -> str | None:
    """Bring the database to `revision` and return where it is now. Does nothing when it is there already.

    Raises SchemaTooNew when it is at a revision that this program does not know.
    """
    return await _run(dsn, lambda connection: _locked(connection, revision, down=False))


async def downgrade(dsn: str, revision: str) -> str | None:
    """Take the database back to `revision` ("base": empty). For tests, and for a person who knows what he drops."""
    return await _run(dsn, lambda connection: _locked(connection, revision, down=True))


async def _run(dsn: str, work: _Work) -> str | None:
    async def creator() -> "database.Connection":
        return await database.connect(dsn, "migrate", _NO_LIMITS)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await asyncio.shield(engine.dispose())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _locked(connection: Connection, revision: str, *, down: bool) -> str | None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.commit()
    try:
        before = _current(connection)
        connection.commit()
        known = {script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()}
        if before is not None and before not in known:
            raise SchemaTooNew(f"the database is at revision {before}, which this program does not know; update it")
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
        after = _current(connection)
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        connection.commit()
    if after != before:
        _log.info("schema_changed", before=before, after=after)
    return after
