"""What mutants showed that no quick test held: one small promise each (docs/testing.md)."""

from ccc_router.events.commands import ControlCall, DeclineOffer, EditCase, SendMessage, TransferContact
from ccc_router.events.facts import CallRecorded
from ccc_router.events.vocabulary import (
    CallEventName,
    Channel,
    ContactState,
    ControlCommand,
    Presence,
    Role,
    Visibility,
)
from ccc_router.routing import decisions as d
from ccc_router.routing.calls import observe_record
from ccc_router.routing.policy import Rules
from tests.support.world import World, a_catalogue, an_agent


def test_a_letter_without_a_topic_goes_where_its_cases_topic_goes() -> None:
    """What an agent learnt about the case holds for the customer's next letter, too."""
    world = World()
    world.sign_in("an")
    contact = world.contact(world.write())
    world.accept("an")
    world.give(EditCase(actor="an", actor_role=Role.AGENT, case_id=contact.case_id, topic="card"))
    world.complete("an", contact.id)
    world.wait(31)
    following = world.write(case_id=contact.case_id)
    assert following != contact.id
    assert world.contact(following).queue == "health"


def test_without_a_no_repeat_rule_nobody_is_remembered() -> None:
    world = World(a_catalogue(rules=Rules(no_repeat_offers=0)))
    world.sign_in("an")
    contact = world.contact(world.write())
    assert world.offered_to(contact.id) == "an"
    assert contact.tried == ()


def test_i13_pauses_that_end_together_end_in_an_order_of_their_own() -> None:
    """Not in that in which they began: a state that was loaded need not know it."""
    world = World(a_catalogue(an_agent("an")))
    world.sign_in("an")
    for channel in (Channel.PORTAL, Channel.EMAIL):
        world.write(channel)
        offer_id = world.state.agents["an"].offer_id
        world.give(DeclineOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
    assert list(world.state.agents["an"].penalties) == ["portal", "email"]
    before = len(world.log)
    world.wait(world.state.book.rules.penalty_s)
    over = [one.channel for _, made in world.log[before:] for one in made.decisions if isinstance(one, d.PenaltyOver)]
    assert over == ["email", "portal"]


def test_i3_a_record_tells_when_its_leg_began() -> None:
    record = CallRecorded(
        endpoint="hotline",
        call_id="c1",
        leg_id="cust",
        contact_id="ct_1",
        case_id="cs_1",
        started_at=5,
        answered_at=7,
        ended_at=9,
    )
    leg = observe_record(None, record)
    assert (leg.offered_at, leg.established_at, leg.cleared_at) == (5, 7, 9)


def test_i9_who_asks_for_a_hang_up_waits_for_it_no_longer_than_the_rules_say() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    contact = next(iter(world.state.contacts.values()))
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="agent-leg", offer_id=contact.offer_id)
    made = world.give(ControlCall(actor="an", actor_role=Role.AGENT, contact_id=contact.id, action="hangup"))
    assert made.refused is None
    assert contact.ends_at == world.now + 1000 * world.state.book.rules.clear_s
    world.wait(world.state.book.rules.clear_s)
    assert contact.state is ContactState.WRAP_UP


def test_a_letter_cannot_be_hung_up() -> None:
    world = World()
    world.sign_in("an", Presence.READY)
    contact = world.contact(world.write())
    world.accept("an")
    made = world.give(ControlCall(actor="an", actor_role=Role.AGENT, contact_id=contact.id, action="hangup"))
    assert made.decisions == [d.CommandRefused("wrong_state", "active")]


def test_who_accepts_is_told_what_he_took() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    offer_id = world.state.agents["an"].offer_id
    assert world.accept("an").result == {"offer_id": offer_id, "contact_id": contact_id}


def test_a_call_that_is_handed_on_waits_in_the_switchs_queue() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    contact = next(iter(world.state.contacts.values()))
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="agent-leg", offer_id=contact.offer_id)
    made = world.give(TransferContact(actor="an", actor_role=Role.AGENT, contact_id=contact.id, queue="health"))
    owed = [one.command for one in made.decisions if isinstance(one, d.DeliveryOwed)]
    assert owed == [ControlCommand.QUEUE]
    assert contact.queue == "health"


def test_nobody_answers_a_letter_that_is_only_offered() -> None:
    world = World()
    world.sign_in("an")
    contact = world.contact(world.write())
    made = world.give(
        SendMessage(
            actor="sup",
            actor_role=Role.SUPERVISOR,
            contact_id=contact.id,
            message_id="ms_x",
            visibility=Visibility.PUBLIC,
        )
    )
    assert made.decisions == [d.CommandRefused("wrong_state", "offered")]
