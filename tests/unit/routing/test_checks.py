"""The engine's own look at the cheap invariants: what is broken is told, once, where it was broken, and again by a replay."""

from collections.abc import Callable

import msgspec
import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.commands import AcceptOffer
from ccc_router.events.envelope import Input
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, OfferState, Presence, Role
from ccc_router.routing import Step, apply, begin, step
from ccc_router.routing import decisions as d
from ccc_router.routing.deciding.checks import violations
from ccc_router.routing.rows import Contact, Offer, QueueState
from tests.support.world import World, a_catalogue, an_agent

Broken = Callable[[World, Contact, Offer], None]


def _second_offer(world: World, contact: Contact, offer: Offer) -> None:
    contact.offer_id = "of_another"


def _offered_and_queued(world: World, contact: Contact, offer: Offer) -> None:
    contact.state = ContactState.QUEUED
    world.state.touch_contact(contact)


def _not_the_agents(world: World, contact: Contact, offer: Offer) -> None:
    world.state.agents[offer.agent_id].offer_id = ""


def _endless(world: World, contact: Contact, offer: Offer) -> None:
    world.state.timers.set("offer", offer.id, 0)


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (_second_offer, {("I4", "offer"), ("I9", "offered")}),
        (_offered_and_queued, {("I4", "offer"), ("I4", "offered_and_waiting")}),
        (_not_the_agents, {("I4", "offers")}),
        (_endless, {("I9", "offer")}),
    ],
)
def test_i4_i9_a_pending_offer_is_checked(harm: Broken, found: set[tuple[str, str]]) -> None:
    """R-10: every state that is no rest ends by a time; what the switch never tells ends too."""
    world, contact, offer, made = _offered()
    assert violations(world.state, made.decisions) == []
    harm(world, contact, offer)
    assert {(one.invariant, one.what) for one in violations(world.state, made.decisions)} == found


def test_i6_an_offer_that_ended_and_is_still_there() -> None:
    world, _contact, offer, _ = _offered()
    made = world.accept(offer.agent_id)
    assert violations(world.state, made.decisions) == []
    world.state.offers[offer.id] = offer
    assert violations(world.state, made.decisions) == [d.InvariantViolated("I6", offer.id, OfferState.ACCEPTED.value)]


def test_i4_a_contact_with_another_owner() -> None:
    world, contact, offer, _ = _offered()
    made = world.accept(offer.agent_id)
    contact.agent_id = "somebody"
    assert violations(world.state, made.decisions) == [d.InvariantViolated("I4", contact.id, "owner")]


@pytest.mark.parametrize(
    ("channel", "wanted", "right"), [("portal", 1, True), ("portal", 4, False), ("email", 3, False)]
)
def test_i5_more_than_the_agent_may_carry(channel: str, wanted: int, right: bool) -> None:
    """Four letters of weight 34 are more than 100; three mails weigh 75, but two is all he may have of that channel."""
    world = World()
    world.sign_in("an")
    contact = world.contact(world.write(Channel(channel)))
    made = world.accept("an")
    agent = world.state.agents["an"]
    for number in range(1, wanted):
        other = msgspec.structs.replace(contact, id=f"ct_more_{number}")
        world.state.contacts[other.id] = other
        agent.assignments = (*agent.assignments, other.id)
    expected = [] if right else [d.InvariantViolated("I5", "an", "capacity")]
    assert violations(world.state, made.decisions) == expected


def test_i9_a_waiting_contact_without_a_timer() -> None:
    world = World()
    contact_id = world.write()
    made = world.log[-1][1]
    assert world.state_of(contact_id) is ContactState.QUEUED
    assert violations(world.state, made.decisions) == []
    world.state.timers.set("contact", contact_id, 0)
    assert violations(world.state, made.decisions) == [d.InvariantViolated("I9", contact_id, "queued")]


def test_i9_a_wrap_up_without_an_end() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    contact = next(iter(world.state.contacts.values()))
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="agent-leg", offer_id=contact.offer_id)
    made = world.call(CallEventName.CONNECTION_CLEARED)
    assert contact.state is ContactState.WRAP_UP
    assert violations(world.state, made.decisions) == []
    world.state.timers.set("contact", contact.id, 0)
    assert violations(world.state, made.decisions) == [d.InvariantViolated("I9", contact.id, "wrap_up")]


def test_i8_an_agent_who_was_freed_and_a_contact_that_came() -> None:
    """Both are put side by side without a step, as if matching had forgotten them."""
    world = World()
    contact_id = world.write()
    state = world.state
    assert violations(state, []) == []
    agent = state.agents["an"]
    agent.presence = Presence.READY
    state.touch_agent(agent)
    found = {(one.ref, one.what) for one in violations(state, [])}
    assert found == {("an", "idle"), (contact_id, "waits")}
    assert {one.invariant for one in violations(state, [])} == {"I8"}


