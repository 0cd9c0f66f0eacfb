"""I15: the same recorded day through PostgreSQL, the mock cluster and a real broker.

The same order of inputs gives the same journal, entry for entry, but for the times; also when Kafka goes away in the middle of the day and
comes back. Any order of the facts, with copies, gives the same end state.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ccc_router.events.codec import is_command
from ccc_router.events.commands import AcceptOffer, ActivateCatalogue, CompleteContact, DeclineOffer, SendMessage
from ccc_router.events.envelope import AnyInput, Entry
from ccc_router.events.facts import CallEvent, CallRecorded, Handle, MessageReceived
from ccc_router.events.inbox import Submission
from ccc_router.events.kafka.record import topic_of
from ccc_router.events.vocabulary import CallEventName
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.ids import fresh
from ccc_router.routing import State
from tests.conftest import SEED
from tests.integration.queues.test_isolation import consistent, parked
from tests.integration.queues.test_rebuild import start
from tests.support.clock_jump import jumping
from tests.support.database import ONE_POSTGRES, Server
from tests.support.day import open_day
from tests.support.fake_clock import FakeClock
from tests.support.kafka.cluster import Cluster
from tests.support.spine import Spine, by_hand
from tests.support.waiting import eventually

pytestmark = ONE_POSTGRES
SMALL = (10, 0.2)
LARGE = (int(os.environ.get("CCC_TEST_CONTACTS", "1500")), 24.0)
"""Contacts that come, and hours. In the large day customers also come again, so there are more of them in the end."""
_STRETCH = 40
_SINCE = 1_500_000_000_000
"""A number above it is a time (ms)."""
_ITS_OWN = ("digest", "salt")
"""Drawn for each commit."""


@cache
def the_day(seed: int, contacts: int, hours: float) -> list[tuple[str, AnyInput]]:
    """Every input from outside of a day, with its source."""
    centre = open_day(seed, contacts=contacts, hours=hours, copies=1 + contacts // 5_000)
    for _ in centre.run(hours):
        pass
    return centre.given


@asynccontextmanager
async def a_centre(postgres: Server, pool: str, kafka: Cluster | None) -> AsyncIterator[Spine]:
    """A pool in a database of its own, so that its ids are those of any other by this name. Time stands still: how long a run takes says nothing."""
    name, now_ms = fresh("day"), SystemClock().now_ms()
    dsn = await postgres.make(name)
    try:
        async with jumping(dsn) as clock:
            await clock.stand_still(now_ms)
            async with by_hand(clock.database, pool, FakeClock(now_ms), kafka=kafka, append_s=1.0) as spine:
                yield spine
    finally:
        await postgres.drop(name)


def grouped(day: Sequence[tuple[str, AnyInput]], stretch: int = 1) -> list[list[Submission]]:
    """What came one after the other the same way, in groups: facts, commands, facts, … In each ``stretch`` of inputs facts are first."""
    groups: list[list[Submission]] = []
    numbered = [Submission(source, f"k{number}", body) for number, (source, body) in enumerate(day)]
    for first in range(0, len(numbered), stretch):
        for one in sorted(numbered[first : first + stretch], key=_place):
            if groups and is_command(groups[-1][0].body) == is_command(one.body):
                groups[-1].append(one)
            else:
                groups.append([one])
    return groups


def _place(one: Submission) -> int:
    """A catalogue first: without one nothing can be routed."""
    return 0 if isinstance(one.body, ActivateCatalogue) else 2 if is_command(one.body) else 1


def as_it_is(one: Submission, state: State) -> Submission:
    """An agent's command about what he has now: ids of offers are made from positions, and here no time passes, so they are others."""
    body, agent = one.body, state.agents.get(getattr(one.body, "actor", ""))
    if agent is None:
        return one
    if isinstance(body, AcceptOffer | DeclineOffer):
        offered = [offer.id for offer in state.offers.values() if offer.agent_id == agent.id]
        return replace(one, body=replace(body, offer_id=min(offered))) if offered else one
    held = agent.assignments
    if isinstance(body, CompleteContact | SendMessage) and held and body.contact_id not in held:
        return replace(one, body=replace(body, contact_id=held[0]))
    return one


async def live(spine: Spine, groups: Sequence[Sequence[Submission]]) -> None:
    """Group by group, each taken before the next comes."""
    while not spine.engine.leading:
        await spine.engine.run_once()
    for group in groups:
        if is_command(group[0].body):
            await spine.inbox.append([as_it_is(one, spine.state) for one in group])
        else:
            await spine.facts.append(group)
        await eventually(partial(taken, spine, [one.key for one in group]), what="the group to be taken")


async def taken(spine: Spine, keys: Sequence[str]) -> bool:
    await spine.turns()
    pool = spine.database.pool
    known = await pool.fetchval("SELECT count(*) FROM seen WHERE pool = $1 AND key = ANY($2)", spine.pool, keys)
    return bool(known == len(keys) and not await pool.fetchval("SELECT count(*) FROM inbox"))


