"""The promises of the core one by one, each by the shortest story in which it could be broken."""

from collections import Counter

import msgspec
import pytest

from ccc_router.events.commands import AcceptOffer, CompleteContact, DeclineOffer, WaitForCustomer
from ccc_router.events.facts import AgentLost, OfferFetched, TimeResumed, TimerFired
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, OfferState, Presence, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step, next_due
from ccc_router.routing import decisions as d
from tests.support.world import World, a_catalogue, an_agent


def of_kind(world: World, kind: type[d.Decision]) -> list[d.Decision]:
    """Every decision of a kind so far."""
    return [one for _, made in world.log for one in made.decisions if isinstance(one, kind)]


def accept(world: World, agent_id: str, offer_id: str) -> Step:
    return world.give(AcceptOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer_id))


def refusal(made: Step) -> str:
    return made.refused.code if made.refused is not None else ""


def test_i4_what_is_offered_to_one_is_offered_to_nobody_else() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.sign_in("binh")
    world.demand("binh")
    assert world.offered_to(contact_id) == "an"
    assert len(of_kind(world, d.OfferMade)) == 1


def test_i4_what_one_has_is_offered_to_nobody_else_also_when_he_is_lost_on_the_phone() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    call = derive("ct", "hotline", "call", "c1")
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(call).offer_id)
    world.sign_in("binh")
    world.give(AgentLost(agent_id="an"))
    world.wait(3600)
    assert world.contact(call).agent_id == "an"
    assert len(of_kind(world, d.OfferMade)) == 1


def test_i5_a_channel_is_offered_up_to_its_limit_and_again_when_one_is_finished() -> None:
    world = World(a_catalogue(an_agent("an", channels={"email": 2})))
    world.sign_in("an")
    first, second, third = (world.write(Channel.EMAIL) for _ in range(3))
    world.accept("an")
    world.accept("an")
    assert world.offered_to(third) == ""
    assert set(world.state.agents["an"].assignments) == {first, second}
    world.complete("an", first)
    assert world.offered_to(third) == "an"


def test_i5_all_channels_together_weigh_no_more_than_the_agent_may_carry() -> None:
    """A message weighs 34 and a mail 25, the agent carries 100: of three messages and a mail he gets three and then waits."""
    world = World(a_catalogue(an_agent("an", channels={"portal": 3, "email": 2, "phone": 1})))
    world.sign_in("an")
    world.write()
    world.accept("an")
    world.call(CallEventName.OFFERED)
    assert world.offered_to(derive("ct", "hotline", "call", "c1")) == "", "a call weighs 100"
    world.write()
    world.accept("an")
    mails = [world.write(Channel.EMAIL) for _ in range(2)]
    world.accept("an")
    assert world.offered_to(mails[1]) == ""
    assert world.state.weight_of(world.state.load_of(world.state.agents["an"])) == 93


def test_i5_who_waits_for_a_customer_is_called_back_only_into_room() -> None:
    """R-8: capacity is held by the database and never exceeded; what wakes up comes back only into room."""
    world = World(a_catalogue(an_agent("an", channels={"portal": 1}), an_agent("binh", channels={"portal": 1})))
    world.sign_in("an")
    waiting = world.write()
    world.accept("an")
    wait = WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=waiting, until=world.now + 3_600_000)
    world.give(wait)
    other = world.write()
    world.accept("an")
    world.write(case_id="cs_1")
    contact = world.contact(waiting)
    assert (contact.state, contact.reserved_for) == (ContactState.QUEUED, "an")
    world.complete("an", other)
    assert world.offered_to(waiting) == "an"


