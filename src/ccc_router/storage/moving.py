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
from ccc_router.storage.revisions import SCRIPTS, SchemaTooNew, head

_log = get_logger("storage.migrate")

_LOCK: Final = 0x6363635F  # "ccc_": one number per database is enough
FIRST_SERVED: Final = "0015"
"""What a schema serves whose revisions say nothing: programs since this one."""
_HAS_PROMISE: Final = "SELECT to_regclass('public.schema_serves')"
_PROMISE: Final = """
INSERT INTO schema_serves (oldest) VALUES (:oldest)
ON CONFLICT (single) DO UPDATE SET oldest = excluded.oldest WHERE schema_serves.oldest <> excluded.oldest
"""
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


def _serves(connection: Connection) -> bool:
    """Whether the schema, newer than this program, says that it serves it all the same."""
    if connection.execute(text(_HAS_PROMISE)).scalar() is None:
        return False
    oldest = connection.execute(text("SELECT oldest FROM schema_serves")).scalar()
    connection.commit()
    return oldest is not None and oldest <= head()


def _promise(connection: Connection, oldest: str) -> None:
    """Write down the oldest program that the schema serves, once there is a place for it."""
    if connection.execute(text(_HAS_PROMISE)).scalar() is not None:
        connection.execute(text(_PROMISE), {"oldest": oldest})
    connection.commit()


def _locked(connection: Connection, revision: str, down: bool) -> str | None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.commit()
    try:
        before = _current(connection)
        connection.commit()
        scripts = list(ScriptDirectory(str(SCRIPTS)).walk_revisions())
        if before is not None and before not in {script.revision for script in scripts}:
            if down or not _serves(connection):
                raise SchemaTooNew(f"the database is at revision {before}, which this program does not know; update it")
            _log.warning("schema_is_newer", revision=before, program=head())
            return before
        oldest = max(getattr(script.module, "serves", FIRST_SERVED) for script in scripts)
        _promise(connection, oldest)  # before anything goes that an older program needs
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
        after = _current(connection)
        _promise(connection, oldest)
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
