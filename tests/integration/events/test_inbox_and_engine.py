"""What every inbox promises together with the engine that reads it: PostgreSQL, the mock cluster, a real broker.

Order per customer, once each, whatever restarts, whoever comes back from the dead, whatever cannot be handled.
"""

import asyncio
from contextlib import AbstractAsyncContextManager

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from ccc_router.events.codec import canonical, decode_input, trace_of
from ccc_router.events.commands import SetPresence
from ccc_router.events.facts import Handle
from ccc_router.events.inbox import Submission
from ccc_router.events.kafka.record import topic_of
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from ccc_router.storage.leases import LeaseLost
from tests.integration.queues.test_isolation import consistent, parked
from tests.integration.queues.test_lease import seize
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, a_raw, submitted
from tests.support.kafka.cluster import Cluster
from tests.support.spine import Spine, by_hand
from tests.support.waiting import until

pytestmark = ONE_POSTGRES
CUSTOMERS = 5
EACH = 12
FACTS = {f"c{who}-{number}": who for number in range(EACH) for who in range(CUSTOMERS)}


class Way:
    """One way of facts, and spines at its end."""

    def __init__(self, database: Database, cluster: Cluster | None) -> None:
        self.database = database
        self.cluster = cluster
        self.pool = fresh("p")

    def spine(self, batch: int = 256, **feeding: int) -> AbstractAsyncContextManager[Spine]:
        return by_hand(self.database, self.pool, FakeClock(), batch, self.cluster, append_s=10, feeding=feeding)

    async def send(self, *values: bytes | None) -> None:
        """Records as somebody else might write them, one after the other into one partition."""
        assert self.cluster is not None
        producer = AIOKafkaProducer(bootstrap_servers=self.cluster.servers)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(topic_of(self.pool), value, key=b"k", partition=1)
        finally:
            await producer.stop()


@pytest.fixture
def line(way: Cluster | None, database: Database) -> Way:
    return Way(database, way)


@pytest.fixture
def topic_line(kafka: Cluster, database: Database) -> Way:
    return Way(database, kafka)


def a_fact(key: str) -> Submission:
    """One of a customer's messages."""
    return Submission("portal", key, a_message(key, handle=Handle("email", f"khach{FACTS.get(key, key)}@example.org")))


async def said(spine: Spine) -> list[str]:
    """The dedup keys of the messages in the journal, in its order."""
    known = {trace_of(key): key for key in FACTS}
    inputs = [decode_input(one.body) for one in await spine.entries() if one.kind == "MessageReceived"]
    return [known[one.key] for one in inputs]


async def tell_all(spine: Spine, times: int = 1) -> None:
    """Each customer waits for an answer before he says more; all of them at once."""

    async def tell(who: int) -> None:
        for key in (key for key, whose in FACTS.items() if whose == who):
            for _ in range(times):
                await spine.facts.append([a_fact(key)])

    await asyncio.gather(*(tell(who) for who in range(CUSTOMERS)))


def in_order(keys: list[str]) -> None:
    for who in range(CUSTOMERS):
        of_one = [key for key in keys if FACTS[key] == who]
        assert of_one == [key for key in FACTS if FACTS[key] == who], f"I3: customer {who}"


async def test_i2_i3_each_fact_once_in_the_order_of_its_customer(line: Way) -> None:
    async with line.spine(batch=16) as spine:
        await start(spine)
        await tell_all(spine, times=2)
        await spine.take_all()
        keys = await said(spine)
        assert sorted(keys) == sorted(FACTS)
        in_order(keys)
        await consistent(spine)


async def test_i2_64_copies_at_once_make_one_contact_and_one_raw_delivery(line: Way) -> None:
    async with line.spine() as spine:
        await start(spine)
        await asyncio.gather(
            *(spine.facts.append([submitted("same"), submitted("same")], a_raw("rw")) for _ in range(64))
        )
        await spine.take_all()
        pool = line.database.pool
        assert await pool.fetchval("SELECT count(*) FROM message") == 1
        assert await pool.fetchval("SELECT count(*) FROM raw_delivery") == 1
        assert (await spine.kinds()).count("MessageReceived") == 1


