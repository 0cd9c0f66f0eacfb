"""The feed from Kafka: all partitions of a topic, assigned by hand, read ahead in the background into a bounded buffer.

There is no consumer group: who may read is decided by the pool's lease, and how far, by the offsets in the engine's own commits. An offset is
believed only while the record before it is the one that was taken. Is it another, the topic was made anew: then it is read from its
beginning, for dedup keys protect from taking twice and nothing protects from passing over.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, UnknownTopicOrPartitionError
from prometheus_client import Counter, Gauge

from ccc_router.events.kafka.feed import Fed, Offset
from ccc_router.events.kafka.record import Told, Unreadable, mark_of, read, topic_of
from ccc_router.events.kafka.topics import REQUEST_MS, arguments, prepare
from ccc_router.kernel.backoff import ceiling
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks, stop_quietly
from ccc_router.storage.kafka import Cluster

_log = get_logger("events.kafka")

LAG: Final = Gauge("ccc_inbox_lag_records", "Records of Kafka that no engine has taken yet", ["pool"])
GAPS: Final = Counter(
    "ccc_inbox_kafka_gaps",
    "Offsets that could not be gone on from: the topic is another one, or records expired",
    ["pool", "why"],
)
_RECORDS: Final = 4_000
_BYTES: Final = 32 * 1024 * 1024
_FETCH_BYTES: Final = 8 * 1024 * 1024
_LONG_POLL_MS: Final = 100
_ROUND_MS: Final = 1_000
_SILENT_S: Final = 5.0
"""After so long timers no longer wait for a partition of which nothing is heard."""
_CLOSE_S: Final = 2.0
_FIRST_ID: Final = -(1 << 62)


class KafkaFeed:
    """See `events.kafka.feed.Feed`. ``wake`` is called when there are new records."""

    def __init__(
        self,
        cluster: Cluster,
        pool: str,
        clock: Clock,
        *,
        wake: Callable[[], None],
        request_ms: int = REQUEST_MS,
        limit: int = _RECORDS,
        long_poll_ms: int = _LONG_POLL_MS,
    ) -> None:
        self.topic = topic_of(pool)
        self._cluster = cluster
        self._pool = pool
        self._clock = clock
        self._wake = wake
        self._request_ms = request_ms
        self._limit = limit
        self._long_poll_ms = long_poll_ms
        self._tasks = Tasks()
        self._task: asyncio.Task[None] | None = None
        self._ids = itertools.count(_FIRST_ID)
        self._buffer: dict[int, Fed] = {}
        self._bytes = 0
        self._settled = asyncio.Event()
        self._offsets: dict[int, Offset] = {}
        self._unproved: set[int] = set()
        self._anew: set[int] = set()
        self._ends: dict[int, int] = {}
        self._goals: dict[int, int] = {}
        self._opened_at = 0.0
        self._heard_at: dict[int, float] = {}
        self.connected = False

    def open(self, offsets: Mapping[int, Offset]) -> None:
        """See `Feed.open`."""
        self._forget()
        self._offsets = dict(offsets)
        self._opened_at = self._clock.monotonic()
        self._task = self._tasks.start(self._run(), name="kafka-feed")

    async def close(self) -> None:
        """See `Feed.close`."""
        task, self._task = self._task, None
        if task is not None:
            await stop_quietly(task)
        self._forget()

    def waiting(self, limit: int) -> list[Fed]:
        """See `Feed.waiting`."""
        return list(itertools.islice(self._buffer.values(), limit))

    def these(self, ids: Iterable[int]) -> list[Fed]:
        """See `Feed.these`."""
        return [self._buffer[one] for one in sorted(ids) if one in self._buffer]

    def settle(self, records: Iterable[Fed]) -> None:
        """See `Feed.settle`."""
        for one in records:
            if self._buffer.pop(one.id, None) is not None:
                self._bytes -= len(one.value)
        self._settled.set()
        LAG.labels(self._pool).set(self.lag)

    @property
    def open_now(self) -> bool:
        """Whether somebody leads here and reads."""
        return self._task is not None

    @property
    def lag(self) -> int:
        """How many records are known to wait."""
        return len(self._buffer) + sum(max(0, end - self._next(one)) for one, end in self._ends.items())

    @property
    def caught_up(self) -> bool:
        """See `Feed.caught_up`."""
        silent_since = self._clock.monotonic() - _SILENT_S
        if not self._goals:
            return self._opened_at < silent_since
        first = {one.partition: one.offset for one in reversed(self._buffer.values())}
        for partition, goal in self._goals.items():
            reached = min(self._next(partition), first.get(partition, self._next(partition)))
            silent = partition not in first and self._heard_at.get(partition, self._opened_at) < silent_since
            if not silent and (goal < 0 or reached < goal):
                return False
        return True

    def _next(self, partition: int) -> int:
        offset = self._offsets.get(partition)
        return 0 if offset is None else offset.next

    def _forget(self) -> None:
        self._buffer, self._bytes = {}, 0
        self._offsets, self._ends, self._goals, self._heard_at = {}, {}, {}, {}
        self._unproved, self._anew = set(), set()
        self.connected = False

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._read_on()
            except Exception as error:  # noqa: BLE001 - whatever it is, the engine leads on and we try again
                failures = 1 if self.connected else failures + 1
                self.connected = False
                known = isinstance(error, KafkaError | OSError)
                told = _log.warning if known else _log.error
                told("kafka_unread", topic=self.topic, error=type(error).__name__, exc_info=None if known else error)
            await self._clock.sleep(ceiling(failures, base_s=0.1, cap_s=2.0))

    async def _read_on(self) -> None:
        """Read until something breaks. Raises KafkaError and OSError."""
        partitions = await prepare(self._cluster, self.topic, self._request_ms)
        if not partitions:
            raise UnknownTopicOrPartitionError
        consumer = AIOKafkaConsumer(
            **arguments(self._cluster, self._request_ms),
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=self._long_poll_ms,
            fetch_max_bytes=_FETCH_BYTES,
        )
        try:
            await consumer.start()
            self._assign(consumer, range(partitions))
            self.connected = True
            while True:
                await self._room()
                await self._round(consumer)
        finally:
            with contextlib.suppress(TimeoutError, KafkaError, OSError):
                async with asyncio.timeout(_CLOSE_S):
                    await consumer.stop()

    def _assign(self, consumer: AIOKafkaConsumer, partitions: Iterable[int]) -> None:
        """Begin one record early where there was one, to see that it is the same."""
        assigned = [TopicPartition(self.topic, one) for one in sorted(partitions)]
        consumer.assign(assigned)
        self._unproved = {one.partition for one in assigned if self._next(one.partition)}
        for one in assigned:
            self._goals.setdefault(one.partition, -1)
            consumer.seek(one, max(0, self._next(one.partition) - 1))

    async def _room(self) -> None:
        while len(self._buffer) >= self._limit or self._bytes >= _BYTES:
            self._settled.clear()
            await self._settled.wait()
            self._heard_at = dict.fromkeys(self._goals, self._clock.monotonic())  # it was us who did not listen

    async def _round(self, consumer: AIOKafkaConsumer) -> None:
        try:
            found = await consumer.getmany(timeout_ms=_ROUND_MS, max_records=self._limit - len(self._buffer))
        except OffsetOutOfRangeError as error:
            for partition in error.args[0]:
                await self._out_of_range(consumer, partition)
            return
        before = len(self._buffer)
        for partition, records in found.items():
            await self._keep(consumer, partition, records)
        self._measure(consumer)
        if len(self._buffer) > before:
            self._wake()
        known = consumer.partitions_for_topic(self.topic) or set()
        assigned = {one.partition for one in consumer.assignment()}
        if not assigned <= known:
            raise UnknownTopicOrPartitionError  # deleted, and perhaps another by the same name: look at every offset again
        if known > assigned:
            _log.info("partitions_found", topic=self.topic, partitions=len(known))
            self._assign(consumer, known)

    def _measure(self, consumer: AIOKafkaConsumer) -> None:
        for one in consumer.assignment():
            end = consumer.highwater(one)
            if end is not None:
                self._ends[one.partition] = end
                if self._goals[one.partition] < 0:
                    self._goals[one.partition] = end
        LAG.labels(self._pool).set(self.lag)

    async def _keep(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> None:
        number = partition.partition
        self._heard_at[number] = self._clock.monotonic()
        if number in self._unproved:
            self._unproved.discard(number)
            offset, first = self._offsets[number], records[0]
            if first.offset != offset.next - 1 or mark_of(first.value or b"") != offset.mark:
                await self._begin_anew(consumer, partition, "another_topic")
                return
            records = records[1:]
        for one in records:
            value = one.value or b""
            at = one.timestamp if one.timestamp > 0 else self._clock.now_ms()
            anew = number in self._anew
            self._anew.discard(number)
            fed = Fed(next(self._ids), number, one.offset, at, value, _told(value), anew)
            self._buffer[fed.id] = fed
            self._bytes += len(value)
            self._offsets[number] = Offset(one.offset + 1, mark_of(value))

    async def _out_of_range(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """What is there does not reach back to our offset, or not up to it."""
        number = partition.partition
        next_one = self._next(number)
        begin = (await consumer.beginning_offsets([partition]))[partition]
        end = (await consumer.end_offsets([partition]))[partition]
        if end < next_one:
            await self._begin_anew(consumer, partition, "another_topic")
            return
        self._unproved.discard(number)
        if begin > next_one:
            GAPS.labels(self._pool, "expired").inc()
            _log.error("records_expired", topic=self.topic, partition=number, offset=next_one, begin=begin)
        consumer.seek(partition, max(begin, next_one))

    async def _begin_anew(self, consumer: AIOKafkaConsumer, partition: TopicPartition, why: str) -> None:
        number = partition.partition
        GAPS.labels(self._pool, why).inc()
        _log.error("partition_begun_anew", topic=self.topic, partition=number, offset=self._next(number), why=why)
        self._offsets.pop(number, None)
        self._unproved.discard(number)
        self._anew.add(number)
        self._goals[number] = -1
        consumer.seek(partition, (await consumer.beginning_offsets([partition]))[partition])


def _told(value: bytes) -> Told | ValueError:
    try:
        return read(value)
    except Unreadable as error:
        return error
