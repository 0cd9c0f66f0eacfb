"""R-26: who has to wait is told so, once a contact, on every channel that can tell him; off unless his queue says otherwise."""

from typing import Any

import msgspec
import pytest

from ccc_router.events.commands import RequeueContact
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import MessageReceived, OfferFetched
from ccc_router.events.vocabulary import CallEventName, Channel, ControlCommand, DeliveryKind, Role
from ccc_router.kernel.ids import derive
from ccc_router.queues.catalogue.checks import faults_of
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Calendar, Interval
from tests.support.world import START, World, a_catalogue, an_agent, check_invariants
from tests.unit.routing.test_invariants import check_three_ways

CALL = derive("ct", "hotline", "call", "c1")
WRITTEN = [Channel.FANPAGE, Channel.PORTAL]


def a_world(tell_wait: dict[str, str] | None = None, **queue: Any) -> World:
    """Calls and letters go to the queue ``general``, which says what is told."""
    made = a_catalogue(an_agent("an"), an_agent("binh"))
    told: dict[str, Any] = {"tell_wait": {"default": "once"} if tell_wait is None else tell_wait}
    general, health = made.queues
    # Open in the first half of each hour.
    hours = tuple(Interval(day, 60 * hour, 60 * hour + 30) for day in range(7) for hour in range(24))
    queues = (msgspec.structs.replace(general, **told, **queue), health)
    world = World(msgspec.structs.replace(made, queues=queues, calendars=(*made.calendars, Calendar("turns", hours))))
    world.wait(0)
    return world


def told(world: World) -> list[d.WaitTold]:
    return [one for _, made in world.log for one in made.decisions if isinstance(one, d.WaitTold)]


def owed(world: World) -> list[d.DeliveryOwed]:
    """What is owed of a wait."""
    made = [one for _, step in world.log for one in step.decisions if isinstance(one, d.DeliveryOwed)]
    return [one for one in made if "wait" in one.data]


def ring(world: World, customer: str = "cu_7") -> None:
    """A call, of a caller who shows his number unless ``customer`` is empty."""
    world.give(world.event(CallEventName.OFFERED), Resolved(customer_id=customer, customer_new=bool(customer)))


@pytest.mark.parametrize("channel", WRITTEN)
def test_r26_who_writes_and_has_to_wait_is_told_by_a_message_of_its_own(channel: Channel) -> None:
    world = a_world()
    contact_id = world.write(channel)
    assert told(world) == [d.WaitTold(contact_id, "waits")]
    [one] = owed(world)
    assert (one.delivery, one.contact_id, one.data["wait"]) == (DeliveryKind.ACKNOWLEDGEMENT, contact_id, "waits")
    assert one.message_id == derive("ms", "main", "told", contact_id), "one message of a contact"
    assert one.not_after == world.now + 300_000, "a place in line is soon another"
    assert one.data.get("callback") == ("possible" if channel is Channel.PORTAL else None)
    check_three_ways(world)


def test_r26_it_is_said_once_whatever_becomes_of_the_contact() -> None:
    world = a_world()
    contact_id = world.write(Channel.PORTAL)
    case_id = world.contact(contact_id).case_id
    world.write(Channel.PORTAL, case_id=case_id)
    world.sign_in("an")
    world.accept("an")
    world.give(RequeueContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id))
    world.wait(4000)
    assert len(told(world)) == len(owed(world)) == 1
    check_invariants(world.state)


def test_r26_whom_somebody_takes_is_told_nothing_and_whose_offer_is_missed_is() -> None:
    world = a_world()
    world.sign_in("an")
    contact_id = world.write(Channel.PORTAL)
    assert not told(world)
    world.give(OfferFetched(offer_id=world.contact(contact_id).offer_id))
    world.wait(31)
    assert told(world) == [d.WaitTold(contact_id, "waits")]
    world.wait(3600)
    world.accept("an")
    world.give(RequeueContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id))
    assert len(told(world)) == 1