async def test_the_raw_delivery_is_kept_with_its_facts_or_alone_and_becomes_readable_once(line: Way) -> None:
    """R: ``reparse`` finds what could not be read whatever way it came, also when it and its reading are of one turn."""
    async with line.spine() as spine:
        await start(spine)
        await spine.facts.append([], a_raw("rw_1", state="unreadable", body=b"\0\xff"))
        await spine.facts.append([], a_raw("rw_2", state="unreadable"))
        await spine.facts.append([submitted("a"), submitted("b")], a_raw("rw_1", state="parsed", body=b"\0\xff"))
        await spine.facts.append([submitted("a")], a_raw("rw_3", headers={"x": "y"}))
        await spine.take_all()
        rows = await line.database.pool.fetch("SELECT raw_id, state FROM raw_delivery ORDER BY raw_id")
        assert [tuple(row) for row in rows] == [("rw_1", "parsed"), ("rw_2", "unreadable"), ("rw_3", "parsed")]
        await spine.facts.append([], a_raw("rw_1", state="unreadable"))
        await spine.take_all()
        assert await line.database.pool.fetchval("SELECT state FROM raw_delivery WHERE raw_id = 'rw_1'") == "parsed"
        assert await line.database.pool.fetchval("SELECT body FROM raw_delivery WHERE raw_id = 'rw_1'") == b"\0\xff"


async def test_i1_what_nobody_read_yet_waits_for_the_next_engine(line: Way) -> None:
    """Restart: told while nobody leads, and by a process that is gone by then; half of it was taken by the engine before."""
    keys = list(FACTS)
    async with line.spine() as first:
        await start(first)
        for key in keys[:20]:
            await first.facts.append([a_fact(key)])
        await first.take_all()
        await first.engine.stop()
        for key in keys[20:]:
            await first.facts.append([a_fact(key)])
    async with line.spine() as second:
        await seize(second)
        await second.take_all()
        found = await said(second)
        assert sorted(found) == sorted(keys)
        in_order(found)
        await consistent(second)


async def test_i2_what_comes_again_from_the_start_changes_nothing(topic_line: Way) -> None:
    """Redelivery: the offsets are lost, as with tables restored from yesterday; every record is read again."""
    async with topic_line.spine() as first:
        await start(first)
        await tell_all(first)
        await first.take_all()
        before = len(await first.entries())
        await first.engine.stop()
        await topic_line.database.pool.execute("DELETE FROM kafka_offset")
        await seize(first)
        await first.take_all()
        assert len(await first.entries()) == before
        assert len(await said(first)) == len(FACTS)


async def test_i15_a_zombie_takes_nothing_and_moves_no_offset(line: Way) -> None:
    """It slept through its lease with records at hand; the heir takes them, and what the zombie tries is thrown away."""
    async with line.spine() as zombie, line.spine() as heir:
        await start(zombie)
        await zombie.take_all()
        session = zombie.engine._session
        assert session is not None
        await tell_all(zombie)
        if zombie.feed is not None:
            await _at_hand(zombie, len(FACTS))
        offsets = await line.database.pool.fetch("SELECT * FROM kafka_offset")
        # The fence alone holds it: nobody has ended its backend yet.
        await line.database.pool.execute("UPDATE lease SET epoch = epoch + 1, until = clock_timestamp()")
        with pytest.raises(LeaseLost):
            await session.turn(256)
        assert await line.database.pool.fetch("SELECT * FROM kafka_offset") == offsets
        assert await said(zombie) == []
        await seize(heir)
        with pytest.raises((LeaseLost, asyncpg.InterfaceError)):
            await session.turn(256)
        await zombie.engine.run_once()
        assert not zombie.engine.leading
        await heir.take_all()
        found = await said(heir)
        assert sorted(found) == sorted(FACTS)
        in_order(found)
        await consistent(heir)


async def _at_hand(spine: Spine, count: int) -> None:
    feed = spine.feed
    assert feed is not None
    await until(lambda: len(feed.waiting(1_000)) >= count, what="the feed to have read")


async def test_what_cannot_be_handled_stops_nothing(line: Way) -> None:
    """Poison: rows that a constraint refuses, in one turn with good ones before and behind (I4 to I9)."""
    await line.database.pool.execute("ALTER TABLE message ADD CONSTRAINT no_boom CHECK (text <> 'boom')")
    async with line.spine() as spine:
        await start(spine)
        for number in range(24):
            key = f"m{number}"
            body = a_message(key, text="boom" if number in {3, 11} else "xin chào")
            await spine.facts.append([Submission("portal", key, body)], a_raw(f"rw_{number}"))
        await spine.take_all()
        assert sorted(await parked(line.database)) == [("m11", "CheckViolationError"), ("m3", "CheckViolationError")]
        pool = line.database.pool
        assert await pool.fetchval("SELECT count(*) FROM message") == 22
        bodies = await pool.fetch("SELECT body FROM parked_input")
        assert all(b"boom" in row[0] for row in bodies)
        await spine.facts.append([submitted("behind")])
        await spine.take_all()
        assert await pool.fetchval("SELECT count(*) FROM message") == 23
        await consistent(spine)


