"""Alembic at work under an advisory lock, so that any number of processes may start at once. Use it through `storage.migrate`."""

import asyncio
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from ccc_router.kernel.log import get_logger
from ccc_router.storage import database
from ccc_router.storage.revisions import SCRIPTS, SchemaTooNew

_log = get_logger("storage.migrate")

_LOCK: Final = 0x6363635F  # "ccc_": one number per database is enough
_NO_LIMITS: Final = database.Limits(statement_ms=0, lock_ms=0, idle_in_transaction_ms=0)


async def move(dsn: str, revision: str, *, down: bool) -> str | None:
    """Take the database to `revision`; where it is then. Raises SchemaTooNew, and the driver's errors as they are."""

    async def creator() -> "database.Connection":
        return await database.connect(dsn, "migrate", _NO_LIMITS)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_locked, revision, down)
    except DBAPIError as error:
        raise _innermost(error) from error
    finally:
        await asyncio.shield(engine.dispose())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _locked(connection: Connection, revision: str, down: bool) -> str | None:
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


def _innermost(error: DBAPIError) -> BaseException:
    """What the driver raised, which `storage.failures` knows."""
    inner: BaseException = error
    while (cause := inner.orig if isinstance(inner, DBAPIError) else inner.__cause__) is not None:
        inner = cause
    return inner
