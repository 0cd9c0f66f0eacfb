"""Offsets in a topic that is no longer what it was: alarmed, gone on from, never passed over in silence (I1)."""

from collections.abc import AsyncIterator

import pytest

from ccc_router.events.kafka.reading import GAPS, KafkaFeed
from ccc_router.events.kafka.record import topic_of
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from ccc_router.storage.kafka import Cluster as Reached
from tests.integration.queues.test_isolation import consistent
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_raw, submitted
from tests.support.kafka.cluster import Cluster, ends
from tests.support.kafka.mock import MockCluster
from tests.support.spine import Spine, by_hand
from tests.support.waiting import eventually, until

pytestmark = ONE_POSTGRES
BEFORE = 20


@pytest.fixture
async def spine(kafka: Cluster, database: Database) -> AsyncIterator[Spine]:
    """A service that has taken some facts from Kafka and no longer leads."""
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka, append_s=10) as made:
        await start(made)
        for number in range(BEFORE):
            await made.facts.append([submitted(f"m{number}")])
        await made.take_all()
        await made.engine.stop()
        yield made


async def found(spine: Spine) -> int:
    """How many messages there are once everything is taken."""
    await spine.take_all()
    await consistent(spine)
    return int(await spine.database.pool.fetchval("SELECT count(*) FROM message"))


def gaps(spine: Spine, why: str) -> float:
    return float(GAPS.labels(spine.pool, why)._value.get())


async def test_an_offset_is_gone_on_from_without_a_word(spine: Spine) -> None:
    """R: the record before it is the one that was taken, so nothing is read again."""
    entries = len(await spine.entries())
    await spine.facts.append([submitted("next")])
    assert await found(spine) == BEFORE + 1
    assert len([one for one in await spine.entries() if one.position > entries and one.kind == "MessageReceived"]) == 1
    assert gaps(spine, "another_topic") == gaps(spine, "expired") == 0


async def test_another_topic_by_the_same_name_that_grew_past_the_offset(spine: Spine) -> None:
    """Deleted and made again while nobody led: its records stand where others stood. It is read from its beginning."""
    pool = spine.database.pool
    for number in range(3):
        await spine.facts.append([submitted(f"n{number}")])
    assert spine.cluster is not None
    assert spine.feed is not None
    # As if as many records of a topic that is gone had been taken: the last one of each partition was another one.
    for partition, end in (await ends(spine.cluster.servers, spine.feed.topic)).items():
        offset = "UPDATE kafka_offset SET next = $2, mark = 'another' WHERE partition = $1"
        await pool.execute(offset, partition, end)
    partitions = await pool.fetchval("SELECT count(*) FROM kafka_offset")

    async def known_again() -> bool:
        await spine.turns()
        return not await pool.fetchval("SELECT count(*) FROM kafka_offset WHERE mark = 'another'")

    await eventually(known_again)
    assert await found(spine) == BEFORE + 3
    assert gaps(spine, "another_topic") == partitions


async def test_another_topic_by_the_same_name_that_is_shorter(spine: Spine) -> None:
    """The offset is past its end. The offset is set back, which nothing else may do."""
    await spine.database.pool.execute("UPDATE kafka_offset SET next = next + 1000")
    await spine.facts.append([submitted("next")])

    async def set_back() -> bool:
        await spine.turns()
        return not await spine.database.pool.fetchval("SELECT count(*) FROM kafka_offset WHERE next > 1000")

    await eventually(set_back)
    assert await found(spine) == BEFORE + 1
    assert gaps(spine, "another_topic") > 0


async def test_records_that_expired_before_anybody_took_them(kafka_mock: MockCluster, database: Database) -> None:
    """The mock keeps 5 MiB of a partition: what is gone is alarmed, what is there is taken."""
    pool = fresh("p")
    await kafka_mock.make_topic(topic_of(pool), 1)
    async with by_hand(database, pool, FakeClock(), kafka=kafka_mock, append_s=10) as spine:
        await start(spine)
        await spine.facts.append([submitted("before")])
        await spine.take_all()
        await spine.engine.stop()
        for number in range(12):
            await spine.facts.append([], a_raw(f"rw_{number}", body=b"x" * 600_000))
        await spine.facts.append([submitted("after")])
        assert await found(spine) == 2
        assert 0 < await database.pool.fetchval("SELECT count(*) FROM raw_delivery") < 12
        assert gaps(spine, "expired") == 1


def _caught_up(feed: KafkaFeed) -> bool:
    return feed.caught_up


async def test_timers_wait_for_what_is_in_kafka(kafka_mock: MockCluster, database: Database) -> None:
    """I12, I3: what came before a take-over was there before its timers."""
    pool = fresh("p")
    feed = KafkaFeed(Reached(kafka_mock.servers), pool, SystemClock(), wake=lambda: None, long_poll_ms=10)
    async with by_hand(database, pool, FakeClock(), kafka=kafka_mock, append_s=10) as spine:
        await spine.facts.append([submitted("a")])
        feed.open({})
        try:
            assert not _caught_up(feed)
            await until(lambda: bool(feed.waiting(1)) and all(goal >= 0 for goal in feed._goals.values()))
            assert not _caught_up(feed), "it is read but not settled"
            feed.settle(feed.waiting(10))
            assert _caught_up(feed)
        finally:
            await feed.close()
