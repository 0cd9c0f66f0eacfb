"""The journal on a topic: every entry, at least once, in order, whoever relays it and whatever Kafka does (I13, I15)."""

import asyncio
import itertools
import tracemalloc
from collections.abc import Sequence

import asyncpg
import pytest

from ccc_router.events.envelope import Entry
from ccc_router.events.kafka.journal import JournalTopic
from ccc_router.kernel.clock import SystemClock, format_utc
from ccc_router.kernel.ids import derive
from ccc_router.kernel.tasks import Tasks
from ccc_router.storage import leases
from ccc_router.storage.database import Database
from ccc_router.workers.relay import LAG, LONGEST_REST_S, Relay
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.inputs import accept, submitted
from tests.support.kafka.cluster import Cluster, reached, records
from tests.support.kafka.mock import NOT_ENOUGH_REPLICAS, PRODUCE, TIMED_OUT, MockCluster
from tests.support.kafka.real import RealCluster
from tests.support.relayed import (
    REQUEST_MS,
    a_relay,
    bodies,
    events,
    journalled,
    place,
    relaying,
    taken_once,
    through,
    write,
)
from tests.support.spine import running
from tests.support.waiting import eventually, until

pytestmark = [ONE_POSTGRES, pytest.mark.timeout(120)]
TASKS = Tasks()
_REFUSED = 29  # TOPIC_AUTHORIZATION_FAILED: nothing that a producer tries again


async def test_i13_every_entry_is_on_the_topic_once_in_the_order_of_its_contact(
    database: Database, kafka: Cluster, topic: str
) -> None:
    await kafka.make_topic(topic)
    async with running(database) as spine, relaying(a_relay(database, kafka, topic)):
        await spine.ready("an", "binh")
        for number in range(20):
            await spine.inbox.append([submitted(f"m{number}-{part}") for part in range(3)])
        await spine.empty()
        offers = [offer.id for offer in spine.state.offers.values()]
        for offer_id in offers:
            await spine.ask(accept(offer_id, spine.state.offers[offer_id].agent_id))
        head = spine.state.position
        await eventually(lambda: _is_at(database, topic, head), what="the topic to have everything")
    entries = {entry.position: entry for entry in await journalled(database)}
    found = await records(kafka.servers, topic)
    assert sorted(event["data"]["position"] for event in events(found)) == list(range(1, head + 1))
    keys: dict[bytes, set[int]] = {}
    for record, event in zip(found, events(found), strict=True):
        entry = entries[event["data"]["position"]]
        assert event["id"] == f"main/{entry.position}"
        assert event["type"] == f"ccc.entry.{entry.kind}.v1"
        assert event["time"] == format_utc(entry.at)
        assert entry.body in record.value  # as stored, byte for byte: the chain can be checked from the topic
        assert record.key.decode() == event["partitionkey"] == event.get("subject", "main")
        assert dict(record.headers)["content-type"] == b"application/cloudevents+json; charset=UTF-8"
        keys.setdefault(record.key, set()).add(record.partition)
    assert taken_once(found) == [event["data"]["position"] for event in events(found)]
    assert all(len(partitions) == 1 for partitions in keys.values())
    arrival = derive("ct", "portal", "m3-1").encode()
    assert {"MessageReceived", "ContactOpened", "ContactQueued"} <= {
        event["data"]["kind"] for record, event in zip(found, events(found), strict=True) if record.key == arrival
    }


async def _is_at(database: Database, topic: str, position: int) -> bool:
    return await place(database, topic) >= position


class _Killed(JournalTopic):
    """Ends like a process that is killed after the acknowledgement and before anything could be written down."""

    async def publish(self, entries: Sequence[Entry]) -> bool:
        await super().publish(entries)
        raise SystemError


