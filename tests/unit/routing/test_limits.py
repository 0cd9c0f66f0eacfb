"""At most so many contacts of a queue and channel in agents' hands at once (``max_active``): who waits for that, and who goes first then."""

from functools import partial

import msgspec
import pytest

from ccc_router.events.commands import ActivateCatalogue, AssignContact, DeclineOffer, SetPriority, WaitForCustomer
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, Overtaking, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import decisions as d
from ccc_router.routing.deciding.checks import violations
from ccc_router.routing.policy import Agent, Queue, QueueProfile, Requirement
from ccc_router.routing.standing import Limits
from tests.support.calls import calls_of
from tests.support.world import CHANNELS, World, a_catalogue, an_agent, check_invariants, in_hand, text

BOTH = (QueueProfile("general", 2), QueueProfile("health", 1))


def a_centre(*agents: Agent, general: dict[str, int] | None = None, health: dict[str, int] | None = None) -> World:
    """Two queues with limits; those agents, or four who serve both, are there, the longest idle first."""
    people = agents or tuple(an_agent(agent_id) for agent_id in ("an", "binh", "chi", "dung"))
    queues = (
        Queue("general", text("General"), channels=CHANNELS, max_active=general or {}),
        Queue("health", text("Health"), channels=CHANNELS, max_active=health or {}),
    )
    world = World(a_catalogue(*people, queues=queues))
    for agent in people:
        world.sign_in(agent.id)
        world.wait(1)
    return world


def offers(world: World, *contacts: str) -> list[str]:
    """Whom each is offered to."""
    return [world.offered_to(one) for one in contacts]


def test_i5_i8_no_more_are_offered_than_may_be_in_hand_and_the_next_goes_when_one_ends() -> None:
    """R-8: Three idle agents, two lines: the third contact waits, without an alarm, and is offered in the step in which one ends."""
    world = a_centre(general={"portal": 2})
    first, second, third = (world.write(queue="general") for _ in range(3))
    assert offers(world, first, second, third) == ["an", "binh", ""]
    check_invariants(world.state)
    world.accept("an")
    assert world.offered_to(third) == ""
    made = world.complete("an", first)
    assert [type(one) for one in made.decisions][-1] is d.OfferMade
    assert world.offered_to(third) == "chi"


def test_the_limit_is_of_one_channel_of_one_queue() -> None:
    world = a_centre(general={"portal": 1})
    world.write(queue="general")
    mail, elsewhere = world.write(Channel.EMAIL, queue="general"), world.write(queue="health")
    assert offers(world, mail, elsewhere) == ["binh", "chi"]


def test_wrap_up_counts_and_the_customers_turn_does_not() -> None:
    """In hand is what somebody has: while it is the customer's turn it is nobody's, and comes back only if there is room."""
    world = a_centre(general={"portal": 1})
    first, second = world.write(queue="general"), world.write(queue="general")
    world.accept("an")
    world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=first, until=world.now + 10**6))
    assert world.offered_to(second) == "binh"
    world.accept("binh")
    world.write(case_id=world.contact(first).case_id)
    assert world.state_of(first) is ContactState.QUEUED, "he has room himself, but the queue does not"
    world.complete("binh", second)
    assert world.offered_to(first) == "an"


def test_a_call_in_wrap_up_holds_its_line() -> None:
    world = a_centre(general={"phone": 1})
    for call in ("c1", "c2"):
        world.call(CallEventName.OFFERED, call)
    first, second = (derive("ct", "hotline", "call", call) for call in ("c1", "c2"))
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, "c1", "leg-a", offer_id=world.contact(first).offer_id)
    world.call(CallEventName.CONNECTION_CLEARED, "c1")
    assert (world.state_of(first), world.offered_to(second)) == (ContactState.WRAP_UP, "")
    world.complete("an", first)
    assert world.offered_to(second) == "binh"


def test_who_is_first_in_order_gets_the_room_whoever_was_freed() -> None:
    """an is freed and could take the second in line; binh, idle all the time, is the only one for the first: the room is his."""
    vi, hi = {"vi": 1}, {"vi": 1, "hi": 5}
    world = World(
        a_catalogue(
            an_agent("an", skills=vi),
            an_agent("binh", skills=hi),
            queues=(
                Queue("general", text("General"), channels=CHANNELS, max_active={"portal": 1}),
                Queue("health", text("Health"), (Requirement("hi"),), channels=CHANNELS),
            ),
        )
    )
    world.sign_in("an")
    held = world.write(queue="general")
    world.accept("an")
    needs_hindi = world.write(queue="general", language="hi")
    plain = world.write(queue="general")
    world.sign_in("binh")
    world.complete("an", held)
    assert offers(world, needs_hindi, plain) == ["binh", ""]


