"""What every inbox promises to whoever appends, held against each implementation. `test_inbox_and_engine` goes on from there."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ccc_router.events.facts import PhoneRegistered
from ccc_router.events.inbox import Inbox, InboxUnavailable, Overloaded, SourceOverloaded, Submission
from ccc_router.events.inbox_memory import MemoryInbox
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.kafka.fallback import FallbackInbox
from ccc_router.events.kafka.inbox import KafkaInbox
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Invalid
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.support.inputs import a_raw, submitted
from tests.support.kafka.cluster import reached
from tests.support.kafka.fixtures import KAFKAS, chosen

LIMIT = 50
CLOCK = SystemClock()


EVERY = ["memory", "postgres", *KAFKAS]
DEDUPLICATING = pytest.mark.parametrize("inbox", ["memory", "postgres"], indirect=True)
"""Where the inbox itself knows what it has; facts in Kafka are known by the engine."""


@pytest.fixture(params=EVERY)
async def inbox(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Inbox]:
    """Each in turn, with room for so many."""
    pool = fresh("p")
    second = PostgresInbox(database, pool, CLOCK, wake=lambda: None, pending_limit=LIMIT)
    second.start()
    if request.param == "memory":
        yield MemoryInbox(limit=LIMIT)
    elif request.param == "postgres":
        yield second
    else:
        async for cluster in chosen(request):
            first = KafkaInbox(reached(cluster), pool, CLOCK, append_s=10, pending_limit=LIMIT)
            both = FallbackInbox(first, second, pool, CLOCK)
            both.start()
            yield both
            assert both.mode == "kafka", "it fell back"
            await both.close()
            with pytest.raises(InboxUnavailable):
                await first.append([submitted("late")])
    await second.close()


async def test_nothing_to_append_is_fine(inbox: Inbox) -> None:
    assert await inbox.append([]) == []


async def test_the_answers_come_in_the_order_of_the_inputs(inbox: Inbox) -> None:
    """R: each is answered by its key, equal ones as often as they were said."""
    first = await inbox.append([submitted("a"), submitted("b"), submitted("a")], a_raw("rw_1"))
    assert [one.key for one in first] == ["a", "b", "a"]
    assert not first[0].duplicate
    assert await inbox.append([], a_raw("rw_2")) == []


async def test_a_key_has_a_length_and_no_nul(inbox: Inbox) -> None:
    for key in ("", "k" * 401, "k\0"):
        with pytest.raises(Invalid):
            await inbox.append([submitted("fine"), submitted(key)])
    [fine] = await inbox.append([submitted("fine")])
    assert not fine.duplicate, "what is refused takes nothing with it"


async def test_a_character_that_is_none_is_refused(inbox: Inbox) -> None:
    if isinstance(inbox, MemoryInbox):
        return  # it writes nothing down
    broken = PhoneRegistered(endpoint="hotline", phone="\ud800", registered=True)
    with pytest.raises(Invalid):
        await inbox.append([Submission("hotline", "k", broken)])
    with pytest.raises(Invalid):
        await inbox.append([submitted("k")], a_raw("rw_1", path="/\0"))


async def test_i14_more_than_there_is_room_for_is_refused_before_it_is_taken(inbox: Inbox) -> None:
    results = await asyncio.gather(
        inbox.append([submitted(f"a{n}") for n in range(LIMIT - 5)]),
        inbox.append([submitted(f"b{n}") for n in range(LIMIT - 5)]),
        return_exceptions=True,
    )
    assert not isinstance(results[0], BaseException)
    assert isinstance(results[1], Overloaded)
    if not isinstance(inbox, MemoryInbox):  # that one's room is freed by reading it
        assert len(await inbox.append([submitted("c")])) == 1


@pytest.mark.parametrize("inbox", ["postgres", *KAFKAS], indirect=True)
async def test_i14_a_source_that_storms_leaves_room_for_another(inbox: Inbox) -> None:
    taken, more, other = await asyncio.gather(
        inbox.append([submitted(f"a{n}") for n in range(LIMIT // 2)]),
        inbox.append([submitted(f"b{n}") for n in range(LIMIT // 4)]),
        inbox.append([submitted(f"c{n}", source="page") for n in range(LIMIT // 4)]),
        return_exceptions=True,
    )
    assert not isinstance(taken, BaseException)
    assert isinstance(more, SourceOverloaded)
    assert not isinstance(other, BaseException)


@DEDUPLICATING
async def test_i2_a_key_is_new_once_per_source(inbox: Inbox) -> None:
    first = await inbox.append([submitted("a"), submitted("b"), submitted("a")])
    again = await inbox.append([submitted("b"), submitted("c"), submitted("b", source="page")], a_raw("rw_1"))
    assert [one.duplicate for one in first] == [False, False, True]
    assert [(one.key, one.duplicate) for one in again] == [("b", True), ("c", False), ("b", False)]


@DEDUPLICATING
async def test_a_withdrawn_key_is_new_again(inbox: Inbox) -> None:
    """Commands go this way whatever way facts go."""
    await inbox.append([submitted("a", source="agent:an")])
    assert await inbox.withdraw("agent:an", "a")
    assert not await inbox.withdraw("agent:an", "a")
    [again] = await inbox.append([submitted("a", source="agent:an")])
    assert not again.duplicate
