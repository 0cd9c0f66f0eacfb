"""R-5: who of several able agents is offered a contact, by the policy's order, and what the entry says of it."""

import pytest

from ccc_router.events.commands import AssignContact, CloseContact, DeclineOffer
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import AgentOrder, IdleSince, QueueProfile, Rules
from ccc_router.routing.rulebook import Rulebook
from tests.support.matcher import Watched as World
from tests.support.matcher import scarcity
from tests.support.world import a_catalogue, an_agent


def last_offer(world: World) -> d.OfferMade:
    return [one for _, made in world.log for one in made.decisions if isinstance(one, d.OfferMade)][-1]


def sign_in_apart(world: World, *agents: str) -> None:
    for agent_id in agents:
        world.sign_in(agent_id)
        world.wait(1)


@pytest.mark.parametrize(
    ("order", "expected"),
    [(("load", "scarcity", "idle"), "an"), (("load", "idle"), "binh"), (("scarcity",), "an"), ((), "an")],
)
def test_who_can_do_less_goes_first_if_the_policy_says_so(order: tuple[AgentOrder, ...], expected: str) -> None:
    """binh is idle longer, but he alone can take health: he is kept for it."""
    world = World(a_catalogue(rules=Rules(agent_order=order)))
    sign_in_apart(world, "binh", "an")
    world.write()
    assert last_offer(world).agent_id == expected


def test_r5_load_comes_before_scarcity_and_idle_time_and_the_entry_says_what_won() -> None:
    world = World()
    sign_in_apart(world, "an", "binh")
    first = world.write(Channel.PORTAL)
    world.accept("an")
    assert world.state.contacts[first].agent_id == "an"
    world.write(Channel.PORTAL)
    made = last_offer(world)
    assert made.agent_id == "binh"
    assert made.runner_up == "an"
    assert made.won == (0, 1, world.state.agents["binh"].idle_since, "binh")


def test_scarcity_counts_who_could_not_stand_in() -> None:
    """Of five, two serve health (one not well enough for its requirements): whoever does has four who could not."""
    catalogue = a_catalogue(
        an_agent("a", skills={"vi": 5, "hi": 4}),
        an_agent("b", skills={"vi": 5, "hi": 2}),
        an_agent("c"),
        an_agent("d", profiles=(QueueProfile("general", delay_s=60),)),
        an_agent("e", skills={"en": 3}),
    )
    book = Rulebook(catalogue)
    found = {agent_id: book.scarcity(book.agent_classes[agent_id]) for agent_id in "abcde"}
    assert found == {"a": 4, "b": 1, "c": 1, "d": 1, "e": 0}
    assert found == {agent.id: scarcity(catalogue, agent) for agent in catalogue.agents}


@pytest.mark.parametrize(
    ("since", "declined", "expected"),
    [
        ("last_work", False, "binh"), ("last_ready", False, "an"), ("last_offer", False, "binh"),
        ("last_work", True, "an"), ("last_ready", True, "an"), ("last_offer", True, "binh"),
    ],
)  # fmt: skip
def test_r5_what_idle_means_is_policy(since: IdleSince, declined: bool, expected: str) -> None:
    """an came first, then binh; then an worked on something binh cannot do, or was only offered it."""
    rules = Rules(agent_order=("idle",), idle_since=since, penalty_s=1)
    world = World(a_catalogue(an_agent("an", skills={"vi": 5, "hi": 4}), an_agent("binh"), rules=rules))
    sign_in_apart(world, "an", "binh")
    contact_id = world.write(queue="health")
    if declined:
        offer_id = world.state.agents["an"].offer_id
        world.give(DeclineOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
        world.give(CloseContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact_id, reason="a test"))
    else:
        world.accept("an")
        world.wait(3)
        world.complete("an", contact_id)
    world.wait(5)
    world.write()
    assert last_offer(world).agent_id == expected


def test_i8_contacts_that_begin_to_wait_together_are_matched_by_who_is_free() -> None:
    """An agent who leaves wakes all that was kept for him: not the oldest goes first, but the best for the one who is free."""
    health_first = (QueueProfile("general", 2), QueueProfile("health", 1))
    skills = {"vi": 5, "hi": 5}
    world = World(a_catalogue(an_agent("an", skills=skills, profiles=health_first), an_agent("binh", skills=skills)))
    world.sign_in("binh")
    contacts = [world.write(queue=queue) for queue in ("general", "general", "health")]
    for contact_id in contacts:
        world.give(
            AssignContact(
                actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact_id, agent_id="binh", reason="a test"
            )
        )
    world.sign_in("an")
    assert world.state.agents["an"].offer_id == ""
    world.sign_in("binh", Presence.SIGNED_OUT)
    assert world.offered_to(contacts[2]) == "an"