def without_times(value: Any) -> Any:
    """An entry's body, with every time only said to be one."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in _ITS_OWN}
    if isinstance(value, list):
        return [without_times(one) for one in value]
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return "a time" if isinstance(number, int) and number > _SINCE else value


def said(entries: Sequence[Entry]) -> list[Any]:
    return [
        (one.position, one.form, one.kind, one.cause, without_times(msgspec.json.decode(one.body))) for one in entries
    ]


async def the_same_order(postgres: Server, own_kafka: Cluster, groups: Sequence[Sequence[Submission]]) -> Counter[str]:
    """Through PostgreSQL; and through Kafka, which is away for the middle of the day. One partition keeps the order of all. What came of it."""
    pool = fresh("p")
    async with a_centre(postgres, pool, None) as spine:
        await live(spine, groups)
        expected = said(await spine.entries())
        assert await parked(spine.database) == []
    await own_kafka.make_topic(topic_of(pool), 1)
    third = len(groups) // 3
    async with a_centre(postgres, pool, own_kafka) as spine:
        assert spine.kafka is not None
        await spine.connected()
        await live(spine, groups[:third])
        assert spine.kafka.mode == "kafka"
        assert await spine.database.pool.fetchval("SELECT next FROM kafka_offset") > 10
        await own_kafka.go_away()
        try:
            await live(spine, groups[third : 2 * third])
            assert spine.kafka.mode == "postgres"
        finally:
            await own_kafka.come_back()
        await live(spine, groups[2 * third :])
        assert said(await spine.entries()) == expected
        await consistent(spine)
    return Counter(kind for _, _, kind, _, _ in expected)


async def test_i15_the_same_order_of_inputs_gives_the_same_journal(postgres: Server, own_kafka: Cluster) -> None:
    counts = await the_same_order(postgres, own_kafka, grouped(the_day(1, *SMALL)))
    assert counts["OfferMade"] > 5


@pytest.mark.soak
@pytest.mark.timeout(7_200)
async def test_i15_the_same_order_of_a_whole_day_gives_the_same_journal(postgres: Server, own_kafka: Cluster) -> None:
    counts = await the_same_order(postgres, own_kafka, grouped(the_day(1, *LARGE), _STRETCH))
    print(counts.total(), counts.most_common(12))  # noqa: T201 - how large it was
    assert counts["ContactOpened"] > LARGE[0]
    assert counts["OfferMade"] > LARGE[0] / 10
    assert counts["ContactEnded"] > LARGE[0] / 10


def converging(day: Sequence[tuple[str, AnyInput]]) -> list[Submission]:
    """The facts whose end depends on no command and on no other fact: calls and messages.

    Of a call whose caller chose to be called back, what came up to that, for what follows is an answer to what we did; and nothing where
    he had talked before he chose, or called again, for then the first to come decides. Of customers who in some message opened a case of
    its own, or whose machine wrote, the first message alone: to which case a later one belongs is theirs to order.
    """
    calls = [(number, body) for number, (_, body) in enumerate(day) if isinstance(body, CallEvent)]
    callers = {body.contact_id: body.private.handles[0] for _, body in calls if body.private is not None}
    times = Counter(callers.values())
    chose: dict[str, int] = {}
    for number, call in calls:
        if call.event is CallEventName.CALL_BACK:
            again = times[callers[call.contact_id]] > 1
            chose.setdefault(call.contact_id, -1 if again else number)
    for number, call in calls:
        if call.event is CallEventName.CONNECTION_CLEARED and number < chose.get(call.contact_id, -1):
            chose[call.contact_id] = -1
    messages = [body for _, body in day if isinstance(body, MessageReceived)]
    own_order = {who(one) for one in messages if one.fresh_case or one.automatic}
    facts: list[Submission] = []
    met: set[Handle] = set()
    for number, (source, body) in enumerate(day):
        if isinstance(body, MessageReceived):
            if who(body) in met & own_order:
                continue
            met.add(who(body))
        elif not isinstance(body, CallEvent | CallRecorded) or number > chose.get(body.contact_id, number):
            continue
        facts.append(Submission(source, f"k{number}", body))
    return facts


def who(message: MessageReceived) -> Handle:
    assert message.private is not None
    return message.private.handles[0]


async def end_of(spine: Spine, facts: Sequence[Submission], rng: random.Random) -> list[Any]:
    """Each contact with its messages once all is taken, without what numbers and times stand in them.

    Of a contact with several messages the first to come says its id and where it waits; which messages are together is the same.
    """
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
    messages: dict[str, list[Any]] = defaultdict(list)
    for row in await pool.fetch("SELECT contact_id, id, direction, author FROM message ORDER BY id"):
        messages[row[0]].append(tuple(row)[1:])
    contacts = await pool.fetch("SELECT id, queue, channel, endpoint, state IN ('queued','offered') FROM contact")
    return sorted(
        (*(("several", "") if len(messages[row[0]]) > 1 else (row[0], row[1])), *tuple(row)[2:], messages[row[0]])
        for row in contacts
    )


async def any_order(postgres: Server, kafka: Cluster, facts: Sequence[Submission]) -> None:
    """Shuffled by the run's seed, half of them told twice, through twelve partitions or four."""
    rng = random.Random(SEED)
    async with a_centre(postgres, fresh("p"), None) as spine:
        expected = await end_of(spine, facts, rng)
    assert len(expected) > 5
    for _ in range(2):
        async with a_centre(postgres, fresh("p"), kafka) as spine:
            assert await end_of(spine, facts, rng) == expected


async def test_i15_i3_any_order_of_the_facts_gives_the_same_end_state(postgres: Server, kafka: Cluster) -> None:
    facts = converging(the_day(2, 40, 0.2))
    assert any(isinstance(one.body, CallEvent) and one.body.event is CallEventName.CALL_BACK for one in facts)
    senders = Counter(who(one.body) for one in facts if isinstance(one.body, MessageReceived))
    assert senders.most_common(1)[0][1] > 1, "somebody wrote again"
    await any_order(postgres, kafka, facts)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
async def test_i15_i3_any_order_of_a_whole_day_gives_the_same_end_state(postgres: Server, kafka: Cluster) -> None:
    await any_order(postgres, kafka, converging(the_day(2, *LARGE)))
