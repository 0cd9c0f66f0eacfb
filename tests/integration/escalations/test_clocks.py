"""The clocks of an escalation run in the engine: never early, once, and also after another engine took over (I12)."""

from collections.abc import Sequence

import msgspec

from ccc_router.events.commands import AcceptOffer, RaiseEscalation, SetPresence
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.storage.database import Database
from tests.support.departments import with_departments
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.spine import Spine, by_hand

MINUTE = 60.0


async def raised(spine: Spine) -> None:
    """An agent escalates the case of his contact: an hour to acknowledge, eight to answer."""
    if not spine.current.version:
        await spine.drive(spine.activate(with_departments("https://hooks.example.org/")))
    ready = SetPresence(actor="an", actor_role=Role.AGENT, agent_id="an", presence=Presence.READY)
    await spine.drive(spine.ask(ready))
    await spine.inbox.append([submitted("m1")])
    await spine.turns()
    [offer] = spine.state.offers.values()
    await spine.drive(spine.ask(AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=offer.id)))
    command = RaiseEscalation(
        actor="an",
        actor_role=Role.AGENT,
        contact_id=offer.contact_id,
        escalation_id="es_1",
        department="policy",
        message_id="ms_es_1",
        keep=True,
    )
    outcome = await spine.drive(spine.ask(command))
    assert outcome.status == 200


async def notices(database: Database) -> Sequence[tuple[str, str]]:
    rows = await database.pool.fetch("SELECT type, target FROM delivery ORDER BY position")
    return [(str(row["type"]).split(".")[2], str(row["target"])) for row in rows]


async def pass_(spine: Spine, clock: FakeClock, minutes: float) -> None:
    await clock.advance(minutes * MINUTE)
    await spine.turns()


async def test_i12_overdue_and_reminders_come_by_the_engines_timers(database: Database) -> None:
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await raised(spine)
        assert await notices(database) == [("raised", "policy")]
        await pass_(spine, clock, 50)
        assert await notices(database) == [("raised", "policy")]
        await pass_(spine, clock, 30)
        assert await notices(database) == [("raised", "policy"), ("overdue", "policy"), ("overdue", "head")]
        await pass_(spine, clock, 330)
        assert (await notices(database))[3:] == [("reminded", "policy")]
        row = await database.pool.fetchval("SELECT row::text FROM escalation")
        assert msgspec.json.decode(row)["acknowledge_overdue"] is True


async def test_i12_another_engine_goes_on_with_the_clocks_and_repeats_nothing(database: Database) -> None:
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await raised(spine)
        await pass_(spine, clock, 80)
        before = await notices(database)
    await database.pool.execute("UPDATE lease SET until = clock_timestamp()")
    async with by_hand(database, clock=clock) as other:
        await other.turns()
        assert "es_1" in other.state.escalations
        assert await notices(database) == before
        await pass_(other, clock, 330)
        assert (await notices(database))[len(before) :] == [("reminded", "policy")]
