"""Producers: idempotent, acknowledged by every broker that must have it, and ended without waiting for those that are away."""

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from ccc_router.events.kafka.topics import arguments, prepare
from ccc_router.storage.kafka import Cluster


async def open_producer(cluster: Cluster, topic: str, request_ms: int, **more: Any) -> AIOKafkaProducer:
    """A producer that has found its brokers; the topic is there if it could be made. Raises KafkaError, OSError, TimeoutError."""
    producer: AIOKafkaProducer | None = None
    try:
        async with asyncio.timeout(2 * request_ms / 1000):
            await prepare(cluster, topic, request_ms)
            producer = AIOKafkaProducer(**arguments(cluster, request_ms), enable_idempotence=True, acks="all", **more)
            await producer.start()
    except BaseException:
        if producer is not None:
            await end(producer, 0)
        raise
    return producer


async def end(producer: AIOKafkaProducer, patience_s: float) -> None:
    """Stop a producer. It would wait without end for a broker that does not come back; what it holds by then is dropped."""
    with contextlib.suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(patience_s):
            await producer.stop()
            return
    # `stop` left its parts at work, and nobody else can end them. Who still waits hears of it; what nobody waits for any more is no news.
    held = producer._message_accumulator  # noqa: SLF001
    batches = [*held._pending_batches, *(batch for queue in held._batches.values() for batch in queue)]  # noqa: SLF001
    held.fail_all(KafkaConnectionError("given up"))
    for batch in batches:
        for future in (batch.future, batch._drain_waiter):  # noqa: SLF001
            if future.done() and not future.cancelled():
                future.exception()
    await producer.client.close()
    sender = producer._sender  # noqa: SLF001
    if sender.sender_task is not None:
        sender.sender_task.remove_done_callback(sender._fail_all)  # noqa: SLF001 - done above; it fails for producers without transactions
    with contextlib.suppress(Exception):  # what was under way finds its batches given up
        await sender.close()
