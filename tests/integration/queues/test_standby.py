"""I13, I15: who stands by follows the journal and goes on from its end; whatever is not as expected makes it load instead."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ccc_router.events import journal
from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Input
from ccc_router.queues.batch import Parked
from ccc_router.queues.store.following import AGAIN_S, APPLIED, FORGOTTEN, READY, Following, Reason, taken_up
from ccc_router.queues.store.loading import load
from ccc_router.routing import CORE_VERSION, State, step
from ccc_router.storage.database import Connection, Database
from tests.integration.queues.test_lease import end_lease, seize
from tests.integration.queues.test_rebuild import picture, start
from tests.support.engine_world import taken_up as how_taken_up
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, submitted
from tests.support.spine import Spine, by_hand

Spoil = Callable[[Connection, journal.Head], Awaitable[None]]
_GUARDED = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
MISSING = 45


@pytest.fixture
async def leader(database: Database) -> AsyncIterator[Spine]:
    """An engine that leads, with a contact."""
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        await give(spine, "m1")
        yield spine


async def give(spine: Spine, *names: str) -> None:
    """A commit each."""
    for name in names:
        await spine.inbox.append([submitted(name)])
        await spine.turns()


async def tables(database: Database) -> State:
    """What the tables hold."""
    async with database.pool.acquire() as connection:
        head = await journal.head(connection, "main")
        return await load(connection, "main", head.position, head.at)


def forgotten(reason: Reason) -> float:
    """How often a followed state was forgotten for that."""
    return float(FORGOTTEN.labels("main", reason)._value.get())


def applied() -> float:
    """How many entries were applied while following."""
    return float(APPLIED.labels("main")._value.get())


async def test_i13_who_takes_over_reads_only_the_entries_that_are_missing(database: Database, leader: Spine) -> None:
    """R-38: also those of commits it has not looked at; it loads nothing, and decides on from there."""
    async with by_hand(database, clock=FakeClock()) as heir:
        await heir.turns()
        assert READY.labels("main")._value.get() == 1
        known, before, how = leader.state.position, applied(), how_taken_up("main")
        for number in range(MISSING):  # a commit each: more than are read in one look
            await give(leader, f"more{number}")
        last = leader.state.position
        await leader.engine.stop()
        await heir.engine.run_once()
        assert heir.engine.leading
        assert applied() - before == last - known > MISSING
        assert how_taken_up("main") == how | {"followed": how.get("followed", 0) + 1}
        assert READY.labels("main")._value.get() == 0
        await give(heir, "at last")
        assert picture(heir.state) == picture(await tables(database))
        assert len(heir.state.contacts) == 1 + MISSING + 1


async def test_i15_what_a_zombie_had_decided_and_not_committed_is_forgotten(database: Database, leader: Spine) -> None:
    """It decided beyond its last commit when it lost its lease. It follows like anybody else, and leads again with what was committed."""
    async with by_hand(database, clock=FakeClock()) as heir:
        state = leader.state
        step(state, Input(state.position + 1, state.now, a_message("never"), source="portal"))
        await end_lease(database)
        await seize(heir)
        await leader.turns()
        assert not leader.engine.leading
        await give(heir, "m2")
        await leader.turns()
        assert leader.engine.memory is not None
        how = how_taken_up("main")
        await heir.engine.stop()
        await seize(leader)
        assert how_taken_up("main") == how | {"followed": how.get("followed", 0) + 1}
        assert picture(leader.state) == picture(await tables(database))
        assert a_message("never").contact_id not in leader.state.contacts
        async with database.pool.acquire() as connection:
            assert (await journal.verify(connection, "main")).fault == ""


async def _written(connection: Connection, head: journal.Head, entry: bytes, core_version: int) -> None:
    row = journal.row_of(head.position + 1, head.at, [entry])
    _, batches, rows = journal.append(head, [row], core_version)
    await connection.execute(journal.BATCHES, "main", *batches)
    await connection.execute(journal.ROWS, "main", *rows)


async def of_an_unknown_kind(connection: Connection, head: journal.Head) -> None:
    """A newer program led for a while."""
    entry = {"position": head.position + 1, "at": head.at, "body": {"kind": "NeverHeardOf"}, "source": "engine"}
    await _written(connection, head, canonical(entry), CORE_VERSION)


async def of_an_older_core(connection: Connection, head: journal.Head) -> None:
    """An older program led for a while: what its rows hold is what it made true."""
    parked = Parked(head.position + 1, head.at, "engine", "", "ValueError")
    await _written(connection, head, canonical(parked), CORE_VERSION - 1)


async def without_its_end(connection: Connection, head: journal.Head) -> None:
    """An entry is gone."""
    await connection.execute("DELETE FROM journal WHERE last = $1", head.position)


async def pruned(connection: Connection, head: journal.Head) -> None:
    """All but the last commit is gone, with its place in the chain."""
    await connection.execute("DELETE FROM journal WHERE last < $1", head.position)
    await connection.execute("DELETE FROM journal_batch WHERE last < $1", head.position)


async def of_another_catalogue(connection: Connection, _: journal.Head) -> None:
    """Somebody wrote one into the table."""
    await connection.execute(
        "INSERT INTO catalogue (pool, version, document, position, activated_by) "
        "SELECT pool, version + 1, document || jsonb_build_object('version', version + 1), position, 'nobody' FROM catalogue"
    )


async def of_another_history(connection: Connection, head: journal.Head) -> None:
    """A copy of the database leads, which lacked the last commits and has got others since."""
    await connection.execute("UPDATE journal_batch SET hash = sha256('another'::bytea) WHERE last = $1", head.position)


async def cut_short(connection: Connection, head: journal.Head) -> None:
    """A copy of the database leads, which lacks the last commit."""
    await connection.execute("DELETE FROM journal WHERE last = $1", head.position)
    await connection.execute("DELETE FROM journal_batch WHERE last = $1", head.position)


async def untouched(_: Connection, __: journal.Head) -> None:
    """Nothing is wrong."""


@pytest.mark.parametrize(
    ("spoil", "reason", "seen", "most_behind"),
    [
        (of_an_unknown_kind, "unreadable", False, 99),
        (of_an_older_core, "core", False, 99),
        (without_its_end, "chain", False, 99),
        (pruned, "chain", False, 99),
        (of_another_catalogue, "catalogue", False, 99),
        (of_another_history, "ends_elsewhere", True, 99),
        (cut_short, "ends_elsewhere", True, 99),
        (untouched, "behind", False, 5),
    ],
)
async def test_i13_what_cannot_be_followed_is_loaded(
    database: Database, leader: Spine, spoil: Spoil, reason: Reason, seen: bool, most_behind: int
) -> None:
    """Seen and counted; ``seen``: it had followed up to the end before. The state is that of the tables, whatever was followed."""
    clock = FakeClock()
    following = Following("main", clock, most_behind=most_behind)
    await following.look(database)
    await give(leader, "m2", "m3", "m4")
    await leader.engine.stop()
    before, how = forgotten(reason), how_taken_up("main")
    async with database.pool.acquire() as connection:
        if seen:
            await following.look(database)
        for table in await connection.fetch(_GUARDED):
            await connection.execute(f"ALTER TABLE {table[0]} DISABLE TRIGGER USER")
        await spoil(connection, await journal.head(connection, "main"))
        head = await journal.head(connection, "main")
        state = await taken_up(connection, "main", head, clock, following)
    assert forgotten(reason) == before + 1
    assert how_taken_up("main") == how | {"loaded": how.get("loaded", 0) + 1}
    assert (state.position, state.now) == (head.position, head.at)
    assert picture(state) == picture(await tables(database))
    assert following.state is None


async def test_what_stopped_the_following_is_given_time_to_pass(database: Database, leader: Spine) -> None:
    """Who could not follow loads anew beside the leader, but not again and again."""
    clock = FakeClock()
    following = Following("main", clock, most_behind=5)
    await following.look(database)
    async with database.pool.acquire() as connection:
        await give(leader, *(f"n{number}" for number in range(30)))
        before = forgotten("behind")
        assert not await following.look(database)
        assert forgotten("behind") == before + 1
        await clock.advance(AGAIN_S - 1)
        assert not await following.look(database)
        await clock.advance(1)
        assert await following.look(database), "it has loaded"
        state = await taken_up(connection, "main", await journal.head(connection, "main"), clock, following)
    assert picture(state) == picture(leader.state)


async def test_a_database_that_fails_makes_nobody_forget(database: Database, leader: Spine) -> None:
    """The state stands between two commits whatever happens to the connection."""
    clock = FakeClock()
    following = Following("main", clock)
    await following.look(database)
    await give(leader, "m2")
    head = journal.Head(leader.state.position)
    connection = await database.pool.acquire()
    await connection.close()
    raised = ""
    try:
        await following.take(connection, head)
    except Exception as error:  # noqa: BLE001 - that there is one is what is tested
        raised = type(error).__name__
    assert raised == "InterfaceError"
    how = how_taken_up("main")
    async with database.pool.acquire() as another:
        state = await taken_up(another, "main", await journal.head(another, "main"), clock, following)
    assert how_taken_up("main") == how | {"followed": how.get("followed", 0) + 1}
    assert picture(state) == picture(leader.state)
