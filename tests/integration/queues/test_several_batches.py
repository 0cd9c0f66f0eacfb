"""Many inputs at once are one commit of several batches: what one made the next knows, and one bad input still stands alone."""

from ccc_router.events import journal
from ccc_router.events.facts import Handle
from ccc_router.events.inbox import Submission
from ccc_router.kernel.ids import derive
from ccc_router.queues.store.loading import rebuild
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import picture, start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message
from tests.support.spine import Spine, by_hand

MANY = 200
FIRST, LATE = 3, 190
SOMEBODY = Handle("email", "khach@example.org")
REF = "mail:<first@example.org>"


async def give(spine: Spine, *, bad: int = -1) -> None:
    """Messages of as many people, but two of one person, the later one an answer to the earlier; one that no table takes."""
    submissions = []
    for number in range(MANY):
        key = f"m{number}"
        handle = SOMEBODY if number in {FIRST, LATE} else Handle("email", f"{key}@example.org")
        refs, own_refs = ((REF,), ()) if number == LATE else ((), (REF,) if number == FIRST else ())
        words = "boom" if number == bad else "xin chào"
        body = a_message(key, text=words, handle=handle, refs=refs, own_refs=own_refs)
        submissions.append(Submission("portal", key, body))
    await spine.inbox.append(submissions)


async def check(spine: Spine) -> None:
    """The journal verifies (I16), and what is rebuilt from it is what is in memory (I13)."""
    async with spine.database.pool.acquire() as connection:
        assert (await journal.verify(connection, spine.pool)).fault == ""
        assert picture(await rebuild(spine.pool, journal.entries(connection, spine.pool))) == picture(spine.state)


async def test_what_an_earlier_batch_of_the_commit_made_is_known_to_the_later_ones(database: Database) -> None:
    """R: the same handle is the same customer, and an answer joins its thread, also when nothing of it is committed yet."""
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        batches = await database.pool.fetchval("SELECT count(*) FROM journal_batch")
        await give(spine)
        commits: list[int] = []
        spine.observers.committed.append(commits.append)
        await spine.turns()
        assert len(commits) == 1
        assert await database.pool.fetchval("SELECT count(*) FROM journal_batch") > batches + 2
        assert await database.pool.fetchval("SELECT count(*) FROM customer") == MANY - 1
        assert await database.pool.fetchval("SELECT count(*) FROM message") == MANY
        joined = await database.pool.fetchval(
            "SELECT contact_id FROM message WHERE id = $1", derive("ms", "portal", f"m{LATE}")
        )
        assert joined == derive("ct", "portal", f"m{FIRST}")
        await check(spine)


async def test_a_bad_input_in_a_later_batch_takes_nothing_with_it(database: Database) -> None:
    """What was written before it is rolled back with it, and then done again without it."""
    await database.pool.execute("ALTER TABLE message ADD CONSTRAINT no_boom CHECK (text <> 'boom')")
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        await give(spine, bad=140)
        await spine.turns()
        keys = [row[0] for row in await database.pool.fetch("SELECT key FROM parked_input")]
        assert keys == ["m140"]
        assert await database.pool.fetchval("SELECT count(*) FROM message") == MANY - 1
        assert await database.pool.fetchval("SELECT count(*) FROM inbox") == 0
        await check(spine)
