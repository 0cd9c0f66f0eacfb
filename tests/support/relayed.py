"""A journal to relay, and what a topic has of it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka.structs import ConsumerRecord

from ccc_router.events import journal, partitions
from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.kafka.journal import JournalTopic
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.routing import CORE_VERSION
from ccc_router.storage.database import Database
from ccc_router.workers.relay import Relay
from tests.support.kafka.cluster import Cluster, reached

REQUEST_MS = 1_500


async def write(database: Database, bodies: Iterable[bytes], pool: str = "main") -> int:
    """Append entries as one batch, an input each; the new head."""
    async with database.pool.acquire() as connection:
        head = await journal.head(connection, pool)
        await partitions.prepare(connection, pool, head.position + 1)
        rows = [
            journal.Written(position, position, 1_790_000_000_000 + position, body)
            for position, body in enumerate(bodies, head.position + 1)
        ]
        added, batch, columns = journal.append(head, rows, CORE_VERSION)
        async with connection.transaction():
            await connection.execute(journal.BATCHES, pool, *batch)
            await connection.execute(journal.ROWS, pool, *columns)
    return added.position


def bodies(count: int, *, contacts: int = 7, padding: int = 0) -> list[bytes]:
    """So many entries about some contacts in turn."""
    return [
        canonical({"kind": "MessageCounted", "contact_id": f"ct_{number % contacts}", "padding": "x" * padding})
        for number in range(count)
    ]


async def journalled(database: Database, pool: str = "main") -> list[Entry]:
    """Every entry of the journal."""
    async with database.pool.acquire() as connection:
        return [entry async for entry in journal.entries(connection, pool)]


async def place(database: Database, topic: str, pool: str = "main") -> int:
    """How far the relay wrote that it is."""
    position = await database.pool.fetchval("SELECT position FROM relay WHERE pool = $1 AND topic = $2", pool, topic)
    return int(position or 0)


def a_relay(database: Database, cluster: Cluster, topic: str, *, pool: str = "main", page: int = 500) -> Relay:
    """A relay that nobody runs yet."""
    there = JournalTopic(reached(cluster), topic, request_ms=REQUEST_MS)
    return Relay(database, pool, there, SystemClock(), page=page)


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    """The relay at work, as a process runs it."""
    supervisor = Supervisor(SystemClock())
    supervisor.add(relay.loop)
    try:
        yield relay
    finally:
        await relay.stop()
        await supervisor.stop(5)


async def through(relay: Relay) -> None:
    """Turn by hand until there is nothing left to send."""
    while await relay.run_once():
        pass


def events(records: Sequence[ConsumerRecord]) -> list[dict[str, Any]]:
    """What the records say."""
    return [msgspec.json.decode(record.value) for record in records]


def taken_once(records: Sequence[ConsumerRecord]) -> list[int]:
    """Positions as a reader takes them who passes over what is not greater than the last of the partition."""
    last: dict[int, int] = {}
    taken = []
    for record in records:
        position = msgspec.json.decode(record.value)["data"]["position"]
        if position > last.get(record.partition, 0):
            last[record.partition] = position
            taken.append(position)
    return taken
