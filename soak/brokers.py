"""The Kafka of a run: a real broker where there is Java and it was fetched, librdkafka's mock cluster, or none."""

import asyncio
import signal
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from soak.world import Kafka
from tests.support.kafka.mock import MockCluster
from tests.support.kafka.real import RealCluster, programs

_ONE = 1


async def ends_of(servers: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Behind which offset each partition of these topics ends. Raises KafkaError when nobody answers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        wanted = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in consumer.partitions_for_topic(topic) or await _found(consumer, topic)
        ]
        found = await consumer.end_offsets(wanted)
    finally:
        await consumer.stop()
    return {(one.topic, one.partition): int(end) for one, end in found.items()}


async def _found(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer.topics()
    return set(consumer.partitions_for_topic(topic) or ())


class RealKafka:
    """One real node on the loopback, which is both broker and controller."""

    def __init__(self, cluster: RealCluster) -> None:
        self._cluster = cluster
        self.servers = cluster.servers

    async def start(self) -> None:
        """Start it, or again, and wait until it answers."""
        await self._cluster.come_back()

    async def kill(self) -> None:
        """kill -9."""
        self._cluster.kill(_ONE)

    async def stop(self) -> None:
        """SIGTERM, and wait: an orderly stop of a broker."""
        self._cluster.nodes[_ONE].signal(signal.SIGTERM)
        while self._cluster.nodes[_ONE].alive:
            await asyncio.sleep(0.05)

    async def pause(self, seconds: float) -> None:
        """It answers nothing for so long, and keeps its connections."""
        self._cluster.pause(_ONE)
        await asyncio.sleep(seconds)
        self._cluster.resume(_ONE)

    async def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Where the partitions of these topics end."""
        return await ends_of(self.servers, topics)

    async def close(self) -> None:
        """End it for good; its data is removed."""
        self._cluster.stop()


class MockKafka:
    """The mock cluster: it lives in this process, so a kill is that nobody answers."""

    def __init__(self) -> None:
        self._cluster = MockCluster()
        self._cluster.start()
        self.servers = self._cluster.servers

    async def start(self) -> None:
        """Everybody answers."""
        await self._cluster.come_back()

    async def kill(self) -> None:
        """Connections are cut, and nobody listens, for a moment."""
        await self.stop()
        await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """Nobody listens."""
        await self._cluster.go_away()

    async def pause(self, seconds: float) -> None:
        """Every answer takes so long."""
        self._cluster.delay(int(seconds * 1000))
        await asyncio.sleep(seconds)
        self._cluster.delay(0)

    async def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Where the partitions of these topics end."""
        return await ends_of(self.servers, topics)

    async def close(self) -> None:
        """End it."""
        self._cluster.stop()


def choose(wanted: str) -> tuple[str, Kafka | None]:
    """The Kafka of this name and what it is. ``auto``: a real one where there is one, else none. Ends the run for a real one that is not there."""
    found = programs() if wanted in {"real", "auto"} else None
    if found is not None:
        return "real", RealKafka(RealCluster(found, _ONE))
    if wanted == "real":
        raise SystemExit(
            "there is no real Kafka here: tests/support/kafka/fetch.sh fetches one where there is Java and Maven"
        )
    return ("mock", MockKafka()) if wanted == "mock" else ("none", None)
