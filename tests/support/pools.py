"""Two pools on one database: `hanoi` takes in, and what overflows there goes to `danang`."""

import contextlib
from collections.abc import AsyncIterator

import msgspec

from ccc_router.events import journal
from ccc_router.events.envelope import Entry
from ccc_router.queues.store.loading import load, rebuild
from ccc_router.routing.policy import Catalogue, OverflowRule
from ccc_router.storage.database import Database
from tests.support.builders import a_catalogue
from tests.support.fake_clock import FakeClock
from tests.support.spine import Spine, by_hand

HOME, HELP = "hanoi", "danang"
A_MINUTE = 61 / 0.9
"""Engine time that is ahead of the database's clock goes at least nine tenths as fast."""


def home_catalogue(rule: OverflowRule | None = None, **changes: object) -> Catalogue:
    """The small catalogue of builders, whose queue ``general`` overflows to ``cards`` of the other pool."""
    made = a_catalogue(**changes)  # type: ignore[arg-type]
    general, cards = made.queues
    rule = rule or OverflowRule("cards", after_wait_s=60, pool=HELP)
    return msgspec.structs.replace(made, queues=(msgspec.structs.replace(general, overflow_when=(rule,)), cards))


def help_catalogue(home: Catalogue | None = None, pool: str = HOME) -> Catalogue:
    """The small catalogue, sharing every endpoint of the other."""
    home = home or home_catalogue()
    made = a_catalogue()
    shared = tuple(msgspec.structs.replace(one, shared_from=pool) for one in home.endpoints)
    own = msgspec.structs.replace(made.endpoints[0], id="own-switch")
    agents = tuple(msgspec.structs.replace(one, phone_endpoint="own-switch") for one in made.agents)
    return msgspec.structs.replace(made, endpoints=(own, *shared), agents=agents)


class Pools:
    """Two spines whose engines run only when the test says so."""

    def __init__(self, database: Database, clock: FakeClock, home: Spine, helper: Spine) -> None:
        self.database = database
        self.clock = clock
        self.home = home
        self.help = helper

    async def turns(self) -> None:
        """Both engines run until there is nothing left to do; what the first hands over is there for the second."""
        await self.home.turns()
        await self.help.turns()

    async def wait_for_overflow(self) -> None:
        """A minute and a second pass, for the engine of the first."""
        await self.clock.advance(A_MINUTE)
        await self.home.turns()

    async def counts(self, pool: str) -> dict[str, int]:
        """Contacts of a pool by state; those that are in no end are ``open`` (I18)."""
        rows = await self.database.pool.fetch(
            "SELECT CASE WHEN open THEN 'open' ELSE state END AS state, count(*) FROM contact WHERE pool = $1 GROUP BY 1",
            pool,
        )
        return {row["state"]: row["count"] for row in rows}

    async def check(self) -> None:
        """Of both pools: nothing was parked, the chain verifies, live, loaded and rebuilt states are one, and the counts add up."""
        assert await self.database.pool.fetch("SELECT pool, error, detail FROM parked_input") == []
        for spine in (self.home, self.help):
            async with self.database.pool.acquire() as connection:
                head = await journal.head(connection, spine.pool)
                loaded = await load(connection, spine.pool, head.position, head.at)
                rebuilt = await rebuild(spine.pool, journal.entries(connection, spine.pool))
                verdict = await journal.verify(connection, spine.pool)
            assert (verdict.fault, verdict.position) == ("", head.position), f"I16: {spine.pool}"
            assert loaded.dump() == rebuilt.dump() == spine.state.dump(), f"I13: {spine.pool}"
            received = sum(entry.kind == "ContactOpened" for entry in await spine.entries())
            assert received == sum((await self.counts(spine.pool)).values()), f"I18: {spine.pool}"


@contextlib.asynccontextmanager
async def two_pools(database: Database, home: Catalogue | None = None) -> AsyncIterator[Pools]:
    """Both lead, with their catalogues in force; nobody is ready."""
    clock = FakeClock()
    chosen = home or home_catalogue()
    async with by_hand(database, HOME, clock) as first, by_hand(database, HELP, clock) as second:
        for spine, catalogue in ((first, chosen), (second, help_catalogue(chosen))):
            await spine.turns()
            await spine.drive(spine.activate(catalogue))
        yield Pools(database, clock, first, second)


def told(entries: list[Entry], kind: str) -> list[dict[str, object]]:
    """What a journal says, of one kind."""
    return [msgspec.json.decode(entry.body) for entry in entries if entry.kind == kind]
