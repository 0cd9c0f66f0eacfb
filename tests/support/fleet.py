"""Several processes of the service on one database, as several machines run it.

async with a_fleet(dsn, catalogue, serve=2, engine=2, deliver=1) as fleet:
    an = fleet.of("serve")[0].client(Role.AGENT, "an")
    leader = await fleet.leader()
    await leader.kill()
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.ids import fresh
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

    async def leader(self, but: Process | None = None, within_s: float = 30.0) -> Process:
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


class Client:
    """Somebody who knows several ``serve`` processes and asks the one that answers, as a balancer or a good client does.

    Refused, or told to come later (503 with Retry-After), he asks the next under the same key. Whatever else is no answer is a failure,
    and raised: above all a connection that is closed while his request is under way.
    """

    def __init__(self, processes: list[Process], role: Role | None = None, subject: str = "", first: int = 0) -> None:
        ordered = processes[first:] + processes[:first]
        self._clients = [one.client(role, subject) if role is not None else one.anybody() for one in ordered]
        self.asked_elsewhere = 0

    async def ask(self, method: str, path: str, body: object = None, *, key: str = "") -> httpx.Response:
        """The answer, whoever gives it. Fails the test when nobody has one within half a minute."""
        headers = {"Idempotency-Key": key or fresh("k")}

        async def answered() -> httpx.Response | None:
            for client in self._clients:
                try:
                    answer = await client.request(method, path, json=body, headers=headers)
                except httpx.ConnectError:
                    self.asked_elsewhere += 1
                    continue
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer
                assert "Retry-After" in answer.headers
                self.asked_elsewhere += 1
            return None

        return await eventually(answered, within_s=30, what=f"an answer to {method} {path}")