@pytest.mark.parametrize("how", ["accepted", "declined", "expired", "rescinded"])
def test_i6_an_offer_that_ended_ends_in_no_other_way(how: str) -> None:
    """R-16: Accept, decline, time-out and withdrawal race; whoever comes later changes nothing and is told so."""
    world = World()
    world.sign_in("an")
    world.write()
    offer_id = world.state.agents["an"].offer_id
    due = world.state.offers[offer_id].expires_at
    decline = DeclineOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id, reason="busy")
    match how:
        case "accepted":
            assert refusal(accept(world, "an", offer_id)) == ""
        case "declined":
            world.give(decline)
        case "expired":
            world.wait(31)
        case _:
            world.sign_in("an", Presence.NOT_READY)
    again = accept(world, "an", offer_id)
    assert refusal(again) == ("" if how == "accepted" else "offer_over"), (
        "his own repetition is heard, and changes nothing"
    )
    assert not again.decisions or again.refused is not None
    assert refusal(world.give(decline)) == "offer_over"
    world.give(TimerFired(timer="offer", ref=offer_id, due=due))
    ends = [one for one in of_kind(world, d.OfferEnded) if getattr(one, "offer_id", "") == offer_id]
    assert [getattr(one, "state", None) for one in ends] == [OfferState(how)]


def test_i9_a_contact_that_nobody_can_take_comes_to_the_supervisors() -> None:
    world = World()
    contact_id = world.write(queue="health")
    assert world.state.contact_due(world.contact(contact_id)) > world.now, "something will happen to it"
    world.wait(899)
    assert world.contact(contact_id).attention == ""
    world.wait(2)
    assert world.contact(contact_id).attention == "waits_too_long"


def test_i9_a_case_left_open_by_its_last_contact_is_followed_up() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    world.give(
        CompleteContact(
            actor="an", actor_role=Role.AGENT, contact_id=contact_id, disposition="answered", resolution="unresolved"
        )
    )
    case = world.state.cases["cs_1"]
    assert case.due_at > world.now
    world.wait(86_401)
    assert case.attention


def test_i12_a_timer_acts_once_and_only_if_it_is_still_the_one_that_was_set() -> None:
    """R-22: a timer belongs to one thing, and looks again when it fires whether it is still meant; none is capped by a batch."""
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    due = next_due(world.state)
    assert due is not None
    assert due.timer == "offer"
    assert not world.give(earlier(due, 1)).decisions, "a timer of another time is nobody's"
    assert world.offered_to(contact_id) == "an"
    world.now = due.due
    assert world.give(due).decisions
    assert not world.give(due).decisions
    assert len(of_kind(world, d.OfferEnded)) == 1


def earlier(due: TimerFired, by_ms: int) -> TimerFired:
    """The same timer, due a little earlier."""
    return TimerFired(timer=due.timer, ref=due.ref, due=due.due - by_ms)


def test_i18_every_contact_that_came_is_in_exactly_one_end_or_open() -> None:
    world = World()
    world.sign_in("an")
    closed = world.write()
    world.accept("an")
    world.complete("an", closed)
    world.write(Channel.EMAIL, automatic=True)
    world.sign_in("an", Presence.NOT_READY)
    world.call(CallEventName.OFFERED)
    world.call(CallEventName.CONNECTION_CLEARED)
    waits = world.write()
    world.write(case_id="cs_1")
    opened = [getattr(one, "contact_id", "") for one in of_kind(world, d.ContactOpened)]
    ends = Counter(getattr(one, "state", None) for one in of_kind(world, d.ContactEnded))
    assert len(opened) == len(set(opened)) == 5
    assert ends == {ContactState.CLOSED: 1, ContactState.DEFLECTED: 1, ContactState.ABANDONED: 1}
    still = [contact for contact in world.state.contacts.values() if contact.state is ContactState.QUEUED]
    assert {contact.id for contact in still} >= {waits}
    assert len(opened) == sum(ends.values()) + len(still)


def resume(world: World, hours: int) -> Step:
    """An engine takes over after that long."""
    world.now += hours * 3_600_000
    return world.give(TimeResumed(gap_ms=hours * 3_600_000))