async def test_what_was_sent_and_not_written_down_comes_again_under_the_same_ids(
    database: Database, kafka: Cluster, topic: str
) -> None:
    await kafka.make_topic(topic)
    await write(database, bodies(60))
    killed = Relay(database, "main", _Killed(reached(kafka), topic, request_ms=REQUEST_MS), SystemClock(), page=40)
    with pytest.raises(SystemError):
        await killed.run_once()
    await killed.stop()
    assert await place(database, topic) == 0
    heir = a_relay(database, kafka, topic, page=25)
    await through(heir)
    await heir.stop()
    found = await records(kafka.servers, topic)
    ids = [event["id"] for event in events(found)]
    assert len(ids) == 100
    assert set(ids) == {f"main/{position}" for position in range(1, 61)}
    assert sorted(taken_once(found)) == list(range(1, 61))
    assert await place(database, topic) == 60


class _Paused(JournalTopic):
    """Lets a test do something between the acknowledgement and the writing down."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        super().__init__(reached(cluster), topic, request_ms=REQUEST_MS)
        self.sent = asyncio.Event()
        self.go_on = asyncio.Event()

    async def publish(self, entries: Sequence[Entry]) -> bool:
        done = await super().publish(entries)
        self.sent.set()
        await self.go_on.wait()
        return done


class _Slow:
    """A topic that takes so long for a page, on the test's clock; and notes when each began."""

    name = "slow"

    def __init__(self, clock: FakeClock, takes_s: float) -> None:
        self._clock = clock
        self._takes_s = takes_s
        self.began: list[float] = []

    async def publish(self, entries: Sequence[Entry]) -> bool:
        self.began.append(self._clock.monotonic())
        await self._clock.sleep(self._takes_s)
        return True

    async def close(self, patience_s: float = 2.0) -> None: ...


@pytest.mark.parametrize("takes_s", [0.02, 0.5, 5.0])
async def test_r27_a_relay_that_is_behind_rests_as_long_as_it_works(database: Database, takes_s: float) -> None:
    """Catching up has half of the time of what it works on, and stopping does not wait for a rest."""
    await write(database, bodies(50))
    clock = FakeClock()
    topic = _Slow(clock, takes_s)
    relay = Relay(database, "main", topic, clock, page=10)
    turns = TASKS.start(_turns(relay), name="turns")

    async def over() -> bool:
        await clock.advance(takes_s / 4)
        return turns.done()

    await eventually(over)
    gaps = [later - earlier for earlier, later in itertools.pairwise(topic.began)]
    rest_s = min(takes_s, LONGEST_REST_S)
    assert len(gaps) == 4
    assert min(gaps) > takes_s + rest_s - 1e-6
    await write(database, bodies(30))
    late = TASKS.start(relay.run_once(), name="late")
    await until(lambda: len(topic.began) == 6)
    await clock.advance(takes_s)
    await eventually(lambda: _is_at(database, "slow", 60))
    await until(lambda: clock.sleepers > 0, what="it to rest")
    await relay.stop()
    assert await late, "there was more, and it went off without its rest"


async def test_i17_what_is_sent_while_it_stops_is_waited_for_and_written_down(database: Database) -> None:
    await write(database, bodies(10))
    clock = FakeClock()
    topic = _Slow(clock, 1.0)
    relay = Relay(database, "main", topic, clock)
    turn = TASKS.start(relay.run_once(), name="turn")
    await until(lambda: len(topic.began) == 1)
    stopping = TASKS.start(relay.stop(60), name="stopping")
    await clock.advance(1.0)
    await stopping
    await turn
    assert (await place(database, "slow"), relay.leading) == (10, False)


async def _turns(relay: Relay) -> None:
    while await relay.run_once():
        pass


