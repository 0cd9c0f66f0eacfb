"""R-35, R-31: whom a supervisor prefers and excludes when a contact is given back."""

from ccc_router.events.commands import AssignContact, RequeueContact, TransferContact
from ccc_router.events.facts import AgentLost
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Queue, QueueProfile
from ccc_router.routing.step import Step
from tests.support.matcher import Watched as World
from tests.support.world import CHANNELS, a_catalogue, an_agent, check_invariants, text

QUEUES = (Queue("general", text("General"), channels=CHANNELS), Queue("health", text("Health"), channels=CHANNELS))


def a_centre(*present: str) -> World:
    """Four agents who take one chat each; those named are there, the longest idle first."""
    one = {"portal": 1}
    people = (an_agent(agent_id, channels=one) for agent_id in ("an", "binh", "chi", "dung"))
    world = World(a_catalogue(*people, queues=QUEUES))
    for agent_id in present:
        world.sign_in(agent_id)
        world.wait(1)
    return world


def give_back(
    world: World,
    contact_id: str,
    *,
    exclude: tuple[str, ...] = (),
    prefer: tuple[str, ...] = (),
    role: Role = Role.SUPERVISOR,
    actor: str = "sup",
) -> Step:
    return world.give(
        RequeueContact(
            actor=actor, actor_role=role, contact_id=contact_id, reason="asked", exclude=exclude, prefer=prefer
        )
    )


def test_who_is_excluded_is_never_offered_it_and_takes_the_next_one_instead() -> None:
    """Work conservation with an exclusion: an goes past the head of the line to the first he may have."""
    world = a_centre()
    first, second = world.write(), world.write()
    give_back(world, first, exclude=("an",))
    world.sign_in("an")
    assert world.offered_to(first) == ""
    assert world.offered_to(second) == "an"
    check_invariants(world.state)
    world.sign_in("binh")
    assert world.offered_to(first) == "binh"


def test_an_exclusion_is_kept_when_the_contact_is_given_back_again() -> None:
    world = a_centre("an", "binh")
    contact_id = world.write()
    give_back(world, contact_id, exclude=("an",))
    assert world.offered_to(contact_id) == "binh"
    give_back(world, contact_id, exclude=("binh",))
    assert world.contact(contact_id).excluded == ("an", "binh")
    assert world.offered_to(contact_id) == ""


def test_the_entry_counts_nobody_who_is_excluded() -> None:
    world = a_centre("an", "binh", "chi")
    contact_id = world.write()
    made = give_back(world, contact_id, exclude=("an", "dung"))
    offer = next(one for one in made.decisions if isinstance(one, d.OfferMade))
    assert (offer.eligible, offer.agent_id, offer.runner_up) == (2, "binh", "chi")


def test_r31_a_person_may_still_assign_it_to_one_who_is_excluded() -> None:
    world = a_centre("an")
    contact_id = world.write()
    give_back(world, contact_id, exclude=("an",))
    world.give(
        AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact_id, agent_id="an", reason="he asked")
    )
    assert world.offered_to(contact_id) == "an"


def test_r6_the_preferred_come_first_for_a_bounded_wait_and_then_anybody() -> None:
    world = a_centre("an", "binh", "chi")
    for agent_id in ("an", "binh", "chi"):
        world.write(Channel.PORTAL)
        world.accept(agent_id)
    waiting = world.write(Channel.PORTAL)
    give_back(world, waiting, prefer=("chi", "binh"))
    assert world.contact(waiting).preferred == ("chi", "binh")
    world.sign_in("dung")
    assert world.offered_to(waiting) == ""
    world.wait(119)
    assert world.offered_to(waiting) == ""
    world.wait(1)
    assert world.offered_to(waiting) == "dung"


def test_of_the_preferred_the_first_in_the_order_who_is_free_gets_it() -> None:
    world = a_centre("dung", "chi", "binh", "an")
    world.write()
    contact_id = world.write()
    made = give_back(world, contact_id, prefer=("an", "binh"))
    offer = next(one for one in made.decisions if isinstance(one, d.OfferMade))
    assert (offer.agent_id, offer.runner_up, offer.eligible) == ("binh", "an", 2)
    assert offer.won == ("returned", 0, 0, world.state.agents["binh"].idle_since, "binh")


