"""Requirements that relax with the time waited: who may take a contact, from when on, and by which clock."""

import msgspec

from ccc_router.events.commands import ActivateCatalogue, DeclineOffer, RequeueContact, TransferContact
from ccc_router.events.facts import OfferFetched
from ccc_router.events.vocabulary import Role
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Catalogue, Queue, QueueProfile, Requirement, RequirementStep, Rules
from tests.support.matcher import Watched as World
from tests.support.world import CHANNELS, a_catalogue, an_agent, check_invariants, text

STEPS = (
    RequirementStep(20, (Requirement("vi"), Requirement("hi"))),
    RequirementStep(50, (Requirement("vi"),)),
)


def a_stepping_catalogue() -> Catalogue:
    """``health`` asks for hi 4, after 20 s for hi 1, after 50 s for Vietnamese alone; an has no hi, binh hi 1, chi hi 5."""
    queues = (
        Queue("general", text("General"), (Requirement("vi"),), CHANNELS),
        Queue("health", text("Health"), (Requirement("vi"), Requirement("hi", 4)), CHANNELS, steps=STEPS),
    )
    return a_catalogue(
        an_agent("an"),
        an_agent("binh", skills={"vi": 5, "hi": 1}),
        an_agent("chi", skills={"vi": 5, "hi": 5}),
        queues=queues,
        rules=Rules(penalty_s=1),
    )


def relaxed(world: World) -> list[tuple[str, int]]:
    """Which contact took which step, in order."""
    return [(x.contact_id, x.step) for _, made in world.log for x in made.decisions if isinstance(x, d.ContactRelaxed)]


def offers(world: World) -> list[d.OfferMade]:
    """All offers made, in order."""
    return [one for _, made in world.log for one in made.decisions if isinstance(one, d.OfferMade)]


def test_a_step_lets_in_who_is_able_to_it_and_its_offer_says_which_step() -> None:
    """R-33: an entry when it relaxes, and the step in every offer."""
    world = World(a_stepping_catalogue())
    world.sign_in("an")
    world.sign_in("binh")
    contact_id = world.write(queue="health")
    world.wait(19.999)
    assert world.offered_to(contact_id) == ""
    world.wait(0.001)
    assert world.offered_to(contact_id) == "binh"
    assert relaxed(world) == [(contact_id, 1)]
    assert [(one.step, one.agent_id, one.won[-1]) for one in offers(world)] == [(1, "binh", "binh")]
    check_invariants(world.state)


def test_a_catalogue_with_fewer_delays_than_a_contact_outlived_is_taken() -> None:
    """Nobody's profile waits any more: the contact is everybody's, and the pool goes on."""
    slow = an_agent("an", profiles=(QueueProfile("general", delay_s=10),))
    world = World(a_catalogue(slow))
    contact_id = world.write(queue="general")
    world.wait(11)
    assert world.contact(contact_id).tier == 1
    document = msgspec.to_builtins(a_catalogue(an_agent("an"))) | {"version": 2}
    world.give(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    world.sign_in("an")
    assert world.offered_to(contact_id) == "an"
    check_invariants(world.state)


def test_the_last_step_lets_in_everybody_it_allows() -> None:
    world = World(a_stepping_catalogue())
    world.sign_in("an")
    contact_id = world.write(queue="health")
    world.wait(49)
    assert world.offered_to(contact_id) == ""
    world.wait(1)
    assert world.offered_to(contact_id) == "an"
    assert relaxed(world) == [(contact_id, 1), (contact_id, 2)]


def test_the_clock_of_the_steps_stands_still_while_one_of_its_offers_is_pending() -> None:
    """Waiting 5 s, offered for 10, waiting again: the step comes 15 s after it was declined, and not 5."""
    world = World(a_stepping_catalogue())
    contact_id = world.write(queue="health")
    world.wait(5)
    world.sign_in("binh")
    world.sign_in("chi")
    assert world.offered_to(contact_id) == "chi"
    world.wait(10)
    offer_id = world.state.agents["chi"].offer_id
    world.give(OfferFetched(offer_id=offer_id))
    world.give(DeclineOffer(actor="chi", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
    world.state.agents["chi"].penalties["*"] = world.now + 10**6  # she takes no more
    world.wait(14.999)
    assert world.contact(contact_id).step == 0
    world.wait(0.001)
    assert world.contact(contact_id).step == 1
    assert world.offered_to(contact_id) == "binh"


def test_a_contact_given_back_keeps_its_step_and_one_in_another_queue_begins_anew() -> None:
    world = World(a_stepping_catalogue())
    contact_id = world.write(queue="health")
    world.wait(25)
    world.sign_in("binh")
    world.accept("binh")
    world.wait(100)
    mine = {"actor": "binh", "actor_role": Role.AGENT, "contact_id": contact_id}
    world.give(RequeueContact(**mine))  # type: ignore[arg-type]
    assert world.contact(contact_id).step == 1
    assert world.contact(contact_id).waited == 25_000
    world.accept("binh")
    world.give(TransferContact(**mine, queue="general"))  # type: ignore[arg-type]
    assert (world.contact(contact_id).step, world.contact(contact_id).waited) == (0, 0)


def test_a_step_with_the_same_needs_is_the_same_class() -> None:
    """Contacts are grouped by what they need, not by how often they relaxed."""
    world = World(a_stepping_catalogue())
    early = world.write(queue="general")
    book = world.state.book
    contact = world.contact(early)
    before = book.contact_class(contact)
    contact.step = 7
    assert book.contact_class(contact) == before


def test_a_relaxed_contact_changes_its_line() -> None:
    world = World(a_stepping_catalogue())
    world.write(queue="health")
    assert [line.needs for line in world.state.waiting.lines] == [(("hi", 4), ("vi", 1))]
    world.wait(20)
    assert [line.needs for line in world.state.waiting.lines] == [(("hi", 1), ("vi", 1))]
    world.wait(30)
    assert [line.needs for line in world.state.waiting.lines] == [(("vi", 1),)]
