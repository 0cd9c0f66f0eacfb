"""The engine over PostgreSQL: what comes in is decided, journalled and answered in one commit."""

from msgspec.structs import replace

from ccc_router.events.commands import ActivateCatalogue, CompleteContact
from ccc_router.events.facts import Handle
from ccc_router.events.vocabulary import Role
from ccc_router.queues.catalogue import as_document
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.builders import a_catalogue
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, accept, submitted
from tests.support.spine import Spine, by_hand, running


async def test_a_whole_life(database: Database) -> None:
    """A message arrives, is offered, accepted and completed; the journal tells it densely and verifiably."""
    async with running(database) as spine:
        await spine.ready("an")
        await spine.tell(a_message("m1", handle=Handle("email", "khach@example.com")), "m1")
        offer_id = await offered(spine)
        assert (await spine.ask(accept(offer_id, "an"))).status == 200
        [contact_id] = spine.state.agents["an"].assignments
        outcome = await spine.ask(
            CompleteContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id, disposition="answered")
        )
        assert outcome.status == 200
        entries = await spine.entries()
        assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
        row = await database.pool.fetchrow("SELECT state, live, open FROM contact WHERE id = $1", contact_id)
        assert row is not None
        assert tuple(row) == ("closed", False, False)
        assert await database.pool.fetchval("SELECT text FROM message") == "Tôi muốn hỏi về thẻ BHYT"
        assert await database.pool.fetchval("SELECT name FROM customer") == "Khách thử"


async def test_i12_an_offer_expires_at_its_time_not_before_and_once(database: Database) -> None:
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await spine.inbox.append([submitted("m1")])
        await spine.turns()
        [offer] = spine.state.offers.values()
        assert spine.engine.now_ms is not None
        await clock.advance((offer.expires_at - spine.engine.now_ms) / 1000 - 0.05)
        await spine.turns()
        assert list(spine.state.offers) == [offer.id], "a twentieth of a second before its time"
        await clock.advance(0.2)
        await spine.turns()
        assert offer.id not in spine.state.offers
        ends = [entry for entry in await spine.entries() if entry.kind == "OfferEnded"]
        assert [offer.expires_at <= entry.at < offer.expires_at + 1000 for entry in ends] == [True]


async def offered(spine: Spine) -> str:
    """The id of the one pending offer."""
    await spine.empty()
    [offer_id] = spine.state.offers
    return offer_id


async def test_a_new_catalogue_writes_agents_and_moved_contacts_only(database: Database) -> None:
    """With many waiting, writing every row anew would take longer than the lease; what moved to a successor is written (I13)."""
    async with running(database) as spine:
        for number in range(6):
            await spine.tell(a_message(f"m{number}"), f"m{number}")
        await spine.empty()
        before = {row[0]: row[1] for row in await database.pool.fetch("SELECT id, xmin::text FROM contact")}
        document = as_document(a_catalogue(2))
        moved = ActivateCatalogue(
            actor="admin", actor_role=Role.ADMIN, version=2, catalogue=document, successors={"general": "cards"}
        )
        kept = ActivateCatalogue(actor="admin", actor_role=Role.ADMIN, version=3, catalogue=as_document(a_catalogue(3)))
        assert (await spine.ask(moved)).status == 200
        after = {row[0]: row[1] for row in await database.pool.fetch("SELECT id, xmin::text FROM contact")}
        assert all(after[contact] != before[contact] for contact in before)
        assert await database.pool.fetchval("SELECT count(*) FROM contact WHERE queue = 'cards'") == 6
        assert (await spine.ask(kept)).status == 200
        again = {row[0]: row[1] for row in await database.pool.fetch("SELECT id, xmin::text FROM contact")}
        assert again == after
        assert spine.current.version == 3


async def test_i5_what_a_catalogue_leaves_an_agent_over_he_may_carry_and_only_ever_less(database: Database) -> None:
    """Also for an engine that takes over, and for one from before 0021, which finds it in its own table."""
    async with running(database) as spine:
        await spine.ready("an")
        for number in range(3):
            await spine.tell(a_message(f"m{number}"), f"m{number}")
            assert (await spine.ask(accept(await offered(spine), "an"))).status == 200
        assert await load_of(database) == ([102, 0, 0, 0, 3, 0], [130, 1, 2, 3, 3, 2])
        made = a_catalogue(2)
        less = replace(made.agents[0].capacity, channels={**made.agents[0].capacity.channels, "portal": 1})
        assert (
            await spine.activate(replace(made, agents=(replace(made.agents[0], capacity=less), *made.agents[1:])))
        ).status == 200
        assert await load_of(database) == ([102, 0, 0, 0, 3, 0], [130, 1, 2, 3, 3, 2])
        assert [
            tuple(row) for row in await database.pool.fetch("SELECT agent_id, channel, used, cap, over FROM agent_load")
        ] == [("an", "portal", 3, 1, 2)]
    async with running(database) as spine:
        for left in (2, 1, 0):
            contact_id = spine.state.agents["an"].assignments[0]
            command = CompleteContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id, disposition="answered")
            assert (await spine.ask(command)).status == 200
            assert await load_of(database) == ([34 * left, 0, 0, 0, left, 0], [130, 1, 2, 3, max(1, left), 2])


async def load_of(database: Database) -> tuple[list[int], list[int]]:
    """What the agent carries and may."""
    row = await database.pool.fetchrow("SELECT used, most FROM agent WHERE id = 'an'")
    assert row is not None
    return row[0], row[1]