def test_i8_nobody_idles_who_is_excluded_and_a_contact_before_a_closed_door_does_not_wait_for_anybody() -> None:
    """What policy keeps apart is no violation: an exclusion, a door, a contact kept for another."""
    world = World()
    contact = world.contact(world.write())
    state, an = world.state, world.state.agents["an"]
    an.presence = Presence.READY
    state.touch_agent(an)
    contact.excluded = ("an",)
    state.touch_contact(contact)
    assert violations(state, []) == []
    contact.excluded, contact.reserved_for = (), "binh"
    state.touch_contact(contact)
    assert violations(state, []) == []
    contact.reserved_for = ""
    state.touch_contact(contact)
    assert {(one.ref, one.what) for one in violations(state, [])} == {("an", "idle"), (contact.id, "waits")}
    state.doors.rows["general"] = QueueState("general", closed={"portal": world.now - 1}, due_at=world.now + 1)
    state.place(contact)
    assert violations(state, []) == [], "it waits before the door"


def test_i8_behind_as_many_excluded_as_there_are_somebody_idles() -> None:
    """Both who are free are of one class; the first of it may not have the contact, the second may."""
    world = World(a_catalogue(an_agent("an"), an_agent("binh")))
    contact = world.contact(world.write())
    contact.excluded = ("an",)
    world.state.touch_contact(contact)
    for agent_id in ("an", "binh"):
        world.state.agents[agent_id].presence = Presence.READY
        world.state.touch_agent(world.state.agents[agent_id])
    found = {(one.ref, one.what) for one in violations(world.state, [])}
    assert found == {("binh", "idle"), (contact.id, "waits")}


def test_i8_every_contact_that_came_is_looked_at() -> None:
    """One that is kept, or gone, does not hide the one after it."""
    world = World()
    first, second, third = (world.contact(world.write()) for _ in range(3))
    first.reserved_for = "binh"
    world.state.touch_contact(first)
    world.state.woken_contacts = ["ct_gone", first.id, second.id, third.id]
    an = world.state.agents["an"]
    an.presence = Presence.READY
    world.state.touch_agent(an)
    waits = [one.ref for one in violations(world.state, []) if one.what == "waits"]
    assert waits == [second.id, third.id]


def test_i5_what_a_call_sets_aside_weighs_nothing_meanwhile() -> None:
    """A call (100) on two mails (25 each) is all he may carry; beside two portal letters it would be too much."""
    for channel, expected in (("email", []), ("portal", ["capacity"])):
        world = World()
        world.sign_in("an")
        contact = world.contact(world.write(Channel(channel)))
        made = world.accept("an")
        call = msgspec.structs.replace(contact, id="ct_call", channel=Channel.PHONE)
        world.state.contacts[call.id] = call
        agent = world.state.agents["an"]
        agent.assignments = (*agent.assignments, call.id)
        assert [one.what for one in violations(world.state, made.decisions)] == expected


def test_only_who_accepted_is_weighed() -> None:
    world, _, offer, _ = _offered()
    agent = world.state.agents["an"]
    agent.assignments = ("ct_gone",)
    ended = d.OfferEnded(offer.id, OfferState.DECLINED, "an")
    del world.state.offers[offer.id]
    assert violations(world.state, [ended]) == []
    assert violations(world.state, [d.OfferEnded(offer.id, OfferState.ACCEPTED, "an")]) == [
        d.InvariantViolated("I4", "ct_gone", "owner")
    ]


def test_i8_a_core_that_matches_whom_it_frees_has_nothing_to_tell() -> None:
    """`an` does not know health and gets the letter, not the question; every step of it is without a violation (tests/sabotage)."""
    world = World()
    world.write(queue="health")
    world.write()
    world.sign_in("an")
    assert [one for _, made in world.log for one in made.decisions if isinstance(one, d.InvariantViolated)] == []


def test_i13_a_violation_is_an_entry_and_is_found_again_by_a_replay() -> None:
    """A letter that another owns, too: the next accept tells it, whoever decides it again."""

    def life() -> tuple[World, Step]:
        world, contact, _, _ = _offered()
        world.accept("an")
        world.write()
        contact.agent_id = "binh"
        offer_id = world.state.agents["an"].offer_id
        accept = AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id)
        return world, step(world.state, Input(world.state.position + 1, world.now, accept))

    (one, made), (other, made_again) = life(), life()
    position = one.state.position
    assert made.decisions[-1] == d.InvariantViolated("I4", "ct_1", "owner")
    assert canonical(made.decisions[-1]) == b'{"kind":"InvariantViolated","invariant":"I4","ref":"ct_1","what":"owner"}'
    assert [canonical(x) for x in made.decisions] == [canonical(x) for x in made_again.decisions]
    assert position == other.state.position


def test_a_violation_changes_nothing_but_the_position() -> None:
    world, _, _, _ = _offered()
    state = world.state
    before = msgspec.json.encode(state.dump())
    given = msgspec.structs.replace(world.log[-1][0], position=state.position + 1)
    begin(state, given)
    apply(state, given, d.InvariantViolated("I4", "ct_1", "offer"))
    assert msgspec.json.encode(state.dump()) == before
    assert state.position == given.position + 1


def _offered() -> tuple[World, Contact, Offer, Step]:
    world = World()
    world.sign_in("an")
    contact = world.contact(world.write())
    return world, contact, world.state.offers[contact.offer_id], world.log[-1][1]
