"""Several processes of the service on one database, as several machines run it.

async with a_fleet(dsn, catalogue, serve=2, engine=2, deliver=1) as fleet:
    an = fleet.of("serve")[0].client(Role.AGENT, "an")
    leader = await fleet.leader()
    await leader.kill()
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx

from ccc_router.routing.policy import Catalogue
from tests.support.database import make_folder
from tests.support.process import SECRET, Process
from tests.support.waiting import eventually

KEYS = {"CCC_SECRET_MAIL": SECRET, "CCC_SECRET_LINKS": SECRET, "CCC_PUBLIC_URL": "https://ccc.example.org"}
"""What every process has alike, besides the key that signs tokens."""


class Fleet:
    """The processes, in the order they were asked for. ``dsn`` is where they meet; a process may be told another way there."""

    def __init__(self, dsn: str, catalogue: Catalogue | None, folder: Path, **more: str) -> None:
        self.dsn = dsn
        self.folder = folder
        self.processes: list[Process] = []
        self._catalogue = catalogue
        self._more = {"CCC_DATABASE_URL": dsn, "CCC_DATABASE_POOL": "10", **KEYS, **more}

    def add(self, role: str, catalogue: Catalogue | None = None, **more: str) -> Process:
        """Another process, not yet started. ``more`` are CCC_* variables of its own; ``catalogue``: another than the fleet's."""
        folder = self.folder / f"{role}-{len(self.processes) + 1}"
        folder.mkdir()
        process = Process(folder, catalogue or self._catalogue, role, **(self._more | more))
        self.processes.append(process)
        return process

    def of(self, role: str) -> list[Process]:
        """The processes of a role."""
        return [one for one in self.processes if one.role == role]

    async def start(self) -> None:
        """Start those that do not run, all at once, and wait until they are ready."""
        idle = [one for one in self.processes if not one.running]
        await asyncio.gather(*(one.begin() for one in idle))
        await asyncio.gather(*(one.ready() for one in idle))

    async def leader(self, but: Process | None = None, within_s: float = 10.0) -> Process:
        """Who leads; another than ``but`` if that is given. Waits until somebody does, asking the database."""
        connection = await asyncpg.connect(self.dsn)

        async def leads() -> Process | None:
            holder = await connection.fetchval(
                "SELECT holder FROM lease WHERE name = 'engine:main' AND until > clock_timestamp()"
            )
            found = [one for one in self.processes if one.running and str(holder).endswith(f":{one.pid}")]
            return next((one for one in found if one is not but), None)

        try:
            return await eventually(leads, within_s=within_s, what="somebody to lead")
        finally:
            await connection.close()

    async def close(self) -> None:
        """End every process, and its clients."""
        await asyncio.gather(*(one.close() for one in self.processes))


@asynccontextmanager
async def a_fleet(
    dsn: str, catalogue: Catalogue | None = None, *, more: dict[str, str] | None = None, **roles: int
) -> AsyncIterator[Fleet]:
    """So many processes of each role, started at once, ready; ended with the context. ``more`` are CCC_* variables of all.

    The folder, with the logs, stays when the test fails.
    """
    fleet = Fleet(dsn, catalogue, make_folder("ccc-fleet-"), **(more or {}))
    for role, count in roles.items():
        for _ in range(count):
            fleet.add(role)
    try:
        await fleet.start()
        yield fleet
    finally:
        await fleet.close()
    shutil.rmtree(fleet.folder, ignore_errors=True)  # after a failure it stays: its logs say why


async def elsewhere(
    asked: list[httpx.AsyncClient], request: Callable[[httpx.AsyncClient], httpx.Request]
) -> httpx.Response:
    """What a client does that knows several processes: refused or told to come later, it asks the next (the same request)."""
    for client in asked[:-1]:
        try:
            answer = await client.send(request(client))
        except httpx.ConnectError:
            continue
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer
        assert "Retry-After" in answer.headers
    return await asked[-1].send(request(asked[-1]))