def test_r26_a_contact_that_was_answered_before_it_waits_is_told_nothing() -> None:
    world = a_world()
    world.sign_in("an")
    contact_id = world.write(Channel.PORTAL)
    world.accept("an")
    world.give(RequeueContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id))
    assert not told(world)


@pytest.mark.parametrize("tell_wait", [{}, {"default": "off"}, {"portal": "off", "default": "once"}, {"email": "once"}])
def test_r26_it_is_off_unless_the_queue_says_so(tell_wait: dict[str, str]) -> None:
    world = a_world(tell_wait)
    world.write(Channel.PORTAL)
    if "default" not in tell_wait or tell_wait["default"] == "off":
        ring(world)
        world.write(Channel.FANPAGE)
    assert not told(world)
    assert not owed(world)


def test_r26_a_closed_queue_says_when_it_opens() -> None:
    world = a_world(hours={"default": "turns"})
    world.wait(31 * 60)
    contact_id = world.write(Channel.FANPAGE)
    assert told(world) == [d.WaitTold(contact_id, "closed")]
    opens_at = int(owed(world)[0].data["opens_at"])
    assert opens_at > START
    assert opens_at % 3_600_000 == 0
    world.wait((opens_at - world.now) // 1000)
    assert len(told(world)) == 1, "not again when it opens"
    check_three_ways(world)


def test_r26_nothing_is_said_below_a_comment_nor_to_a_machine() -> None:
    """I18 and loops: a comment is everybody's to read; what a machine wrote is answered by nobody."""
    world = a_world()
    comment = MessageReceived(
        channel=Channel.FANPAGE, endpoint="page", message_id="ms_c", contact_id="ct_c", case_id="cs_c", form="comment"
    )
    world.give(comment, Resolved(customer_id="cu_c", customer_new=True))
    world.write(Channel.PORTAL, automatic=True)
    assert not told(world)


def test_r26_a_mail_is_told_by_its_acknowledgement_if_it_gets_one() -> None:
    world = a_world()
    mail = MessageReceived(
        channel=Channel.EMAIL,
        endpoint="mailbox",
        message_id="ms_m",
        contact_id="ct_m",
        case_id="cs_m",
        acknowledge=True,
    )
    world.give(mail, Resolved(customer_id="cu_m", customer_new=True))
    world.write(Channel.EMAIL)
    [one] = owed(world)
    assert (one.message_id, one.data) == ("ms_m", {"wait": "waits"})
    assert not told(world), "the acknowledgement is the one place"


@pytest.mark.parametrize("customer", ["cu_7", ""])
def test_r26_a_caller_hears_where_he_stands_in_a_lane_that_holds_up_nothing(customer: str) -> None:
    world = a_world()
    ring(world, customer)
    [one] = owed(world)
    assert (one.command, one.lane, one.not_after) == (ControlCommand.ANNOUNCE, f"wait:{CALL}", world.now + 30_000)
    callback = {"callback": "possible"} if customer else {}
    assert one.data == {"call_id": "c1", "announcement": "wait", "wait": "waits"} | callback
    world.call(CallEventName.QUEUED)
    assert len(owed(world)) == 1
    check_three_ways(world)


def test_r26_a_switch_that_takes_no_commands_is_told_nothing_nor_is_who_is_called() -> None:
    world = a_world()
    world.call(CallEventName.OFFERED, "t1", endpoint="tracked")
    world.call(CallEventName.OFFERED, "o1", outbound=True)
    assert not owed(world)


def test_r17_the_catalogue_knows_whom_nobody_can_tell() -> None:
    made = a_catalogue()
    for named in ({"internal": "once"}, {"fax": "off"}):
        queues = tuple(msgspec.structs.replace(one, tell_wait=named) for one in made.queues)
        assert [one.path for one in faults_of(msgspec.structs.replace(made, queues=queues)) if "tell_wait" in one.path]
