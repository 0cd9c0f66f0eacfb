"""While Kafka does not acknowledge, facts go through PostgreSQL, and back: nothing lost, nothing doubled, nobody made to wait twice."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from ccc_router.events.kafka.fallback import FALLBACKS, MODE
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_raw, submitted
from tests.support.kafka.cluster import Cluster, records
from tests.support.kafka.mock import NOT_ENOUGH_REPLICAS, NOT_LEADER, PRODUCE, TIMED_OUT, MockCluster
from tests.support.spine import Spine, by_hand
from tests.support.telling import back, messages, taken, told

pytestmark = [pytest.mark.timeout(120), ONE_POSTGRES]
PATIENCE_S = 1.0


@pytest.fixture
async def spine(own_kafka: Cluster, database: Database) -> AsyncIterator[Spine]:
    """A service whose Kafka the test may stop."""
    async with by_hand(database, fresh("p"), FakeClock(), kafka=own_kafka, append_s=PATIENCE_S) as made:
        await start(made)
        await made.connected()
        await told(made, "before")
        yield made


async def test_i1_i2_kafka_goes_and_comes_back(own_kafka: Cluster, spine: Spine) -> None:
    """I15: told before, while and after; each once; and while it is away only the first one waits for it."""
    assert spine.kafka is not None
    before = FALLBACKS.labels(spine.pool, "unacknowledged")._value.get()
    await own_kafka.go_away()
    await told(spine, "first")
    assert spine.kafka.mode == "postgres"
    assert MODE.labels(spine.pool)._value.get() == 0
    assert FALLBACKS.labels(spine.pool, "unacknowledged")._value.get() == before + 1
    while_away = [f"w{number}" for number in range(30)]
    await told(spine, *while_away)
    await spine.turns()
    assert await spine.database.pool.fetchval("SELECT count(*) FROM message") >= 31, "the engine goes on"
    await own_kafka.come_back()
    after = await back(spine)
    assert MODE.labels(spine.pool)._value.get() == 1
    await told(spine, "last")
    assert await taken(spine) == messages("before", "first", *while_away, *after, "last")
    assert await spine.database.pool.fetchval("SELECT count(*) FROM raw_delivery") == 33 + len(after)


async def test_i1_many_at_once_while_it_goes(own_kafka: Cluster, spine: Spine) -> None:
    """Whatever was acknowledged is there, however far each had come."""
    keys = [f"m{number}" for number in range(200)]
    telling = asyncio.gather(*(told(spine, key) for key in keys))
    await own_kafka.go_away()
    await telling
    await own_kafka.come_back()
    after = await back(spine)
    assert await taken(spine) == messages("before", *keys, *after)


async def test_i2_a_record_that_came_late_is_a_copy(kafka_mock: MockCluster, database: Database) -> None:
    """Nobody waited for its acknowledgement any more, PostgreSQL took it as well, and then it was in Kafka after all."""
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka_mock, append_s=0.4) as spine:
        await start(spine)
        await spine.connected()
        await told(spine, "before")
        assert spine.feed is not None
        kafka_mock.delay(1_000)
        await told(spine, *(f"m{number}" for number in range(5)))
        kafka_mock.delay(0)
        after = await back(spine)
        await spine.take_all()
        sent = [
            msgspec.json.decode(one.value or b"")["id"] for one in await records(kafka_mock.servers, spine.feed.topic)
        ]
        assert "m0" in sent, "the late one is there"
        assert await taken(spine) == messages("before", *(f"m{number}" for number in range(5)), *after)


async def test_errors_of_brokers_are_ridden_out(kafka_mock: MockCluster, database: Database) -> None:
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka_mock, append_s=10) as spine:
        await start(spine)
        await told(spine, "before")
        assert spine.kafka is not None
        kafka_mock.fail(PRODUCE, NOT_ENOUGH_REPLICAS, TIMED_OUT, NOT_LEADER)
        await told(spine, *(f"m{number}" for number in range(20)))
        assert spine.kafka.mode == "kafka"
        assert await taken(spine) == messages("before", *(f"m{number}" for number in range(20)))


async def test_what_is_too_large_for_kafka_goes_through_postgresql(own_kafka: Cluster, spine: Spine) -> None:
    """A mail of 25 MB is no reason to leave Kafka, nor to be refused."""
    assert spine.kafka is not None
    [appended] = await spine.facts.append([submitted("large")], a_raw("rw_large", body=b"x" * 2_000_000))
    assert not appended.duplicate
    assert spine.kafka.mode == "kafka"
    assert await spine.database.pool.fetchval("SELECT count(*) FROM inbox") == 1
    assert await taken(spine) == messages("before", "large")
    assert (
        await spine.database.pool.fetchval("SELECT length(body) FROM raw_delivery WHERE raw_id = 'rw_large'")
        == 2_000_000
    )


async def test_what_the_broker_finds_too_large_goes_through_postgresql(
    kafka_mock: MockCluster, database: Database
) -> None:
    """Its limit may be lower than ours; what follows goes through Kafka again at once."""
    too_large = 10
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka_mock, append_s=10) as spine:
        await start(spine)
        await told(spine, "before")
        assert spine.kafka is not None
        kafka_mock.fail(PRODUCE, too_large)
        await told(spine, "large")
        assert spine.kafka.mode == "kafka"
        await told(spine, "next")
        assert await taken(spine) == messages("before", "large", "next")


async def test_a_service_starts_without_its_kafka(kafka_mock: MockCluster, database: Database) -> None:
    """I1: it leads, takes facts, and has Kafka when that comes."""
    await kafka_mock.go_away()
    try:
        async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka_mock, append_s=PATIENCE_S) as spine:
            await start(spine)
            await told(spine, "first", "second")
            await spine.turns()
            assert await spine.database.pool.fetchval("SELECT count(*) FROM message") == 2
            await kafka_mock.come_back()
            after = await back(spine)
            assert await taken(spine) == messages("first", "second", *after)
    finally:
        await kafka_mock.come_back()
