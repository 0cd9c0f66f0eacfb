"""The engine over PostgreSQL: what comes in is decided, journalled and answered in one commit."""

from ccc_router.events.commands import CompleteContact
from ccc_router.events.facts import Handle
from ccc_router.events.vocabulary import Role
from ccc_router.storage.database import Database
from tests.support.inputs import a_message, accept
from tests.support.spine import Spine, running


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


async def offered(spine: Spine) -> str:
    """The id of the one pending offer."""
    await spine.empty()
    [offer_id] = spine.state.offers
    return offer_id
