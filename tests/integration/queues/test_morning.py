"""A thousand mails of the night do not delay a morning call past its target (I8: no unjustified overtaking; R-2), through inbox and engine."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from ccc_router.events.commands import CompleteContact
from ccc_router.events.facts import CallEvent, Private
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing.policy import Calendar, Catalogue, Interval
from ccc_router.storage.database import Database
from tests.support.builders import a_catalogue
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message, accept
from tests.support.spine import Spine, by_hand

MAILS = 1_000
TEN_HOURS_S = 36_000
MINUTE_MS = 60_000
CALL = derive("ct", "hotline", "call", "c1")


def a_centre(now_ms: int) -> Catalogue:
    """It is ten in the evening; the office opens at eight and mails are allowed four hours of its time.

    A call sets no mails aside here: it must wait for who is freed.
    """
    utc_minutes = now_ms // MINUTE_MS % 1440
    offset = (22 * 60 - utc_minutes + 720) % 1440 - 720
    office = Calendar(
        id="office-hours", intervals=tuple(Interval(day, 480, 1020) for day in range(7)), utc_offset_minutes=offset
    )
    plain = a_catalogue(agents=("an", "binh"), calendars=(office,))
    queues = tuple(
        msgspec.structs.replace(queue, allowance_s={"email": 14_400}, allowance_calendar={"email": "office-hours"})
        for queue in plain.queues
    )
    beside = msgspec.structs.replace(plain.rules, on_top={})
    return msgspec.structs.replace(plain, queues=queues, rules=beside)


@pytest.fixture
async def spine(database: Database) -> AsyncIterator[Spine]:
    """An engine that leads, at ten in the evening."""
    async with by_hand(database, clock=FakeClock()) as made:
        await made.engine.run_once()
        assert made.engine.now_ms is not None
        await made.drive(made.activate(a_centre(made.engine.now_ms)))
        yield made


async def a_call(spine: Spine) -> None:
    """The hotline rings."""
    fact = CallEvent(
        at=1_795_000_000_000, endpoint="hotline", call_id="c1", leg_id="cust", contact_id=CALL,
        case_id=derive("cs", "hotline", "call", "c1"), event=CallEventName.OFFERED, role=LegRole.CUSTOMER,
        sequence=1, private=Private(),
    )  # fmt: skip
    await spine.tell(fact, "c1-1", source="hotline")
    await spine.turns()


async def test_r2_the_next_freed_agent_gets_the_morning_call_and_not_one_of_a_thousand_mails(spine: Spine) -> None:
    clock = spine.clock
    assert isinstance(clock, FakeClock)
    for hundred in range(MAILS // 100):
        keys = [f"m{hundred}-{number}" for number in range(100)]
        mails = [a_message(key, endpoint="mailbox", channel=Channel.EMAIL) for key in keys]
        await spine.inbox.append([Submission("mailbox", key, mail) for key, mail in zip(keys, mails, strict=True)])
        await spine.turns()
    await clock.advance(TEN_HOURS_S)
    await spine.turns()
    await spine.drive(spine.ready("an", "binh"))
    for _ in range(2):
        for agent in ("an", "binh"):
            offer_id = spine.state.agents[agent].offer_id
            assert (await spine.drive(spine.ask(accept(offer_id, agent)))).status == 200
    await clock.advance(300)
    await a_call(spine)
    assert spine.state.agents["an"].offer_id == "", (
        "two mails are all the mails he may have, and leave no room for a call"
    )
    waiting = [contact for contact in spine.state.contacts.values() if contact.state == "queued"]
    assert len(waiting) == MAILS - 4 + 1

    await clock.advance(5)
    mine = spine.state.agents["an"].assignments[0]
    done = CompleteContact(actor="an", actor_role=Role.AGENT, contact_id=mine, disposition="answered")
    assert (await spine.drive(spine.ask(done))).status == 200
    offer = spine.state.offers[spine.state.agents["an"].offer_id]
    assert offer.contact_id == CALL
    target_s = spine.state.book.queues["general"].service_level.seconds
    assert offer.made_at - spine.state.contacts[CALL].arrived_at < 1000 * target_s
    assert (await spine.drive(spine.ask(accept(offer.id, "an")))).status == 200