async def test_records_that_are_no_facts_are_parked_with_their_bytes(topic_line: Way) -> None:
    """Poison: no JSON, no CloudEvent, a fact of a later version, a command, a tombstone, a delivery no table can hold."""
    command = SetPresence(actor="an", actor_role=Role.AGENT, agent_id="an", presence=Presence.NOT_READY, reason="lunch")
    event = b'{"specversion":"1.0","id":"%b","source":"portal","type":"t","time":"2026-11-26T08:00:00.000Z",'
    event += b'"datacontenttype":"application/json","data":{"body":%b,"raw":%b}}'
    raw = canonical(a_raw("rw_nul", path="/\0"))
    bad = [
        b"no json", b'{"specversion":"1.0"}', event % (b"later", b'{"kind":"NotYetKnown"}', b"null"),
        event % (b"command", canonical(command), b"null"), None, event % (b"nothing", b"null", b"null"),
        event % (b"", canonical(a_message("x")), b"null"), event % (b"nul\\u0000", canonical(a_message("x")), b"null"),
        event % (b"k" * 401, canonical(a_message("x")), b"null"), event % (b"raw", b"null", raw),
    ]  # fmt: skip
    good = event % (b"good", canonical(a_message("good")), b"null")
    async with topic_line.spine() as spine:
        await start(spine)
        await spine.facts.append([submitted("first")])
        await topic_line.send(*bad, good)
        await spine.take_all()
        rows = await topic_line.database.pool.fetch(
            "SELECT source, key, body, error FROM parked_input ORDER BY position"
        )
        assert sorted(row[2] for row in rows) == sorted(value or b"" for value in bad)
        assert {row[3] for row in rows} >= {"Unreadable"}
        assert await topic_line.database.pool.fetchval("SELECT count(*) FROM message") == 2
        assert await topic_line.database.pool.fetchval("SELECT count(*) FROM raw_delivery") == 0
        assert (await spine.kinds()).count("SetPresence") == 3, "the command did nothing"
        await consistent(spine)
        entries = len(await spine.entries())
        await spine.engine.stop()
        await topic_line.database.pool.execute("DELETE FROM kafka_offset")
        await seize(spine)
        await spine.take_all()
        assert len(await spine.entries()) == entries, "I2: parked once"


async def test_i14_the_feed_holds_no_more_than_it_may(topic_line: Way) -> None:
    """Back-pressure: what the engine does not take waits in Kafka."""
    async with topic_line.spine(batch=4, limit=10) as spine:
        await start(spine)
        feed = spine.feed
        assert feed is not None
        await tell_all(spine)
        await _at_hand(spine, 10)
        while (
            taken := await topic_line.database.pool.fetchval("SELECT count(*) FROM seen WHERE source = 'portal'")
        ) < 60:
            assert len(feed.waiting(1_000)) <= 10
            await spine.engine.run_once()
        assert taken == len(FACTS)
        in_order(await said(spine))


async def test_neither_inbox_nor_feed_waits_for_the_other(topic_line: Way) -> None:
    """Fair: with more in both than a turn takes, each turn takes of both."""
    async with topic_line.spine(batch=8) as spine:
        await start(spine)
        await spine.inbox.append([Submission("site", f"i{number}", a_message(f"i{number}")) for number in range(40)])
        await tell_all(spine)
        await _at_hand(spine, len(FACTS))
        pool = topic_line.database.pool
        await spine.engine.run_once()
        assert await pool.fetchval("SELECT count(*) FROM inbox") == 36
        assert await pool.fetchval("SELECT count(*) FROM seen WHERE source = 'portal'") == 4


async def test_the_feed_wakes_the_engine(topic_line: Way) -> None:
    """A record is not looked for: it makes itself known."""
    async with topic_line.spine() as spine:
        await start(spine)
        spine.loop.event.clear()
        await spine.facts.append([submitted("a")])
        assert await SystemClock().wait(spine.loop.event, 10)


async def test_offsets_only_go_forward(database: Database) -> None:
    """The database is the second guard (I1, I15)."""
    insert = "INSERT INTO kafka_offset (pool, topic, partition, next, mark) VALUES ('p', 't', $1, $2, '')"
    await database.pool.execute(insert, 0, 5)
    await database.pool.execute("UPDATE kafka_offset SET next = 5")
    await database.pool.execute("UPDATE kafka_offset SET next = 6")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="goes back"):
        await database.pool.execute("UPDATE kafka_offset SET next = 5")
    for partition, next_one in ((-1, 0), (1, -1)):
        with pytest.raises(asyncpg.CheckViolationError):
            await database.pool.execute(insert, partition, next_one)