def test_i12_two_days_without_an_engine_end_nothing_an_agent_or_the_switch_has_to_do() -> None:
    """Of an offer, a demand, a penalty, the grace of a lost agent, the wait for the agent who knows the case, connecting and wrap-up
    as much is left after it as before, and no more."""
    agents = [an_agent(name) for name in ("an", "binh", "chi", "dung", "em")]
    world = World(a_catalogue(*agents))
    world.sign_in("an")
    offered = world.write()
    world.sign_in("binh")
    world.call(CallEventName.OFFERED)
    call = derive("ct", "hotline", "call", "c1")
    assert world.offered_to(call) == "binh"
    world.accept("binh")
    world.sign_in("chi")
    finished = world.write(Channel.EMAIL)
    world.accept("chi")
    known = world.contact(finished).case_id
    world.give(AgentLost(agent_id="chi"))
    world.write(Channel.EMAIL, case_id=known)
    world.sign_in("dung", Presence.ON_DEMAND)
    world.demand("dung")
    [offer] = [one for one in world.state.offers.values() if one.contact_id == offered]
    before = {
        "offer": offer.expires_at,
        "connecting": world.contact(call).ends_at,
        "grace": world.state.agents["chi"].lost_at,
        "demand": world.state.agents["dung"].demand_until,
    }
    began = world.now
    resume(world, 48)
    moved = world.now - began
    after = {
        "offer": world.state.offers[offer.id].expires_at,
        "connecting": world.contact(call).ends_at,
        "grace": world.state.agents["chi"].lost_at,
        "demand": world.state.agents["dung"].demand_until,
    }
    assert {name: after[name] - due for name, due in before.items()} == dict.fromkeys(before, moved)
    world.wait(9)
    assert of_kind(world, d.AgentPenalised) == []
    world.wait(11)
    missed = [one for one in of_kind(world, d.AgentPenalised) if isinstance(one, d.AgentPenalised)]
    assert [one.agent_id for one in missed] == ["binh"], "his phone was not answered within its whole time"


def test_i12_a_penalty_a_sticky_wait_and_a_wrap_up_have_as_much_left_as_before() -> None:
    world = World(a_catalogue(an_agent("an"), an_agent("binh")))
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    call = derive("ct", "hotline", "call", "c1")
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(call).offer_id)
    world.call(CallEventName.CONNECTION_CLEARED)
    assert world.state_of(call) is ContactState.WRAP_UP
    held_for_an = world.write(case_id=world.contact(call).case_id)
    world.sign_in("binh")
    missed = world.write()
    world.give(OfferFetched(offer_id=world.contact(missed).offer_id))
    world.wait(30)
    wrap_up, wait = world.contact(call).ends_at, world.contact(held_for_an).reserved_until
    penalty = dict(world.state.agents["binh"].penalties)
    assert wait > world.now
    assert penalty
    began = world.now
    resume(world, 24)
    moved = world.now - began
    assert world.contact(call).ends_at - wrap_up == moved
    assert world.contact(held_for_an).reserved_until - wait == moved
    assert world.state.agents["binh"].penalties == {channel: until + moved for channel, until in penalty.items()}
    world.wait(1)
    assert world.state_of(call) is ContactState.WRAP_UP
    assert world.offered_to(missed) == "", "the penalty is not over"


def test_i12_what_customers_and_departments_were_promised_goes_by_the_clock() -> None:
    """Rank, arrival, attention, the customer's turn: an hour away is an hour for those who wait."""
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    until = world.now + 1_800_000
    world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=contact_id, until=until))
    world.sign_in("an", Presence.SIGNED_OUT)
    waiting = world.write()
    was = msgspec.structs.replace(world.contact(waiting))
    resume(world, 1)
    now = world.contact(waiting)
    assert (now.arrived_at, now.rank, now.attention_at) == (was.arrived_at, was.rank, was.attention_at)
    assert world.contact(contact_id).wait_until == until
    world.wait(0)
    assert contact_id not in world.state.contacts, "the customer was silent for his half hour"
    assert world.contact(waiting).attention == "waits_too_long"
