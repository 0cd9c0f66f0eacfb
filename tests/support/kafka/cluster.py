"""What the tests ask of a Kafka, whichever it is."""

from collections.abc import Iterable
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from ccc_router.storage import kafka


class Cluster(Protocol):
    """A Kafka that a test may break and mend."""

    name: str

    @property
    def servers(self) -> str:
        """host:port, several separated by commas: CCC_KAFKA_SERVERS."""

    async def make_topic(self, topic: str, partitions: int = 4) -> None:
        """Make a topic, with as many copies of each record as there are brokers."""

    async def go_away(self) -> None:
        """From now on nobody answers, as after a power cut of every broker. What was acknowledged stays."""

    async def come_back(self) -> None:
        """Every broker answers again, at the same addresses."""


class ByDoor:
    """A cluster to which the service comes as ``by`` says, by another door than the test's own look at it; its engine as ``reading`` says."""

    def __init__(self, cluster: Cluster, by: kafka.Cluster, reading: kafka.Cluster | None = None) -> None:
        self.name = cluster.name
        self.cluster = cluster
        self.by = by
        self.reading = reading or by

    @property
    def servers(self) -> str:
        """The test's own door."""
        return self.cluster.servers

    async def make_topic(self, topic: str, partitions: int = 4) -> None:
        """See `Cluster`."""
        await self.cluster.make_topic(topic, partitions)

    async def go_away(self) -> None:
        """See `Cluster`."""
        await self.cluster.go_away()

    async def come_back(self) -> None:
        """See `Cluster`."""
        await self.cluster.come_back()


def reached(cluster: Cluster) -> kafka.Cluster:
    """The same as the service's own setting."""
    return cluster.by if isinstance(cluster, ByDoor) else kafka.Cluster(cluster.servers)


def read_by(cluster: Cluster) -> kafka.Cluster:
    """The same for its engine."""
    return cluster.reading if isinstance(cluster, ByDoor) else reached(cluster)


async def ends(servers: str, topic: str) -> dict[int, int]:
    """The offset of each partition's next record."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, enable_auto_commit=False)
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return {one.partition: end for one, end in (await consumer.end_offsets(partitions)).items()}
    finally:
        await consumer.stop()


async def records(servers: str, topic: str, *, partitions: Iterable[int] = range(4)) -> list[ConsumerRecord]:
    """Every record of the topic that was committed by now, by partition and offset."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")
    wanted = [TopicPartition(topic, number) for number in partitions]
    try:
        await consumer.start()
        consumer.assign(wanted)
        ends = await consumer.end_offsets(wanted)
        await consumer.seek_to_beginning(*wanted)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for some in (await consumer.getmany(timeout_ms=1_000)).values():
                found += some
    finally:
        await consumer.stop()
    return sorted(found, key=lambda record: (record.partition, record.offset))