def test_priorities_hold_under_the_limit() -> None:
    world = a_centre(general={"portal": 1})
    held, early, urgent = (world.write(queue="general") for _ in range(3))
    world.accept("an")
    world.give(SetPriority(actor="sup", actor_role=Role.SUPERVISOR, contact_id=urgent, priority=3, reason="urgent"))
    world.complete("an", held)
    assert offers(world, early, urgent) == ["", "binh"]


def test_several_queues_at_their_limits_at_once_open_each_by_itself() -> None:
    people = tuple(an_agent(name, profiles=BOTH) for name in ("an", "binh", "chi"))
    world = a_centre(*people, general={"portal": 1}, health={"portal": 1, "email": 1})
    general = [world.write(queue="general") for _ in range(2)]
    health = [world.write(queue="health") for _ in range(2)]
    assert offers(world, *general, *health) == ["an", "", "binh", ""]
    world.accept("an")
    world.accept("binh")
    world.complete("binh", health[0])
    assert offers(world, general[1], health[1]) == ["", "chi"]
    world.complete("an", general[0])
    assert world.offered_to(general[1]) in {"an", "binh"}
    check_invariants(world.state)


def test_what_is_kept_for_an_agent_or_assigned_to_him_waits_for_room_like_the_others() -> None:
    world = a_centre(general={"portal": 1})
    held, wanted, other = (world.write(queue="general") for _ in range(3))
    world.accept("an")
    world.give(AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=wanted, agent_id="dung", reason="x"))
    assert world.offered_to(wanted) == ""
    world.complete("an", held)
    assert offers(world, wanted, other) == ["dung", ""]


def test_a_declined_offer_makes_room() -> None:
    world = a_centre(general={"portal": 1})
    first = world.write(queue="general")
    offer_id = world.state.agents["an"].offer_id
    world.give(DeclineOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
    assert world.offered_to(first) == "binh"


def test_the_entry_says_that_a_queue_at_its_limit_was_overtaken() -> None:
    """R-13: an elder of a queue at its limit, and why it was not that one's turn."""
    world = a_centre(general={"portal": 1})
    world.write(queue="general")
    elder = world.write(queue="general")
    world.wait(1)
    newer = world.write(queue="health")
    offer = next(one for one in world.log[-1][1].decisions if isinstance(one, d.OfferMade))
    assert offer.contact_id == newer
    assert [(one.contact_id, one.why) for one in offer.overtaken] == [(elder, Overtaking.QUEUE_AT_LIMIT)]


@pytest.mark.parametrize(("limit", "offered"), [(3, 3), (2, 2), (1, 2)])
def test_a_new_limit_holds_at_once_and_takes_nothing_from_anybody(limit: int, offered: int) -> None:
    """Raised, the next go in the same step; lowered, what is in hand stays there and nothing more is offered."""
    world = a_centre(general={"portal": 2})
    contacts = [world.write(queue="general") for _ in range(4)]
    queues = tuple(msgspec.structs.replace(one, max_active={"portal": limit}) for one in world.catalogue.queues)
    document = msgspec.to_builtins(msgspec.structs.replace(world.catalogue, version=2, queues=queues))
    world.give(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    assert sum(1 for one in offers(world, *contacts) if one) == offered
    world.accept("an")
    world.complete("an", contacts[0])
    assert in_hand(world.state, world.contact(contacts[1])) == min(limit, 3) if limit > 1 else 1
    check_invariants(world.state)


def test_a_broken_limit_is_told() -> None:
    """I5, I8: one offer too many is a violation, and so is room that nobody was given; what the limit holds back is none."""
    world = a_centre(general={"portal": 1})
    first = world.write(queue="general")
    second = world.write(queue="general")
    made = world.log[-2][1].decisions
    assert violations(world.state, made) == []
    world.contact(second).state = ContactState.OFFERED
    world.state.limits.note(world.contact(second))
    assert [(one.invariant, one.what) for one in violations(world.state, made)] == [("I5", "max_active")]
    world.contact(second).state = ContactState.QUEUED
    for contact_id in (second, first):
        world.contact(contact_id).state = ContactState.QUEUED
        world.state.limits.note(world.contact(contact_id))
    assert world.state.limits.opened == [("general", "portal")]
    assert {(one.invariant, one.ref) for one in violations(world.state, [])} == {("I8", second)}


def test_the_cost_of_room_does_not_grow_with_who_waits() -> None:
    """R-12: The calls made in the step that gives the room away are as many with two thousand waiting as with twenty."""
    counts = []
    for waiting in (20, 2000):
        world = a_centre(general={"portal": 1})
        held = world.write(queue="general")
        world.accept("an")
        for _ in range(waiting):
            world.write(queue="general")
        counts.append(calls_of(partial(world.complete, "an", held)))
    assert counts[0] == counts[1]


def test_nothing_is_counted_where_nothing_is_limited() -> None:
    world = a_centre()
    contact = world.contact(world.write())
    limits = Limits(world.state.book.queues.values())
    limits.note(contact)
    assert not limits.full(contact)
    assert (limits.reached, limits.opened, limits.exceeded(contact)) == (set(), [], False)