async def test_i15_a_relay_that_slept_through_its_lease_moves_nothing(
    database: Database, kafka_mock: MockCluster, topic: str
) -> None:
    await kafka_mock.make_topic(topic)
    await write(database, bodies(30))
    pausing = _Paused(kafka_mock, topic)
    zombie, heir = Relay(database, "main", pausing, SystemClock(), page=10), a_relay(database, kafka_mock, topic)
    asleep = asyncio.ensure_future(zombie.run_once())  # noqa: TID251
    await pausing.sent.wait()
    await database.pool.execute("UPDATE lease SET until = clock_timestamp() - interval '1 ms'")
    await through(heir)
    assert await place(database, topic) == 30
    pausing.go_on.set()
    more, leading = await asleep, [zombie.leading, heir.leading]
    for relay in (zombie, heir):
        await relay.stop()
    assert (more, leading) == (False, [False, True])
    assert await place(database, topic) == 30
    assert sorted(taken_once(await records(kafka_mock.servers, topic))) == list(range(1, 31))


async def test_i15_what_another_epoch_sent_is_not_written_down(
    database: Database, kafka_mock: MockCluster, topic: str
) -> None:
    """Also where its session goes on: the row of the lease is asked in the transaction that moves the place."""
    await kafka_mock.make_topic(topic)
    await write(database, bodies(10))
    pausing = _Paused(kafka_mock, topic)
    late = Relay(database, "main", pausing, SystemClock())
    turn = asyncio.ensure_future(late.run_once())  # noqa: TID251
    await pausing.sent.wait()
    await database.pool.execute("UPDATE lease SET epoch = epoch + 1 WHERE name = 'relay:main'")
    pausing.go_on.set()
    more, leading = await turn, late.leading
    await late.stop()
    assert (more, leading, await place(database, topic)) == (False, False, 0)


async def test_one_relay_works_and_another_takes_over_when_it_stops(
    database: Database, kafka_mock: MockCluster, topic: str
) -> None:
    await kafka_mock.make_topic(topic)
    first, second = a_relay(database, kafka_mock, topic), a_relay(database, kafka_mock, topic)
    async with relaying(second):
        async with relaying(first):
            await until(lambda: first.leading or second.leading)
            leader, other = (first, second) if first.leading else (second, first)
            await write(database, bodies(10))
            await eventually(lambda: _is_at(database, topic, 10))
            assert not other.leading
        if leader is first:
            await until(lambda: second.leading, what="the other to take over")
        await write(database, bodies(10))
        await eventually(lambda: _is_at(database, topic, 20))
    assert [event["id"] for event in events(await records(kafka_mock.servers, topic))] != []
    assert len(await records(kafka_mock.servers, topic)) == 20


async def test_while_kafka_is_away_the_lag_grows_and_nobody_else_waits(
    database: Database, own_kafka: Cluster, topic: str
) -> None:
    await own_kafka.make_topic(topic)
    async with running(database) as spine, relaying(a_relay(database, own_kafka, topic)):
        await spine.ready("an")
        await spine.inbox.append([submitted("before")])
        await spine.empty()
        await eventually(lambda: _is_at(database, topic, spine.state.position))
        await own_kafka.go_away()
        last = spine.state.position
        for number in range(30):
            await spine.inbox.append([submitted(f"away-{number}")])
        await spine.empty()
        behind = spine.state.position - last
        assert behind > 30
        await until(lambda: LAG.labels("main")._value.get() >= behind, what="the lag to be told")
        async with database.pool.acquire() as connection:
            held = await leases.holding(connection, "relay:main")
        assert held is not None
        assert held.remaining_ms > 0
        await own_kafka.come_back()
        head = spine.state.position
        await eventually(lambda: _is_at(database, topic, head), within_s=30, what="the topic to catch up")
    found = await records(own_kafka.servers, topic)
    assert sorted(taken_once(found)) == list(range(1, head + 1))


