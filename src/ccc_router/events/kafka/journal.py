"""The journal as a topic: each entry a CloudEvent in structured mode, under the key of its contact.

An entry's id is its pool and position, the same however often it comes: at least once is what is promised. In a partition no entry is sent
before all that stand before it were acknowledged, so whoever has seen a position there has seen every earlier one of that partition, and
passes over what is not greater.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from ccc_router.events.envelope import Entry
from ccc_router.events.kafka.entries import HEADERS, TOPIC, Record, record_of
from ccc_router.events.kafka.producing import end, open_producer
from ccc_router.events.kafka.topics import REQUEST_MS
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import give_way
from ccc_router.storage.kafka import Cluster

_log = get_logger("events.kafka")

_BATCH: Final = 256 * 1024
_LARGE: Final = 512 * 1024
"""A record of so many bytes travels compressed, for brokers refuse a batch of more than 1 MiB: a catalogue may be as large."""

_IN_ONE_GO: Final = 50
"""Records made before others have their turn: a millisecond, for an engine may live in the same process."""
_PARTITIONER: Final = DefaultPartitioner()


class JournalTopic:
    """Where entries go. `close` it; it opens itself, and again after a failure."""

    def __init__(self, cluster: Cluster, topic: str = TOPIC, *, request_ms: int = REQUEST_MS) -> None:
        self._cluster = cluster
        self.name = topic
        self._request_ms = request_ms
        self._producers: dict[bool, AIOKafkaProducer] = {}

    async def publish(self, entries: Sequence[Entry]) -> bool:
        """True when every broker that must have them has all of them. False: some may be there, and all are to be sent again.

        While Kafka is away it may take as long as that. Cancelled, it leaves nothing under way that could arrive afterwards.
        """
        try:
            partitions = sorted(await (await self._producer(large=False)).partitions_for(self.name))
            lots: dict[int, list[Record]] = defaultdict(list)
            for number, entry in enumerate(entries):
                if number % _IN_ONE_GO == 0:
                    await give_way()
                record = record_of(entry)
                lots[_PARTITIONER(record.key, partitions, partitions)].append(record)
            crashing.before(Site.RELAY)
            sent = await asyncio.gather(*(self._send(*lot) for lot in lots.items()), return_exceptions=True)
            for failure in sent:
                if failure is not None:
                    raise failure
            crashing.after(Site.RELAY)
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning(
                "relay_not_acknowledged", topic=self.name, error=type(error).__name__, entries_count=len(entries)
            )
            await self.close(0)
            return False
        except asyncio.CancelledError:
            await self.close(0)
            raise
        return True

    async def close(self, patience_s: float = 2.0) -> None:
        """Close the connections; what is under way after ``patience_s`` is dropped."""
        producers, self._producers = self._producers, {}
        for producer in producers.values():
            await end(producer, patience_s)

    async def _send(self, partition: int, lot: list[Record]) -> None:
        """One batch after the other: the next only when all before it is acknowledged."""
        for large, records in _alike(lot):
            producer = await self._producer(large=large)
            batch = producer.create_batch()
            for number, record in enumerate(records, 1):
                if number % _IN_ONE_GO == 0:
                    await give_way()
                if batch.append(key=record.key, value=record.value, timestamp=None, headers=HEADERS) is None:
                    await (await producer.send_batch(batch, self.name, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=record.key, value=record.value, timestamp=None, headers=HEADERS)
            await (await producer.send_batch(batch, self.name, partition=partition))

    async def _producer(self, *, large: bool) -> AIOKafkaProducer:
        if large not in self._producers:
            self._producers[large] = await open_producer(
                self._cluster,
                self.name,
                self._request_ms,
                max_batch_size=_BATCH,
                compression_type="gzip" if large else None,
            )
        return self._producers[large]


def _alike(lot: list[Record]) -> Iterator[tuple[bool, list[Record]]]:
    """The lot in its order, large records each alone."""
    some: list[Record] = []
    for record in lot:
        if len(record.value) < _LARGE:
            some.append(record)
            continue
        if some:
            yield False, some
            some = []
        yield True, [record]
    if some:
        yield False, some
