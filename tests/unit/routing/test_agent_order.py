"""R-5: who of several able agents is offered a contact, by the policy's order, and what the entry says of it."""

import msgspec
import pytest

from ccc_router.events.commands import AssignContact, CloseContact, DeclineOffer
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import AgentOrder, IdleSince, Queue, QueueProfile, Rules
from ccc_router.routing.rulebook import Rulebook
from tests.support.matcher import Watched
from tests.support.matcher import Watched as World
from tests.support.world import CHANNELS, a_catalogue, an_agent, text


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
    """R-4: fairness between agents is defined, kept over restarts and has a tie-break that is no chance; its index is published."""
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


def test_scarcity_counts_who_could_not_do_the_rarest_other_work() -> None:
    """Of five, three do general only; a does health too, b not well enough for its requirements, and e speaks no Vietnamese."""
    world = World(
        a_catalogue(
            an_agent("a", skills={"vi": 5, "hi": 4}),
            an_agent("b", skills={"vi": 5, "hi": 2}),
            an_agent("c"),
            an_agent("d", profiles=(QueueProfile("general", delay_s=60),)),
            an_agent("e", skills={"en": 3}),
        )
    )
    sign_in_apart(world, *"abcde")
    state, book = world.state, world.state.book
    general, health = book.works.of["general", "vi"], book.works.of["health", "vi"]

    def scarcities(work: int) -> list[int]:
        free = state.free
        places = [
            free.compared(free.key(agent_id), book.agent_classes[agent_id], free.able("portal"), work)
            for agent_id in "abcd"
            if "portal" in free.channels(agent_id)
        ]
        return [place.order[1] for place in places]

    assert scarcities(general) == [4, 0, 0, 0]
    assert scarcities(health) == [1, 1, 1, 1]
    world.sign_in("c", Presence.NOT_READY)
    assert scarcities(general) == [3, 0, 0]


@pytest.mark.parametrize(("busy", "expected"), [("", "an"), ("chi", "binh"), ("dung", "an")])
def test_scarce_is_what_few_of_those_who_are_free_could_do(busy: str, expected: str) -> None:
    """an also does health, as chi does, binh cards, as dung does. an is idle longer, but while chi is busy health has nobody else."""
    served = {"an": ("general", "health"), "binh": ("general", "cards"), "chi": ("health",), "dung": ("cards",)}
    world = Watched(
        a_catalogue(
            *(
                an_agent(agent_id, channels={"portal": 1}, profiles=tuple(QueueProfile(queue) for queue in queues))
                for agent_id, queues in served.items()
            ),
            queues=tuple(Queue(one, text(one), (), CHANNELS) for one in ("general", "health", "cards")),
        )
    )
    sign_in_apart(world, *served)
    if busy:
        world.write(queue=served[busy][0])
        assert world.state.agents[busy].offer_id
    world.write(queue="general")
    assert last_offer(world).agent_id == expected


def test_the_same_work_is_what_exactly_the_same_agents_do() -> None:
    """Two queues that all who do one do both keep nobody back; a language that fewer speak is other work in the same queue."""
    catalogue = a_catalogue(
        an_agent("an"),
        an_agent("binh", skills={"vi": 5, "en": 3}),
        queues=tuple(Queue(one, text(one), (), CHANNELS) for one in ("general", "health")),
    )
    english = msgspec.structs.replace(catalogue.endpoints[-1], language="en")
    book = Rulebook(msgspec.structs.replace(catalogue, endpoints=(*catalogue.endpoints[:-1], english)))
    assert book.works.of["general", "vi"] == book.works.of["health", "vi"]
    assert book.works.of["general", "en"] == book.works.of["health", "en"] != book.works.of["general", "vi"]
    assert {agent_id: len(book.works.done[book.agent_classes[agent_id]]) for agent_id in ("an", "binh")} == {
        "an": 1,
        "binh": 2,
    }


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
    """R-34: An agent who leaves wakes all that was kept for him: not the oldest goes first, but the best for the one who is free."""
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
