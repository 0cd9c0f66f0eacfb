"""I1, I2: the way to a real Kafka is half open, gives no answer, is reset or slow, for who appends, who reads and who relays.

The broker tells its clients the address of a proxy, so nobody goes past it; what is on the topics is looked at by another door.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import pytest

from ccc_router.events.kafka.record import topic_of
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.fake_clock import FakeClock
from tests.support.fault_proxy import BOTH, Faults
from tests.support.kafka.cluster import ByDoor, records
from tests.support.kafka.fixtures import Way
from tests.support.relayed import REQUEST_MS, a_relay, place, relaying, taken_once
from tests.support.spine import Spine, by_hand
from tests.support.telling import back, messages, taken, told
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.timeout(120)
NO_ANSWER: Final = Faults(swallow=frozenset({"back"}))
HALF_OPEN: Final = Faults(swallow=BOTH)
RESET: Final = Faults(reset_after=6_000)
SLOW: Final = Faults(delay_s=0.03, bytes_per_s=2_000_000)


@asynccontextmanager
async def a_spine(database: Database, kafka: ByDoor, append_s: float = 1.0) -> AsyncIterator[Spine]:
    """A service that has told one fact by Kafka."""
    feeding = {"request_ms": REQUEST_MS}
    async with by_hand(database, fresh("p"), FakeClock(), kafka=kafka, append_s=append_s, feeding=feeding) as spine:
        await start(spine)
        await spine.connected()
        await told(spine, "before")
        assert await taken(spine) == messages("before")
        yield spine


async def relayed(spine: Spine, topic: str) -> None:
    """Wait until the topic has the whole journal; it has every entry once for who passes over what is not greater (I13)."""
    head = spine.state.position
    await eventually(lambda: _is_at(spine, topic, head), within_s=30, what="the topic to have everything")
    assert spine.cluster is not None
    found = await records(spine.cluster.servers, topic)
    assert sorted(taken_once(found)) == list(range(1, head + 1))


async def _is_at(spine: Spine, topic: str, position: int) -> bool:
    return await place(spine.database, topic, spine.pool) >= position


@pytest.mark.parametrize("faults", [HALF_OPEN, NO_ANSWER, RESET], ids=["half-open", "no-answer", "reset"])
async def test_i1_i2_facts_fall_back_and_return_when_the_way_is_spoilt(
    database: Database, kafka_way: Way, topic: str, faults: Faults
) -> None:
    """Appending, reading and relaying alike: what was acknowledged is there once, and the topic has all of the journal."""
    await kafka_way.cluster.make_topic(topic)
    async with (
        a_spine(database, kafka_way.both) as spine,
        relaying(a_relay(database, kafka_way.both, topic, pool=spine.pool)),
    ):
        await relayed(spine, topic)
        kafka_way.proxy.faults = faults
        keys = [f"m{number}" for number in range(60)]
        await asyncio.gather(*(told(spine, key) for key in keys))
        await until(lambda: kafka_way.proxy.spoilt, what="the way to be spoilt")
        await spine.turns()
        kafka_way.proxy.faults = Faults()
        after = await back(spine)
        await told(spine, "last")
        assert await taken(spine) == messages("before", *keys, *after, "last")
        await relayed(spine, topic)


async def test_i2_what_kafka_took_without_an_answer_is_a_copy(database: Database, kafka_way: Way) -> None:
    """The brokers have it, the engine reads it from them, and PostgreSQL is told it as well because nobody heard that they have it."""
    async with a_spine(database, kafka_way.producing) as spine:
        kafka_way.proxy.faults = NO_ANSWER
        keys = [f"m{number}" for number in range(10)]
        await asyncio.gather(*(told(spine, key) for key in keys))
        assert spine.kafka is not None
        assert spine.kafka.mode == "postgres"
        there = await records(kafka_way.cluster.servers, topic_of(spine.pool), partitions=range(12))
        assert set(keys) & {msgspec.json.decode(one.value or b"")["id"] for one in there}, "none was there twice"
        assert await taken(spine) == messages("before", *keys)
        kafka_way.proxy.faults = Faults()
        after = await back(spine)
        assert await taken(spine) == messages("before", *keys, *after)


async def test_i1_what_is_in_kafka_is_taken_when_its_reader_hears_again(database: Database, kafka_way: Way) -> None:
    """Facts go on being acknowledged by Kafka, the engine goes on leading and deciding what comes by PostgreSQL, and then it takes them."""
    async with a_spine(database, kafka_way.reading, append_s=10) as spine:
        kafka_way.proxy.faults = HALF_OPEN
        await until(lambda: kafka_way.proxy.spoilt, what="the way to be spoilt")
        keys = [f"m{number}" for number in range(10)]
        await told(spine, *keys)
        assert spine.kafka is not None
        assert spine.kafka.mode == "kafka"
        await spine.drive(spine.ready("dung"))
        assert spine.engine.leading
        kafka_way.proxy.faults = Faults()
        assert await taken(spine) == messages("before", *keys)


async def test_i1_a_slow_way_only_takes_longer(database: Database, kafka_way: Way, topic: str) -> None:
    await kafka_way.cluster.make_topic(topic)
    async with a_spine(database, kafka_way.both, append_s=30) as spine:
        kafka_way.proxy.faults = SLOW
        async with relaying(a_relay(database, kafka_way.both, topic, pool=spine.pool)):
            keys = [f"m{number}" for number in range(10)]
            await asyncio.gather(*(told(spine, key) for key in keys))
            assert spine.kafka is not None
            assert spine.kafka.mode == "kafka"
            assert await taken(spine) == messages("before", *keys)
            await relayed(spine, topic)
