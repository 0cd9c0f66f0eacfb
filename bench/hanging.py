"""A department that hangs, and one that is slow to read, beside 33 that are well: how long the others' deliveries take meanwhile (I11).

Real webhooks over real sockets: owed in the database as the engine writes them, claimed, signed, sent. A round without and a round with the
bad one follow each other, in turns which is first, so that whatever else the machine does falls on both.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from bench.load import SEED, arrivals, median, percentile, play, settle_memory
from bench.server import Server
from ccc_router.escalations.texts import Texts
from ccc_router.escalations.webhooks.endpoints import Endpoints
from ccc_router.escalations.webhooks.outbound import Outbound
from ccc_router.escalations.webhooks.sender import WebhookSender
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.kernel import signing
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor, Tasks
from ccc_router.queues.deliveries.owing import write_owed
from ccc_router.routing.decisions import DeliveryOwed
from ccc_router.routing.policy import Department, Text
from ccc_router.storage import migrate
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import DEPARTMENTS

WELL: Final = 33
RATE: Final = 60.0
_POOL: Final = "main"
_BAD: Final = "d_bad"
_SECRET: Final = signing.secret_of(b"of the departments of the measurement")
_ANSWER: Final = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
_DRIBBLE_S: Final = 1.0


class Round(NamedTuple):
    """One pair: p99 seconds from owed to received of the well ones, without and with the bad one."""

    without: float
    beside: float

    @property
    def ratio(self) -> float:
        """How much longer beside it."""
        return self.beside / self.without


@dataclass
class Compared:
    """All pairs of one way of being bad."""

    rounds: list[Round] = field(default_factory=list)
    without: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """p99 over all rounds, beside / without."""
        return percentile(self.beside, 0.99) / percentile(self.without, 0.99)

    @property
    def spread(self) -> tuple[float, float, float]:
        """The pairs' ratios: least, median, most."""
        found = [one.ratio for one in self.rounds]
        return min(found), median(found), max(found)


class Departments:
    """34 systems in this process. ``behaviour`` of the bad one: answers | hangs (reads, never answers) | slow (reads a byte a second)."""

    def __init__(self) -> None:
        self.behaviour = "answers"
        self.received: dict[str, float] = {}
        self.urls: dict[str, str] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen, each on a port of its own."""
        async with contextlib.AsyncExitStack() as stack:
            for name in [*(f"d_{number}" for number in range(WELL)), _BAD]:
                server = await asyncio.start_server(partial(self._serve, name), "127.0.0.1", 0)
                stack.callback(server.close)
                self.urls[name] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
            yield

    def of(self, name: str) -> Department | None:
        """A department of the catalogue."""
        url = self.urls.get(name)
        return Department(id=name, name=Text(name, name), calendar="office", url=url) if url else None

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if name == _BAD and self.behaviour == "slow":
                while await reader.read(1):  # noqa: ASYNC110 - that is what it is slow at
                    await asyncio.sleep(_DRIBBLE_S)
                return
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(headers["content-length"]))
            if name == _BAD and self.behaviour == "hangs":
                await reader.read()  # until the other side gives up
                return
            self.received.setdefault(headers["webhook-id"], time.perf_counter())
            writer.write(_ANSWER)
            await writer.drain()
        writer.close()


class Bench:
    """The worker that delivers, and what is owed to whom."""

    def __init__(self, database: Database, departments: Departments) -> None:
        self._database = database
        self._departments = departments
        self._positions = itertools.count(1)
        sender = WebhookSender(
            database, SystemClock(), departments.of, self, Texts(database), Endpoints(database, _POOL), Outbound(),
            loopback=True,
        )  # fmt: skip
        self.deliver = Deliver(
            database, "main", SystemClock(), {DeliveryKind.WEBHOOK: Way(sender, DEPARTMENTS, 64, 25)}
        )
        self.loop = self.deliver.loops[DeliveryKind.WEBHOOK]

    def of(self, _name: str) -> tuple[str, ...]:
        """Everybody's secret."""
        return (_SECRET,)

    async def round(self, behaviour: str, seconds: float) -> list[float]:
        """Seconds from owed to received of every delivery to the well ones, while the 34th behaves so."""
        self._departments.behaviour = behaviour
        await self._database.pool.execute("DELETE FROM delivery")
        await self._database.pool.execute("DELETE FROM department_endpoint")
        await self._database.pool.execute("DELETE FROM inbox")
        settle_memory()
        owed: dict[str, float] = {}
        tasks = Tasks()

        def arrive(number: int, _due: float) -> None:
            name = _BAD if number % (WELL + 1) == WELL else f"d_{number % (WELL + 1)}"
            tasks.start(self._owe(name, owed), name="owe")

        await play(arrivals(RATE, seconds, SEED), arrive)
        await tasks.close(10)
        until = time.perf_counter() + 20
        while not owed.keys() <= self._departments.received.keys() and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        missing = owed.keys() - self._departments.received.keys()
        if missing:
            raise RuntimeError(f"{len(missing)} of {len(owed)} never came while one {behaviour}")
        return [self._departments.received[one] - at for one, at in owed.items()]

    async def _owe(self, name: str, owed: dict[str, float]) -> None:
        position = next(self._positions)
        item = DeliveryOwed(
            delivery_id=f"dl_{position}", delivery=DeliveryKind.WEBHOOK, lane=f"department:{name}", target=name,
            escalation_id=f"es_{position}", case_id="cs_1", type="ccc.escalation.raised.v1", data=_data(name),
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await write_owed(connection, _POOL, [(position, item, "")], 0)
        if name != _BAD:
            owed[item.delivery_id] = time.perf_counter()
        self.loop.wake()


def _data(name: str) -> dict[str, str]:
    return {
        "at": "1795395600000", "department": name, "state": "raised", "urgency": "normal", "reference": "7K3M-Q2XZ-9F1",
        "acknowledge_by": "1795399200000", "answer_by": "1795428000000", "summary_id": "ms_1",
    }  # fmt: skip


@contextlib.asynccontextmanager
async def delivering(server: Server) -> AsyncIterator[Bench]:
    """The worker at work, on a database of its own."""
    dsn = await server.database("hanging")
    await migrate.upgrade(dsn)
    database = await Database.open(dsn)
    departments, supervisor = Departments(), Supervisor(SystemClock())
    try:
        async with departments.running():
            bench = Bench(database, departments)
            supervisor.add(bench.loop)
            await bench.round("answers", 2)  # what is slow only once
            yield bench
            await bench.deliver.close(0)
            await supervisor.stop(1)
    finally:
        await database.close()


async def compare(bench: Bench, behaviour: str, rounds: int, seconds: float) -> Compared:
    """Pairs of rounds without and with one that is so."""
    found = Compared()
    for number in range(rounds):
        waits: dict[str, list[float]] = {}
        for state in ("answers", behaviour) if number % 2 else (behaviour, "answers"):
            waits[state] = await bench.round(state, seconds)
        found.without += waits["answers"]
        found.beside += waits[behaviour]
        found.rounds.append(Round(percentile(waits["answers"], 0.99), percentile(waits[behaviour], 0.99)))
    return found
