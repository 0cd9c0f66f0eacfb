"""The PostgreSQL inbox: durable, deduplicated, all or nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ccc_router.events.facts import PhoneRegistered
from ccc_router.events.inbox import URGENT, InboxUnavailable, Overloaded, SourceOverloaded, Submission
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Invalid
from ccc_router.storage.database import Database, connect
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_raw, submitted
from tests.support.waiting import eventually


@pytest.fixture
async def inbox(database: Database) -> AsyncIterator[PostgresInbox]:
    """One appender."""
    made = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    made.start()
    yield made
    await made.close()


async def count(database: Database, table: str) -> int:
    """Rows of a table."""
    return int(await database.pool.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a table of ours


async def test_an_input_is_durable_when_append_returns(inbox: PostgresInbox, database: Database) -> None:
    """I1: what is acknowledged is there."""
    answers = await inbox.append([submitted("a"), submitted("b")])
    assert [(one.key, one.duplicate) for one in answers] == [("a", False), ("b", False)]
    rows = await database.pool.fetch("SELECT source, key FROM inbox ORDER BY id")
    assert [tuple(row) for row in rows] == [("portal", "a"), ("portal", "b")]


async def test_64_copies_in_one_batch_make_one_input(inbox: PostgresInbox, database: Database) -> None:
    """I2: copies gathered into one statement."""
    answers = await asyncio.gather(*(inbox.append([submitted("same")], a_raw("rw_1")) for _ in range(64)))
    assert sorted(one.duplicate for [one] in answers) == [False] + [True] * 63
    assert await count(database, "inbox") == 1
    assert await count(database, "raw_delivery") == 1


async def test_64_copies_from_two_appenders_make_one_input(inbox: PostgresInbox, database: Database) -> None:
    """I2: two processes, the keys of each batch in another order: no deadlock is seen, one input per key."""
    other = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    other.start()
    keys = [f"k{number}" for number in range(40)]
    try:
        answers = await asyncio.gather(
            *(
                appender.append([submitted(key) for key in (keys if turn % 2 else reversed(keys))])
                for turn in range(32)
                for appender in (inbox, other)
            )
        )
    finally:
        await other.close()
    fresh = [one.key for group in answers for one in group if not one.duplicate]
    assert sorted(fresh) == sorted(keys)
    assert await count(database, "inbox") == 40


async def test_equal_keys_in_one_call_are_one_input(inbox: PostgresInbox, database: Database) -> None:
    """I2: a vendor repeats an event within one delivery."""
    answers = await inbox.append([submitted("x"), submitted("y"), submitted("x")])
    assert [one.duplicate for one in answers] == [False, False, True]
    assert await count(database, "inbox") == 2


async def test_a_bad_row_fails_only_its_caller(inbox: PostgresInbox, database: Database) -> None:
    """One caller's NUL must not cost the others of the batch their answer; a raw with a bad fact is not kept."""
    results = await asyncio.gather(
        inbox.append([submitted("good-1")]),
        inbox.append([submitted("fine"), submitted("bad\0key")], a_raw("rw_bad")),
        inbox.append([submitted("good-2")], a_raw("rw_good")),
        return_exceptions=True,
    )
    assert isinstance(results[1], Invalid)
    assert not isinstance(results[0], BaseException)
    assert not isinstance(results[2], BaseException)
    assert await database.pool.fetchval("SELECT array_agg(key ORDER BY key) FROM inbox") == ["good-1", "good-2"]
    assert await database.pool.fetchval("SELECT array_agg(raw_id) FROM raw_delivery") == ["rw_good"]


async def test_a_lone_surrogate_is_refused_before_anything_is_sent(inbox: PostgresInbox) -> None:
    """What UTF-8 cannot hold is the caller's fault."""
    broken = PhoneRegistered(endpoint="hotline", phone="\ud800", registered=True)
    with pytest.raises(Invalid):
        await inbox.append([Submission("hotline", "k", broken)])


async def test_an_unreadable_delivery_is_kept_and_becomes_readable_once(
    inbox: PostgresInbox, database: Database
) -> None:
    """R: good signature, unreadable body is kept for a later parse; the same delivery understood later changes its state."""
    assert await inbox.append([], a_raw("rw_1", state="unreadable")) == []
    await inbox.append([submitted("a")], a_raw("rw_1", state="parsed"))
    await inbox.append([], a_raw("rw_1", state="unreadable"))
    assert await database.pool.fetchval("SELECT array_agg(state) FROM raw_delivery") == ["parsed"]


async def test_more_than_can_wait_is_refused_before_it_is_taken(database: Database) -> None:
    """I14: the queue in memory is bounded, and what is refused leaves nothing behind."""
    small = PostgresInbox(database, "main", SystemClock(), wake=lambda: None, pending_limit=10)
    small.start()
    try:
        results = await asyncio.gather(
            small.append([submitted(f"a{n}") for n in range(8)]),
            small.append([submitted(f"b{n}") for n in range(8)]),
            return_exceptions=True,
        )
        assert not isinstance(results[0], BaseException)
        assert isinstance(results[1], Overloaded)
        assert results[1].retry_after_s > 0
        assert await count(database, "inbox") == 8
    finally:
        await small.close()


