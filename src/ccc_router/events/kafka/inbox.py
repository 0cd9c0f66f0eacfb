"""The inbox in Kafka: an input is durable when every broker that must have it has acknowledged it.

The dedup keys are the engine's business here (queues.taking), so no append knows that it is a duplicate. Nothing can be taken back.
A producer that broke is thrown away with what it still held; whoever waited for that hears of it, and may say it again elsewhere.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from ccc_router.events.appending import Group
from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import InboxUnavailable, Overloaded, RawDelivery, SourceOverloaded, Submission
from ccc_router.events.kafka import record
from ccc_router.events.kafka.producing import end, open_producer
from ccc_router.events.kafka.topics import REQUEST_MS
from ccc_router.kernel import crashing, tracing
from ccc_router.kernel.admission import Refusal, refusal
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import Invalid
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks, stop_quietly
from ccc_router.storage.kafka import Cluster

_log = get_logger("events.kafka")

_LARGEST: Final = 950_000
"""Bytes of a record: brokers take 1 MiB unless told otherwise, and a record travels with company."""
_BATCH: Final = 256 * 1024
_APPEND_S: Final = 2.0
_CLOSE_S: Final = 2.0


_Opening = asyncio.Task[AIOKafkaProducer | None]


class TooLarge(InboxUnavailable):
    """A record is larger than Kafka takes: it has to go another way, now and always."""

    code = "too_large"


class KafkaInbox:
    """Appends for one pool. `start` it, `close` it."""

    def __init__(
        self,
        cluster: Cluster,
        pool: str,
        clock: Clock,
        *,
        request_ms: int = REQUEST_MS,
        append_s: float = _APPEND_S,
        pending_limit: int = 20_000,
        largest: int = _LARGEST,
    ) -> None:
        self._cluster = cluster
        self._pool = pool
        self._topic = record.topic_of(pool)
        self._clock = clock
        self._request_ms = request_ms
        self._append_s = append_s
        self._pending_limit = pending_limit
        self._largest = largest
        self._pending: Counter[str] = Counter()
        self._tasks = Tasks()
        self._opening: _Opening | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to look for Kafka; it need not be there."""
        self._producer()

    async def close(self) -> None:
        """Wait shortly for what is under way, refuse what comes later."""
        self._closing = True
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            await stop_quietly(opening)
        elif opening is not None and (producer := opening.result()) is not None:
            await end(producer, _CLOSE_S)
        await self._tasks.close(_CLOSE_S)

    async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
        """See `Inbox.append`; never ``duplicate``. Raises TooLarge for what Kafka would never take; then nothing was sent."""
        with tracing.span("append", "producer") as span:
            group = Group.of(submissions, raw)
            records = self._records(submissions, group, raw)
            if not records:
                return []
            span.note({"ccc.pool": self._pool, "ccc.inputs": len(records)})
            await self._admit(submissions[0].source if submissions or raw is None else raw.endpoint, records)
        return [Appended(one.key, duplicate=False) for one in submissions]

    async def _admit(self, party: str, records: Sequence[tuple[bytes, bytes]]) -> None:
        if self._closing:
            raise InboxUnavailable
        if max(len(value) for _, value in records) > self._largest:
            raise TooLarge
        pending, more = self._pending, len(records)
        found = refusal(pending[party], pending.total(), len(pending), more, self._pending_limit)
        if found is not None:
            raise (SourceOverloaded if found is Refusal.PARTY else Overloaded)(retry_after_s=2)
        pending[party] += more
        try:
            await self._send(records)
        finally:
            pending[party] -= more
            if not pending[party]:
                del pending[party]

    async def withdraw(self, source: str, key: str) -> bool:  # noqa: ARG002 - the port's arguments
        """See `Inbox.withdraw`: what is in Kafka stays there."""
        return False

    def _records(
        self, submissions: Sequence[Submission], group: Group, raw: RawDelivery | None
    ) -> list[tuple[bytes, bytes]]:
        """Key and value of each; equal dedup keys are one. Raises Invalid for what no table could hold."""
        texts = [text for one in submissions for text in (one.source, one.key)]
        if raw is not None:
            texts += [raw.raw_id, raw.endpoint, raw.method, raw.path, raw.query, *raw.headers, *raw.headers.values()]
        if any("\0" in text for text in texts):
            raise Invalid("The content cannot be stored.")
        now_ms = self._clock.now_ms()
        found: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        try:
            for one, (source, key, body, trace) in zip(submissions, group.rows, strict=True):
                if (source, key) not in found:
                    first = raw if not found else None
                    found[source, key] = record.partition_key(one), record.write(one, body, first, now_ms, trace)
            if not found and raw is not None:
                return [(record.kept_key(raw), record.write_kept(raw, now_ms))]
        except ValueError as error:
            raise Invalid("The content holds a character that is none.") from error
        return list(found.values())

    async def _send(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Return when all are acknowledged. Raises InboxUnavailable when that cannot be said: they may be there or not."""
        opening = self._producer()
        try:
            async with asyncio.timeout(self._append_s):
                producer = await asyncio.shield(opening)
                if producer is None:
                    raise InboxUnavailable
                now_ms = self._clock.now_ms()
                crashing.before(Site.KAFKA)
                sent = [
                    await producer.send(self._topic, value, key=key, timestamp_ms=now_ms, headers=record.HEADERS)
                    for key, value in records
                ]
                await asyncio.gather(*sent)
                crashing.after(Site.KAFKA)
        except MessageSizeTooLargeError as error:
            self._throw_away(opening)
            raise TooLarge from error
        except (KafkaError, OSError, TimeoutError) as error:
            self._throw_away(opening)
            _log.warning("kafka_append_failed", error=type(error).__name__, records=len(records))
            raise InboxUnavailable from error

    def _producer(self) -> _Opening:
        """The producer, or the one that is being made. One that could not be made is made anew."""
        opening = self._opening
        if opening is None or (opening.done() and opening.result() is None):
            opening = self._opening = self._tasks.start(self._open(), name="kafka-producer")
        return opening

    async def _open(self) -> AIOKafkaProducer | None:
        try:
            return await open_producer(
                self._cluster,
                self._topic,
                self._request_ms,
                max_batch_size=_BATCH,
                max_request_size=self._largest + 4_096,
            )
        except (KafkaError, OSError) as error:
            _log.warning("kafka_unreachable", error=type(error).__name__)
            return None

    def _throw_away(self, opening: _Opening) -> None:
        """Others may have come as far as to be acknowledged: they get a moment for it."""
        if self._opening is not opening or not opening.done():
            return
        self._opening = None
        producer = opening.result()
        if producer is not None:
            self._tasks.start(end(producer, _CLOSE_S), name="kafka-producer-end")
