"""I15: the same recorded day through PostgreSQL, the mock cluster and a real broker.

The same order of inputs gives the same journal, entry for entry, but for the times; also when Kafka goes away in the middle of the day and
comes back. Any order of the facts, with copies, gives the same end state.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec

from ccc_router.events.codec import is_command
from ccc_router.events.envelope import AnyInput, Entry
from ccc_router.events.facts import CallEvent, CallRecorded, Handle, MessageReceived
from ccc_router.events.inbox import Submission
from ccc_router.events.kafka.record import topic_of
from ccc_router.events.vocabulary import CallEventName
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.integration.queues.test_isolation import consistent, parked
from tests.integration.queues.test_rebuild import start
from tests.support.database import ONE_POSTGRES, Server
from tests.support.day import open_day
from tests.support.fake_clock import FakeClock
from tests.support.kafka.cluster import Cluster
from tests.support.spine import Spine, by_hand
from tests.support.waiting import eventually

pytestmark = ONE_POSTGRES
HOURS = 0.2
_SINCE = 1_500_000_000_000
"""A number above it is a time (ms)."""
_ITS_OWN = ("digest", "salt")
"""Drawn for each commit."""


def the_day(seed: int) -> list[tuple[str, AnyInput]]:
    """Every input from outside of a small day, with its source."""
    centre = open_day(seed, contacts=10, hours=HOURS, copies=1)
    for _ in centre.run(HOURS):
        pass
    return centre.given


@asynccontextmanager
async def a_centre(postgres: Server, pool: str, kafka: Cluster | None) -> AsyncIterator[Spine]:
    """A pool in a database of its own, so that its ids are those of any other by this name."""
    name = fresh("day")
    database = await Database.open(await postgres.make(name), name="test")
    try:
        async with by_hand(database, pool, FakeClock(), kafka=kafka, append_s=1.0) as spine:
            yield spine
    finally:
        await database.close()
        await postgres.drop(name)


def grouped(day: Sequence[tuple[str, AnyInput]]) -> list[list[Submission]]:
    """What came one after the other the same way, in groups: facts, commands, facts, …"""
    groups: list[list[Submission]] = []
    for number, (source, body) in enumerate(day):
        one = Submission(source, f"k{number}", body)
        if groups and is_command(groups[-1][0].body) == is_command(body):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


async def live(spine: Spine, groups: Sequence[Sequence[Submission]], done: int = 0) -> int:
    """Group by group, each taken before the next comes. ``done`` inputs were before; how many there are by now."""
    while not spine.engine.leading:
        await spine.engine.run_once()
    for group in groups:
        await (spine.inbox if is_command(group[0].body) else spine.facts).append(group)
        done += len(group)
        await eventually(partial(taken, spine, done), what="the group to be taken")
    return done


async def taken(spine: Spine, inputs: int) -> bool:
    await spine.turns()
    pool = spine.database.pool
    known = await pool.fetchval("SELECT count(*) FROM seen")
    return bool(known == inputs and not await pool.fetchval("SELECT count(*) FROM inbox"))


def without_times(value: Any) -> Any:
    """An entry's body, with every time only said to be one."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in _ITS_OWN}
    if isinstance(value, list):
        return [without_times(one) for one in value]
    return "a time" if isinstance(value, int) and value > _SINCE else value


def said(entries: Sequence[Entry]) -> list[Any]:
    return [
        (one.position, one.form, one.kind, one.cause, without_times(msgspec.json.decode(one.body))) for one in entries
    ]


async def test_i15_the_same_order_of_inputs_gives_the_same_journal(postgres: Server, own_kafka: Cluster) -> None:
    """Through PostgreSQL; and through Kafka, which is away for the middle of the day. One partition keeps the order of all."""
    pool, groups = fresh("p"), grouped(the_day(1))
    async with a_centre(postgres, pool, None) as spine:
        await live(spine, groups)
        expected = said(await spine.entries())
        assert await parked(spine.database) == []
    await own_kafka.make_topic(topic_of(pool), 1)
    third = len(groups) // 3
    async with a_centre(postgres, pool, own_kafka) as spine:
        assert spine.kafka is not None
        await spine.connected()
        done = await live(spine, groups[:third])
        assert spine.kafka.mode == "kafka"
        assert await spine.database.pool.fetchval("SELECT next FROM kafka_offset") > 10
        await own_kafka.go_away()
        try:
            done = await live(spine, groups[third : 2 * third], done)
            assert spine.kafka.mode == "postgres"
        finally:
            await own_kafka.come_back()
        await live(spine, groups[2 * third :], done)
        assert said(await spine.entries()) == expected
        await consistent(spine)


def converging(day: Sequence[tuple[str, AnyInput]]) -> list[Submission]:
    """The facts whose end depends on no command and on no first: calls, and each customer's first message.

    Who asked to be called back is called by us, so what follows there is an answer to what we did.
    """
    called_back = {
        body.contact_id for _, body in day if isinstance(body, CallEvent) and body.event is CallEventName.CALL_BACK
    }
    facts: list[Submission] = []
    met: set[Handle] = set()
    for number, (source, body) in enumerate(day):
        if isinstance(body, MessageReceived) and body.private is not None and body.private.handles[0] not in met:
            met.add(body.private.handles[0])
        elif not isinstance(body, CallEvent | CallRecorded) or body.contact_id in called_back:
            continue
        facts.append(Submission(source, f"k{number}", body))
    return facts


async def end_of(spine: Spine, facts: Sequence[Submission], rng: random.Random) -> list[Any]:
    """The rows of contacts, messages and cases once all is taken, without what numbers and times stand in them."""
    await start(spine)
    told = [*facts, *rng.sample(list(facts), len(facts) // 2)]
    rng.shuffle(told)
    for first in range(0, len(told), 10):
        await spine.facts.append(told[first : first + 10])
        if rng.random() < 0.5:
            await spine.turns()
    await spine.take_all()
    assert await parked(spine.database) == []
    await consistent(spine)
    pool = spine.database.pool
    contacts = await pool.fetch(
        "SELECT id, channel, endpoint, queue, state IN ('queued','offered') FROM contact ORDER BY id"
    )
    messages = await pool.fetch("SELECT id, contact_id, direction, author FROM message ORDER BY id")
    return [[tuple(row) for row in contacts], [tuple(row) for row in messages]]


async def test_i15_i3_any_order_of_the_facts_gives_the_same_end_state(postgres: Server, kafka: Cluster) -> None:
    """Shuffled by the run's seed, half of them told twice, through twelve partitions or four."""
    pool, rng = fresh("p"), random.Random(SEED)
    facts = converging(the_day(2))
    async with a_centre(postgres, pool, None) as spine:
        expected = await end_of(spine, facts, rng)
    assert len(expected[0]) > 5
    for _ in range(2):
        pool = fresh("p")
        async with a_centre(postgres, pool, kafka) as spine:
            assert await end_of(spine, facts, rng) == expected