async def test_a_long_backlog_refuses_new_inputs(database: Database) -> None:
    """I14: when nobody reads the inbox it fills up to its limit and then answers 503."""
    clock = FakeClock()
    small = PostgresInbox(database, "main", clock, wake=lambda: None, backlog_limit=5)
    small.start()
    try:
        await small.append([submitted(f"a{n}") for n in range(6)])
        await small.append([submitted("heard", source="agent:an")])
        await eventually(lambda: seen(small, "portal", clock), what="the backlog to be counted")
        with pytest.raises(SourceOverloaded):
            await small.append([submitted("too many")])
        assert await count(database, "inbox") == 7
        await database.pool.execute("DELETE FROM inbox")  # the engine is back
        await eventually(lambda: unseen(small, "portal", clock), what="the room to be seen")
        await small.append([submitted("too many")])
    finally:
        await small.close()


async def seen(inbox: PostgresInbox, party: str, clock: FakeClock) -> bool:
    """Whether a party's backlog is known; what is refused makes it be counted too, once a second has passed."""
    await clock.advance(1)
    with contextlib.suppress(Overloaded):
        await inbox.append([submitted("heard", source="agent:an")])
    return inbox.backlog.get(party, 0) > 0


async def unseen(inbox: PostgresInbox, party: str, clock: FakeClock) -> bool:
    """Whether it is known to be gone; asked by one who is refused while it is not."""
    await clock.advance(1)
    with contextlib.suppress(Overloaded):
        await inbox.append([submitted("still", source=party)])
    return inbox.backlog.get(party, 0) < 2


async def test_i14_a_storm_at_one_endpoint_refuses_no_other_and_no_command(database: Database) -> None:
    """What one endpoint brought and nobody read fills its part: 429 to it; another's facts, what people ask and our watch go on."""
    clock = FakeClock()
    small = PostgresInbox(database, "main", clock, wake=lambda: None, backlog_limit=100)
    small.start()
    try:
        await small.append([submitted(f"a{n}", source="page") for n in range(60)])
        await eventually(lambda: seen(small, "page", clock), what="the backlog to be counted")
        with pytest.raises(SourceOverloaded) as refused:
            await small.append([submitted("one more", source="page")])
        assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (429, "source_overloaded", 2)
        for source in ("hotline", "agent:an", "heartbeats", "customer:ct_1"):
            await small.append([submitted("k", source=source)])
        assert await count(database, "inbox") == 65
    finally:
        await small.close()


async def test_what_is_urgent_is_the_same_for_the_database_and_for_us(inbox: PostgresInbox, database: Database) -> None:
    """The column decides what a turn takes first, the pattern what an overload never refuses."""
    sources = [f"{role}:x" for role in Role] + [
        "heartbeats",
        "deliveries",
        "hotline",
        "agent",
        "supervisors:x",
        "xagent:y",
    ]
    for source in sources:
        await inbox.append([submitted("k", source=source)])
    rows = await database.pool.fetch("SELECT source, urgent FROM inbox")
    assert {row["source"]: row["urgent"] for row in rows} == {one: bool(URGENT.match(one)) for one in sources}
    asked = {Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.DEPARTMENT, Role.SYSTEM}
    assert {row["source"] for row in rows if row["urgent"]} == {f"{role}:x" for role in asked} | {"heartbeats"}


async def test_a_withdrawn_input_frees_its_key(inbox: PostgresInbox, database: Database) -> None:
    """A command that nobody read is gone with its key; asked again it is new."""
    await inbox.append([submitted("c", source="agent:an")])
    assert await inbox.withdraw("agent:an", "c")
    assert not await inbox.withdraw("agent:an", "c")
    assert await count(database, "seen") == 0
    [again] = await inbox.append([submitted("c", source="agent:an")])
    assert not again.duplicate


async def test_what_is_being_read_cannot_be_withdrawn(inbox: PostgresInbox, database: Database, dsn: str) -> None:
    """The reader's lock makes the withdrawal get nothing, at once."""
    await inbox.append([submitted("c", source="agent:an")])
    reader = await connect(dsn, "reader")
    try:
        async with reader.transaction():
            await reader.execute("DELETE FROM inbox")
            assert not await inbox.withdraw("agent:an", "c")
    finally:
        await reader.close()
    assert await count(database, "seen") == 1


async def test_a_lost_connection_is_opened_again(inbox: PostgresInbox, database: Database) -> None:
    """The backend was ended between two batches: nobody notices."""
    await inbox.append([submitted("a")])
    await database.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ccc-router appender'"
    )

    async def gone() -> bool:
        found = await database.pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ccc-router appender'"
        )
        return bool(found == 0)

    await eventually(gone)
    [answer] = await inbox.append([submitted("b")])
    assert not answer.duplicate


async def test_a_database_that_is_away_is_503_and_never_a_yes(database: Database, dsn: str) -> None:
    """I1: no acknowledgement without a commit."""
    inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    inbox.start()
    try:
        admin = await asyncpg.connect(dsn)
        await admin.execute("ALTER TABLE seen RENAME TO unseen")
        with pytest.raises(InboxUnavailable):
            await inbox.append([submitted("a")])
        await admin.execute("ALTER TABLE unseen RENAME TO seen")
        await admin.close()
        [answer] = await inbox.append([submitted("a")])
        assert not answer.duplicate
    finally:
        await inbox.close()
    with pytest.raises(InboxUnavailable):
        await inbox.append([submitted("b")])
