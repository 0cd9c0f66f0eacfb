"""I13: whoever follows the journal sees every entry once, in order, while many write at once."""

import asyncio
import itertools
from collections.abc import AsyncIterator

from ccc_router.events.codec import decode_input
from ccc_router.events.envelope import Entry
from ccc_router.events.following import follow
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.kernel.clock import SystemClock
from ccc_router.queues.store.loading import rebuild
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import picture
from tests.support.inputs import a_message, submitted
from tests.support.spine import running


async def test_followers_miss_nothing_while_three_appenders_write(database: Database) -> None:
    """Positions are dense, every input is there once, and what is rebuilt from what was followed is the state in memory."""
    async with running(database) as spine:
        others = [PostgresInbox(database, "main", SystemClock(), wake=spine.loop.wake) for _ in range(2)]
        for other in others:
            other.start()
        hint = asyncio.Event()
        spine.observers.committed.append(lambda _: hint.set())
        seen: list[int] = []
        inputs: list[str] = []
        entries: list[Entry] = []

        async def read(last: int) -> None:
            async for some in follow(database, "main", SystemClock(), hint, page=50):
                entries.extend(some)
                seen.extend(entry.position for entry in some)
                inputs.extend(entry.kind for entry in some if entry.form == "input")
                if seen[-1] >= last:
                    return

        async def write(inbox: PostgresInbox, name: str) -> None:
            for number in range(60):
                await inbox.append([submitted(f"{name}-{number}-{copy}") for copy in range(3)])
                await inbox.append([submitted(f"shared-{number}")])

        await spine.ready("an", "binh")
        await asyncio.gather(*(write(inbox, str(n)) for n, inbox in enumerate([spine.inbox, *others])))
        await spine.empty()
        await asyncio.wait_for(read(spine.state.position), 20)
        assert seen == list(range(1, spine.state.position + 1))
        assert inputs.count("MessageReceived") == 3 * 60 * 3 + 60
        for other in others:
            await other.close()

        async def replayed() -> AsyncIterator[Entry]:
            for entry in entries:
                yield entry

        assert picture(await rebuild("main", replayed())) == picture(spine.state)


async def test_arrivals_are_decided_in_the_order_they_were_taken(database: Database) -> None:
    """I3: what one caller appended first is handled first, also within one delivery."""
    async with running(database) as spine:
        for number in range(20):
            await spine.inbox.append([submitted(f"{number:02}-{part}") for part in range(5)])
        await spine.empty()
        contacts = [
            decode_input(entry.body).body.contact_id  # type: ignore[union-attr]
            for entry in await spine.entries()
            if entry.kind == "MessageReceived"
        ]
        expected = [
            a_message(f"{number:02}-{part}").contact_id for number, part in itertools.product(range(20), range(5))
        ]
        assert contacts == expected
