"""The inbox on three real brokers: one killed, one paused, a topic deleted and made again, partitions added (I1, I2, I15)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from ccc_router.events.kafka.reading import GAPS
from ccc_router.events.kafka.record import topic_of
from ccc_router.events.kafka.topics import PARTITIONS
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.integration.queues.test_isolation import consistent, parked
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, submitted
from tests.support.kafka.cluster import ends
from tests.support.kafka.real import RealCluster
from tests.support.spine import Spine, by_hand
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timeout(120), ONE_POSTGRES]


@pytest.fixture
async def spine(kafka_trio: RealCluster, database: Database) -> AsyncIterator[Spine]:
    """A service on it, at work."""
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka_trio, append_s=1.0) as made:
        await start(made)
        await made.connected()
        await told(made, "first")
        yield made


async def told(spine: Spine, *keys: str) -> None:
    """Each is acknowledged by Kafka or by PostgreSQL; the engine runs besides."""
    await asyncio.gather(*(spine.facts.append([submitted(key)]) for key in keys))
    await spine.turns()


async def once_each(spine: Spine, *keys: str) -> None:
    await spine.take_all()
    rows = await spine.database.pool.fetch("SELECT id FROM message ORDER BY id")
    assert [row[0] for row in rows] == sorted(a_message(key).message_id for key in keys)
    assert (await spine.kinds()).count("MessageReceived") == len(keys)
    assert await parked(spine.database) == []
    await consistent(spine)


async def through_kafka_again(spine: Spine) -> list[str]:
    """Tell on until facts go that way."""
    keys: list[str] = []

    async def returned() -> bool:
        keys.append(f"r{len(keys)}")
        await told(spine, keys[-1])
        return spine.kafka is not None and spine.kafka.mode == "kafka"

    await eventually(returned, within_s=40, what="facts to go through Kafka again")
    return keys


async def test_the_topic_is_made_to_outlive_a_broker(kafka_trio: RealCluster, spine: Spine) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_trio.servers)
    await admin.start()
    try:
        [described] = await admin.describe_topics([topic_of(spine.pool)])
    finally:
        await admin.close()
    assert len(described["partitions"]) == PARTITIONS
    assert {len(one["replicas"]) for one in described["partitions"]} == {3}


async def test_i1_i2_one_broker_of_three_is_killed_and_comes_back(kafka_trio: RealCluster, spine: Spine) -> None:
    before = [f"b{number}" for number in range(100)]
    await told(spine, *before)
    kafka_trio.kill(2)
    during = [f"d{number}" for number in range(200)]
    for first in range(0, 200, 20):
        await told(spine, *during[first : first + 20])
    returned = await through_kafka_again(spine)
    await once_each(spine, "first", *before, *during, *returned)


async def test_i1_i2_one_broker_of_three_is_paused(kafka_trio: RealCluster, spine: Spine) -> None:
    """It answers nothing and refuses nothing."""
    kafka_trio.pause(3)
    during = [f"d{number}" for number in range(200)]
    for first in range(0, 200, 20):
        await told(spine, *during[first : first + 20])
    returned = await through_kafka_again(spine)
    kafka_trio.resume(3)
    after = [f"a{number}" for number in range(50)]
    await told(spine, *after)
    await once_each(spine, "first", *during, *returned, *after)


async def test_i1_new_partitions_are_read_and_a_topic_made_again_is_read_from_its_beginning(
    kafka_trio: RealCluster, spine: Spine
) -> None:
    topic = topic_of(spine.pool)
    keys = [f"k{number}" for number in range(60)]
    await told(spine, *keys)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_trio.servers)
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(PARTITIONS + 4)})

        async def used() -> bool:
            keys.append(f"k{len(keys)}")
            await told(spine, keys[-1])
            found = await ends(kafka_trio.servers, topic)
            return sum(1 for one, end in found.items() if one >= PARTITIONS and end > 0) == 4

        await eventually(used, within_s=40, what="every new partition to be used")
        await once_each(spine, "first", *keys)
        await admin.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await admin.list_topics()

        await eventually(gone)
        anew = await through_kafka_again(spine)
        while spine.kafka is None or not (await ends(kafka_trio.servers, topic)):
            anew += await through_kafka_again(spine)
    finally:
        await admin.close()
    anew += [f"z{number}" for number in range(40)]
    await told(spine, *anew[-40:])

    async def all_there() -> bool:
        await spine.turns()
        return bool(
            await spine.database.pool.fetchval("SELECT count(*) FROM message") == 1 + len(keys) + len(set(anew))
        )

    await eventually(all_there, within_s=30, what="the new topic to be read from its beginning")
    assert GAPS.labels(spine.pool, "another_topic")._value.get() > 0
    await consistent(spine)
