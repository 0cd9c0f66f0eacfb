"""The feed while there is nothing to read from: it holds nobody up for ever."""

from ccc_router.events.kafka.feed import Offset
from ccc_router.events.kafka.reading import KafkaFeed
from ccc_router.kernel.ids import fresh
from ccc_router.storage.kafka import Cluster
from tests.support.fake_clock import FakeClock

NOWHERE = Cluster("127.0.0.1:1")


def _caught_up(feed: KafkaFeed) -> bool:
    return feed.caught_up


async def test_timers_do_not_wait_for_a_kafka_that_is_away() -> None:
    """I12: for seconds, not for ever."""
    clock = FakeClock()
    feed = KafkaFeed(NOWHERE, fresh("p"), clock, wake=lambda: None)
    feed.open({})
    try:
        assert not _caught_up(feed)
        await clock.advance(4.9)
        assert not _caught_up(feed)
        await clock.advance(0.2)
        assert _caught_up(feed)
    finally:
        await feed.close()


async def test_timers_do_not_wait_for_a_partition_that_fell_silent() -> None:
    """I12: it has records that nobody can read, because its only leader went; of the other everything is settled."""
    clock = FakeClock()
    feed = KafkaFeed(NOWHERE, fresh("p"), clock, wake=lambda: None)
    feed.open({0: Offset(5, b""), 1: Offset(3, b"")})
    try:
        feed._goals = {0: 5, 1: 8}
        await clock.advance(4.9)
        assert not _caught_up(feed)
        await clock.advance(0.2)
        assert _caught_up(feed)
    finally:
        await feed.close()
