"""A broken invariant is never silent and never a crash: an entry in the journal, a figure for the alarm, a line in the log."""

from ccc_router.events import journal
from ccc_router.events.commands import AcceptOffer
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Role
from ccc_router.queues.engine import VIOLATIONS
from ccc_router.queues.store.loading import rebuild
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message
from tests.support.spine import by_hand


async def test_i4_a_second_owner_is_told_in_the_journal_and_in_the_figures(database: Database) -> None:
    """The state is spoilt by hand between two steps; the accept stands all the same, and so does everything after it."""
    async with by_hand(database, clock=FakeClock()) as spine:
        await start(spine)
        await spine.inbox.append([Submission("portal", f"m{n}", a_message(f"m{n}")) for n in range(6)])
        await spine.turns()
        name = next(agent.id for agent in spine.state.agents.values() if agent.offer_id)

        def accept() -> AcceptOffer:
            return AcceptOffer(actor=name, actor_role=Role.AGENT, offer_id=spine.state.agents[name].offer_id)

        assert (await spine.drive(spine.ask(accept()))).status == 200
        owned = spine.state.agents[name].assignments[0]
        spine.state.contacts[owned].agent_id = "somebody"
        before = VIOLATIONS.labels("I4")._value.get()
        assert (await spine.drive(spine.ask(accept()))).status == 200
        assert VIOLATIONS.labels("I4")._value.get() == before + 1
        [entry] = [one for one in await spine.entries() if one.kind == "InvariantViolated"]
        assert entry.body == b'{"kind":"InvariantViolated","invariant":"I4","ref":"%s","what":"owner"}' % owned.encode()
        async with database.pool.acquire() as connection:
            assert (await journal.verify(connection, spine.pool)).fault == ""
            rebuilt = await rebuild(spine.pool, journal.entries(connection, spine.pool))
        assert rebuilt.position == spine.state.position
