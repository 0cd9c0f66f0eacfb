"""The clusters that the tests stand on do what the tests take for granted."""

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.support import tree
from tests.support.kafka.cluster import Cluster, reached, records
from tests.support.kafka.mock import NOT_ENOUGH_REPLICAS, NOT_LEADER, PRODUCE, TIMED_OUT, MockCluster
from tests.support.kafka.real import RealCluster
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def a_producer(cluster: Cluster, **more: int) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **reached(cluster).arguments(), acks="all", enable_idempotence=True, retry_backoff_ms=20, **more
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def acknowledged(producer: AIOKafkaProducer, topic: str, numbers: range) -> list[int]:
    """Send them all at once; those that were acknowledged."""
    sent = [await producer.send(topic, b"%d" % number, key=b"%d" % (number % 7)) for number in numbers]
    ends = await asyncio.gather(*sent, return_exceptions=True)
    return [number for number, end in zip(numbers, ends, strict=True) if not isinstance(end, BaseException)]


async def kept(cluster: Cluster, topic: str, partitions: int = 4) -> list[int]:
    return [int(record.value) for record in await records(cluster.servers, topic, partitions=range(partitions))]


async def all_kept(cluster: Cluster, topic: str, told: list[int]) -> None:
    """What was acknowledged is there. Right after an election a leader may not yet show all that it has."""

    async def there() -> bool:
        return set(told) <= set(await kept(cluster, topic, 6))

    await eventually(there, within_s=30, what="what was acknowledged to be there")


async def test_what_is_acknowledged_is_read_once_in_the_order_of_its_key(kafka: Cluster, topic: str) -> None:
    await kafka.make_topic(topic)
    async with a_producer(kafka) as producer:
        assert await acknowledged(producer, topic, range(500)) == list(range(500))
    found = await records(kafka.servers, topic)
    assert sorted(int(record.value) for record in found) == list(range(500))
    for key in {record.key for record in found}:
        of_key = [int(record.value) for record in found if record.key == key]
        assert of_key == sorted(of_key)


async def test_a_cluster_that_went_comes_back_with_what_it_acknowledged(own_kafka: Cluster, topic: str) -> None:
    await own_kafka.make_topic(topic, 1)
    async with a_producer(own_kafka, request_timeout_ms=2_000) as producer:
        assert len(await acknowledged(producer, topic, range(100))) == 100
        await own_kafka.go_away()
        waiting = asyncio.ensure_future(acknowledged(producer, topic, range(100, 110)))  # noqa: TID251
        with pytest.raises(KafkaError):
            await kept(own_kafka, topic, 1)
        await own_kafka.come_back()
        await waiting
        last = await producer.send_and_wait(topic, b"110")
    found = await kept(own_kafka, topic, 1)
    assert found[:100] == list(range(100))
    assert found[last.offset] == 110


async def test_errors_are_ridden_out_by_an_idempotent_producer(kafka_mock: MockCluster, topic: str) -> None:
    await kafka_mock.make_topic(topic, 1)
    async with a_producer(kafka_mock) as producer:
        await producer.send_and_wait(topic, b"0")
        kafka_mock.fail(PRODUCE, NOT_ENOUGH_REPLICAS, TIMED_OUT, NOT_LEADER)
        assert len(await acknowledged(producer, topic, range(1, 50))) == 49
    assert await kept(kafka_mock, topic, 1) == list(range(50))


async def test_a_killed_broker_of_three_loses_nothing_that_was_acknowledged(
    kafka_trio: RealCluster, topic: str
) -> None:
    await kafka_trio.make_topic(topic, 6)
    async with a_producer(kafka_trio, request_timeout_ms=5_000) as producer:
        told = await acknowledged(producer, topic, range(300))
        kafka_trio.kill(2)
        told += await acknowledged(producer, topic, range(300, 600))
    assert len(told) > 300
    await kafka_trio.come_back()
    await all_kept(kafka_trio, topic, told)


async def test_a_paused_broker_of_three_is_passed_over(kafka_trio: RealCluster, topic: str) -> None:
    await kafka_trio.make_topic(topic, 6)
    async with a_producer(kafka_trio, request_timeout_ms=2_000) as producer:
        told = await acknowledged(producer, topic, range(300))
        kafka_trio.pause(3)
        told += await acknowledged(producer, topic, range(300, 400))
        kafka_trio.resume(3)
        told += await acknowledged(producer, topic, range(400, 500))
    await kafka_trio.ready()
    await all_kept(kafka_trio, topic, told)
    assert kafka_trio.nodes[3].alive


async def test_no_node_outlives_the_tests_however_they_end(kafka_programs: Path) -> None:
    code = (
        "import os, signal\n"
        "from tests.support.kafka.real import RealCluster, programs\n"
        "cluster = RealCluster(programs())\n"
        "cluster.nodes[1].start()\n"
        "print(cluster.nodes[1].pid, cluster.folder, flush=True)\n"
        "signal.pause()\n"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, cwd=tree.ROOT)
    assert child.stdout is not None
    pid, folder = (await child.stdout.readline()).decode().split()
    running = Path(f"/proc/{pid}/fd")
    await until(running.exists, what=f"the node {pid} to begin")
    child.kill()
    await child.wait()
    await until(lambda: not running.exists(), what=f"the node {pid} to end")
    shutil.rmtree(folder)