def test_nobody_is_waited_for_who_is_not_there() -> None:
    world = a_centre("an")
    contact_id = world.write()
    give_back(world, contact_id, prefer=("chi",))
    assert world.contact(contact_id).preferred == ()
    assert world.offered_to(contact_id) == "an"


def test_when_the_last_of_the_preferred_leaves_anybody_may_take_it() -> None:
    world = a_centre("an", "binh")
    for agent_id in ("an", "binh"):
        world.write(Channel.PORTAL)
        world.accept(agent_id)
    contact_id = world.write()
    give_back(world, contact_id, prefer=("an", "binh"))
    world.sign_in("chi")
    world.give(AgentLost(agent_id="an"))
    assert world.offered_to(contact_id) == ""
    world.give(AgentLost(agent_id="binh"))
    assert world.offered_to(contact_id) == "chi"
    assert world.presence_of("chi") is Presence.READY


def test_only_a_supervisor_says_who_and_only_of_agents_there_are() -> None:
    world = a_centre("an")
    contact_id = world.write()
    world.accept("an")
    refused = give_back(world, contact_id, exclude=("an",), role=Role.AGENT, actor="an").refused
    assert refused is not None
    assert refused.code == "not_a_supervisor"
    refused = give_back(world, contact_id, prefer=("nobody",)).refused
    assert refused is not None
    assert (refused.code, refused.detail) == ("unknown_agent", "nobody")
    assert world.contact(contact_id).agent_id == "an"


def hand_on(
    world: World, contact_id: str, *, exclude: tuple[str, ...] = (), prefer: tuple[str, ...] = (), actor: str = "an"
) -> Step:
    """The agent gives his contact to the queue ``health``."""
    return world.give(
        TransferContact(
            actor=actor, actor_role=Role.AGENT, contact_id=contact_id, queue="health", exclude=exclude, prefer=prefer
        )
    )


def test_an_agent_who_hands_on_may_say_who_of_the_queue_comes_first_for_a_while() -> None:
    """Both who are preferred are busy: they are waited for as long as for one to whom a contact is handed, then it is anybody's."""
    world = a_centre("an", "binh", "chi")
    contact_id = world.write()
    world.accept("an")
    for agent_id in ("binh", "chi"):
        world.write()
        world.accept(agent_id)
    world.sign_in("dung")
    hand_on(world, contact_id, prefer=("chi", "binh"))
    assert (world.contact(contact_id).queue, world.contact(contact_id).preferred) == ("health", ("chi", "binh"))
    world.wait(59)
    assert world.offered_to(contact_id) == ""
    world.wait(1)
    assert world.offered_to(contact_id) == "dung"


def test_who_is_preferred_serves_the_queue_it_goes_to() -> None:
    """He is judged by what the other queue needs, not by where the contact comes from."""
    profiles = (QueueProfile("general"),)
    people = (an_agent("an", channels={"portal": 1}), an_agent("binh", profiles=profiles), an_agent("chi"))
    world = World(a_catalogue(*people, queues=QUEUES))
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    world.sign_in("binh")
    world.sign_in("chi")
    hand_on(world, contact_id, prefer=("binh",))
    assert world.contact(contact_id).preferred == ()
    assert world.offered_to(contact_id) == "chi"


def test_who_hands_on_may_keep_himself_from_it_and_nobody_else() -> None:
    world = a_centre("an")
    contact_id = world.write()
    world.accept("an")
    refused = hand_on(world, contact_id, exclude=("an", "binh")).refused
    assert refused is not None
    assert refused.code == "not_a_supervisor"
    refused = hand_on(world, contact_id, prefer=("nobody",)).refused
    assert refused is not None
    assert (refused.code, refused.detail) == ("unknown_agent", "nobody")
    hand_on(world, contact_id, exclude=("an",))
    assert world.offered_to(contact_id) == ""
    assert world.contact(contact_id).excluded == ("an",)
    world.sign_in("binh")
    assert world.offered_to(contact_id) == "binh"
