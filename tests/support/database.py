"""PostgreSQL for tests: one server for the run, one fresh database for each test.

`CCC_TEST_POSTGRES` chooses the servers: `all` (default: the bundled one and every one the system has), `bundled`, or a
major version such as `15`.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from ccc_router.storage import migrate
from ccc_router.storage.database import Database
from ccc_router.storage.embedded import Binaries, EmbeddedPostgres, bundled, installed

TEMPLATE = "ccc_template"
# Without autovacuum too: its workers sit in a database that is about to be copied or dropped.
_FASTER = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
}
_ROOM = 2 * 1024**3
_numbers = itertools.count(1)


def servers() -> dict[str, Binaries]:
    """The PostgreSQL programs the tests run on, by a name for the report."""
    wanted = os.environ.get("CCC_TEST_POSTGRES", "all")
    found = [("bundled", bundled()), *((str(binaries.major), binaries) for binaries in installed())]
    chosen = {
        f"{name}-{binaries.major}" if name == "bundled" else f"system-{name}": binaries
        for name, binaries in found
        if binaries is not None and wanted in {"all", name}
    }
    if not chosen:
        raise pytest.UsageError(f"CCC_TEST_POSTGRES={wanted}: there is no such PostgreSQL here")
    return chosen


def with_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def make_folder(prefix: str) -> Path:
    """A folder that any user may pass through; in memory where there is room, for a database is hundreds of files."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a name nobody can guess
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else None))
    folder.chmod(0o755)
    return folder


class Server:
    """A running server with a migrated template."""

    def __init__(self, binaries: Binaries) -> None:
        self.major = binaries.major
        self.folder = make_folder("ccc-test-")
        self.embedded = EmbeddedPostgres(self.folder, binaries, tuned=_FASTER)
        self.dsn = ""

    async def start(self) -> None:
        """Bring it up and make the template."""
        self.dsn = await self.embedded.start()
        await self.make(TEMPLATE, template="template1")
        await migrate.upgrade(with_database(self.dsn, TEMPLATE))

    async def make(self, name: str, template: str = TEMPLATE) -> str:
        """Create a database and return its DSN."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            await connection.close()
        return with_database(self.dsn, name)

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    async def stop(self) -> None:
        """Stop it and remove its data."""
        await self.embedded.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


_SERVERS = [pytest.param(value, id=name) for name, value in servers().items()]
ONE_POSTGRES = pytest.mark.parametrize("postgres", _SERVERS[:1], indirect=True)
"""For tests of something else, in which every server would only say the same again."""


@pytest.fixture(scope="session", params=_SERVERS)
def postgres(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of this run; tests that ask for it (or for `dsn`, `database`) run on every PostgreSQL there is."""
    server = Server(request.param)
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            yield server
        finally:
            runner.run(server.stop())


@pytest.fixture
async def dsn(postgres: Server) -> AsyncIterator[str]:
    """The address of a fresh database at the newest revision."""
    name = f"test_{next(_numbers)}"
    yield await postgres.make(name)
    await postgres.drop(name)


@pytest.fixture
async def empty_dsn(postgres: Server) -> AsyncIterator[str]:
    """The address of a fresh database without a schema."""
    name = f"empty_{next(_numbers)}"
    yield await postgres.make(name, template="template1")
    await postgres.drop(name)


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A fresh database, opened."""
    opened = await Database.open(dsn, name="test")
    yield opened
    await opened.close()
