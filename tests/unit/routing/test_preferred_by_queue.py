"""Agents a queue prefers: they alone are offered what comes to it for its first seconds there, then anybody able."""

import msgspec
import pytest

from ccc_router.events.commands import ActivateCatalogue, DeclineOffer, TransferContact
from ccc_router.events.facts import AgentLost
from ccc_router.events.vocabulary import Channel, Overtaking, Presence, Role
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import OverflowRule, Queue, Rules
from tests.support.world import CHANNELS, World, a_catalogue, an_agent, check_invariants, text

ONE_CHAT = {"portal": 1, "email": 1}


def a_centre(*present: str, prefer_s: int = 30, **health: object) -> World:
    """``health`` prefers an and binh; those named are there, the longest idle first."""
    queue = Queue("health", text("Health"), channels=CHANNELS, preferred=("an", "binh"), prefer_s=prefer_s)
    queues = (
        Queue("general", text("General"), channels=CHANNELS),
        msgspec.structs.replace(queue, **health),
    )
    people = (an_agent(agent_id, channels=ONE_CHAT) for agent_id in ("an", "binh", "chi", "dung"))
    world = World(a_catalogue(*people, queues=queues, rules=Rules(penalty_s=100)))
    for agent_id in present:
        world.sign_in(agent_id)
        world.wait(1)
    return world


def busy(world: World, agent_id: str) -> str:
    """The agent has a chat; its id."""
    contact_id = world.write(queue="general")
    assert world.offered_to(contact_id) == agent_id
    world.accept(agent_id)
    return contact_id


def test_a_preferred_agent_gets_it_before_one_who_has_been_idle_longer() -> None:
    world = a_centre("chi", "an")
    assert world.offered_to(world.write(queue="general")) == "chi"
    assert world.offered_to(world.write(queue="health")) == "an"


def test_who_is_not_preferred_gets_it_when_the_time_is_over() -> None:
    """R-6: a bounded wait, and one entry that ends it."""
    world = a_centre("an")
    busy(world, "an")
    world.sign_in("chi")
    contact_id = world.write(queue="health")
    world.wait(29.999)
    assert world.offered_to(contact_id) == ""
    check_invariants(world.state)
    world.wait(0.001)
    assert world.offered_to(contact_id) == "chi"
    assert [type(one) for one in world.log[-1][1].decisions] == [d.ContactReleased, d.OfferMade]


def test_the_time_runs_from_when_it_came_to_the_queue_however_often_it_is_given_back() -> None:
    """R-6: an gives it back after twenty of thirty seconds; binh, preferred and busy, has the ten that are left."""
    world = a_centre("binh", "an")
    busy(world, "binh")
    contact_id = world.write(queue="health")
    assert world.offered_to(contact_id) == "an"
    world.sign_in("chi")
    world.wait(20)
    offer_id = world.contact(contact_id).offer_id
    world.give(DeclineOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
    assert (world.contact(contact_id).for_preferred, world.offered_to(contact_id)) == (True, "")
    world.wait(9.999)
    assert world.offered_to(contact_id) == ""
    world.wait(0.001)
    assert world.offered_to(contact_id) == "chi"


def test_nobody_is_waited_for_who_is_not_there() -> None:
    world = a_centre("chi")
    assert world.offered_to(world.write(queue="health")) == "chi"


def test_nobody_is_waited_for_who_may_not_take_it() -> None:
    world = a_centre("an", "chi")
    busy(world, "an")
    contact_id = world.write(queue="health", language="en")
    assert not world.contact(contact_id).for_preferred


@pytest.mark.parametrize("how", ["lost", "signed out"])
def test_when_the_last_of_them_leaves_anybody_may_have_it_at_once(how: str) -> None:
    world = a_centre("an", "binh")
    first = [busy(world, agent_id) for agent_id in ("an", "binh")]
    world.sign_in("chi")
    contact_id = world.write(queue="health")
    world.give(AgentLost(agent_id="an"))
    assert world.offered_to(contact_id) == ""
    if how == "lost":
        world.give(AgentLost(agent_id="binh"))
    else:
        world.complete("binh", first[1])
        assert world.offered_to(contact_id) == "binh"
        world.sign_in("binh", Presence.SIGNED_OUT)
    assert world.offered_to(contact_id) == "chi"


def test_ranks_hold_between_what_is_preferred_and_what_is_not() -> None:
    """I8: an, preferred and freed, takes the one that waited longest, not the newest for which he is preferred."""
    world = a_centre("an")
    held = busy(world, "an")
    old = world.write(queue="health")
    world.wait(61)
    new = world.write(queue="health")
    assert (world.contact(old).for_preferred, world.contact(new).for_preferred) == (False, True)
    world.complete("an", held)
    assert (world.offered_to(old), world.offered_to(new)) == ("an", "")


def test_the_entry_says_that_it_was_kept_for_others() -> None:
    """R-13: chi takes the newer mail of another queue past the one that health keeps for an."""
    world = a_centre("an")
    busy(world, "an")
    kept = world.write(queue="health")
    world.wait(1)
    world.sign_in("chi")
    world.write(queue="general")
    offer = next(one for one in world.log[-1][1].decisions if isinstance(one, d.OfferMade))
    assert [(one.contact_id, one.why) for one in offer.overtaken] == [(kept, Overtaking.RESERVED)]


def test_declined_by_one_of_them_it_goes_to_the_other_and_then_to_anybody() -> None:
    world = a_centre("an", "binh", "chi")
    contact_id = world.write(queue="health")
    for agent_id in ("an", "binh", "chi"):
        assert world.offered_to(contact_id) == agent_id
        offer_id = world.contact(contact_id).offer_id
        world.give(DeclineOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))


def test_a_transfer_to_the_queue_is_preferred_and_an_overflow_is_not() -> None:
    world = a_centre("chi", "an")
    contact_id = world.write(queue="general")
    world.accept("chi")
    busy(world, "an")
    world.give(TransferContact(actor="chi", actor_role=Role.AGENT, contact_id=contact_id, queue="health"))
    assert world.contact(contact_id).for_preferred
    assert world.offered_to(contact_id) == "", "chi is free again, but not preferred"
    overflowing = a_centre("an", prefer_s=600, overflow_when=(OverflowRule("general", after_wait_s=60),))
    busy(overflowing, "an")
    waiting = overflowing.write(queue="health")
    overflowing.wait(60)
    contact = overflowing.contact(waiting)
    assert (contact.queue, contact.for_preferred, contact.reserved_until) == ("general", False, 0)


def test_who_comes_to_a_full_queue_overflows_though_it_prefers_somebody() -> None:
    world = a_centre("an", max_waiting={"portal": 1}, overflow="general")
    busy(world, "an")
    first, second = world.write(queue="health"), world.write(queue="health")
    assert (world.contact(first).queue, world.contact(second).queue) == ("health", "general")


def test_a_new_catalogue_that_prefers_nobody_present_releases_what_was_kept() -> None:
    world = a_centre("an")
    busy(world, "an")
    world.sign_in("chi")
    contact_id = world.write(Channel.EMAIL, queue="health")
    assert world.offered_to(contact_id) == "an", "he has room for a mail"
    waiting = world.write(queue="health")
    queues = tuple(
        msgspec.structs.replace(one, preferred=("dung",)) if one.preferred else one for one in world.catalogue.queues
    )
    document = msgspec.to_builtins(msgspec.structs.replace(world.catalogue, version=2, queues=queues))
    world.give(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    assert world.offered_to(waiting) == "chi"
    check_invariants(world.state)