async def test_a_stop_while_kafka_is_away_is_quick_and_gives_the_lease_back(
    database: Database, kafka_mock: MockCluster, topic: str
) -> None:
    """I17: what hangs is given up; the next relay sends it."""
    await kafka_mock.make_topic(topic)
    relay = a_relay(database, kafka_mock, topic)
    async with relaying(relay):
        await write(database, bodies(1))
        await eventually(lambda: _is_at(database, topic, 1))
        await kafka_mock.go_away()
        await write(database, bodies(5))
        await until(lambda: relay._sending is not None)
        async with asyncio.timeout(8):
            await relay.stop(patience_s=0.1)
    async with database.pool.acquire() as connection:
        held = await leases.holding(connection, "relay:main")
    assert held is not None
    assert held.remaining_ms <= 0
    await kafka_mock.come_back()
    heir = a_relay(database, kafka_mock, topic)
    await through(heir)
    await heir.stop()
    assert sorted(taken_once(await records(kafka_mock.servers, topic))) == list(range(1, 7))


async def test_errors_of_brokers_neither_lose_nor_swap(database: Database, kafka_mock: MockCluster, topic: str) -> None:
    await kafka_mock.make_topic(topic, 2)
    await write(database, bodies(400, padding=2_000))
    relay = a_relay(database, kafka_mock, topic, page=200)
    assert await relay.run_once()
    kafka_mock.fail(PRODUCE, NOT_ENOUGH_REPLICAS, _REFUSED, TIMED_OUT)
    assert not await relay.run_once()
    assert await place(database, topic) == 200
    await eventually(lambda: _turned(relay, database, topic, 400), what="another try")
    await relay.stop()
    assert sorted(taken_once(await records(kafka_mock.servers, topic, partitions=range(2)))) == list(range(1, 401))


async def _turned(relay: Relay, database: Database, topic: str, position: int) -> bool:
    await relay.run_once()
    return await _is_at(database, topic, position)


async def test_a_killed_broker_of_three_costs_no_entry(database: Database, kafka_trio: RealCluster, topic: str) -> None:
    await kafka_trio.make_topic(topic, 6)
    async with relaying(a_relay(database, kafka_trio, topic, page=50)):
        await write(database, bodies(500, contacts=40))
        await eventually(lambda: _is_at(database, topic, 50))
        kafka_trio.kill(1)
        await write(database, bodies(500, contacts=40))
        await eventually(lambda: _is_at(database, topic, 1_000), within_s=40)
    await kafka_trio.come_back()

    async def whole() -> bool:  # right after an election a leader may not yet show all that it has
        found = await records(kafka_trio.servers, topic, partitions=range(6))
        return sorted(taken_once(found)) == list(range(1, 1_001))

    await eventually(whole, within_s=30, what="every entry to be there once")


async def test_an_entry_larger_than_a_broker_takes_goes_compressed(
    database: Database, kafka: Cluster, topic: str
) -> None:
    await kafka.make_topic(topic)
    await write(database, [*bodies(3), *bodies(1, padding=3_000_000), *bodies(3)])
    relay = a_relay(database, kafka, topic)
    await relay.run_once()
    await relay.stop()
    found = await records(kafka.servers, topic)
    assert sorted(taken_once(found)) == list(range(1, 8))
    assert max(len(record.value) for record in found) > 3_000_000


async def test_i14_a_backlog_costs_no_more_memory_than_a_page(
    database: Database, kafka_mock: MockCluster, topic: str
) -> None:
    await kafka_mock.make_topic(topic)
    for _ in range(4):
        await write(database, bodies(1_000, padding=2_000))
    relay = a_relay(database, kafka_mock, topic, page=100)
    await relay.run_once()
    tracemalloc.start()
    try:
        await through(relay)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    await relay.stop()
    assert await place(database, topic) == 4_000
    assert peak < 100 * 2_200 * 8  # some copies of a page, a fifth of the backlog


async def test_the_table_refuses_a_place_that_goes_back(database: Database) -> None:
    await database.pool.execute("INSERT INTO relay (pool, topic, position) VALUES ('main', 't', 7)")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await database.pool.execute("UPDATE relay SET position = 6")
    assert refused.value.constraint_name == "relay_only_forward"
    with pytest.raises(asyncpg.CheckViolationError):
        await database.pool.execute("INSERT INTO relay (pool, topic, position) VALUES ('other', 't', -1)")
