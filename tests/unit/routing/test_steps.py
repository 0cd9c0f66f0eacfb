"""Requirements that relax with the time waited: who may take a contact, from when on, and by which clock."""

import msgspec

from ccc_router.events.commands import ActivateCatalogue, DeclineOffer, RequeueContact, TransferContact
from ccc_router.events.facts import OfferFetched
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.routing import decisions as d
from ccc_router.routing.explain import Terms, next_relaxation, stops
from ccc_router.routing.explain.reasons import Unskilled
from ccc_router.routing.policy import (
    Calendar,
    Catalogue,
    Interval,
    Queue,
    QueueProfile,
    Requirement,
    RequirementStep,
    Rules,
)
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
    assert [one.target_at for one in offers(world)] == [world.contact(contact_id).arrived_at + 20_000]
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


def after_hours(minutes: int, *, drains: bool = False) -> World:
    """``health`` closes ``minutes`` from now for the night, an and binh are there; who waits a minute there needs nothing but Vietnamese."""
    local = 15 * 60 + minutes  # the world starts on a Friday at 15:00
    day = Calendar("day", tuple(Interval(weekday, 480, local) for weekday in range(7)))
    steps = (RequirementStep(20, (Requirement("vi"), Requirement("hi"))), RequirementStep(60, (Requirement("vi"),)))
    queue = Queue(
        "health", text("Health"), (Requirement("vi"), Requirement("hi", 4)), CHANNELS,
        steps=steps, hours={"default": "day"}, drains=drains,
    )  # fmt: skip
    made = a_stepping_catalogue()
    world = World(msgspec.structs.replace(made, queues=(made.queues[0], queue), calendars=(*made.calendars, day)))
    world.wait(0)
    return world


def test_a_night_before_a_closed_door_relaxes_nothing() -> None:
    """R-23: A mail that comes after hours needs in the morning what it needed at night, for as long as one that comes then."""
    world = after_hours(1)
    world.wait(90)
    contact_id = world.write(Channel.EMAIL, queue="health")
    opening = (17 * 60 - 1) * 60 - 30
    world.wait(opening)
    world.sign_in("an")
    world.sign_in("binh")
    assert (world.contact(contact_id).step, relaxed(world)) == (0, [])
    world.wait(19.999)
    assert world.offered_to(contact_id) == ""
    world.wait(0.001)
    assert (world.contact(contact_id).step, world.offered_to(contact_id)) == (1, "binh")
    check_invariants(world.state)


def test_who_waited_before_closing_goes_on_from_there_in_the_morning() -> None:
    """Fifteen seconds in the evening, so five in the morning; and given back at night he keeps them."""
    world = after_hours(1)
    world.wait(45)
    contact_id = world.write(queue="health")
    world.wait(600)
    world.give(RequeueContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact_id, reason="x"))
    assert world.contact(contact_id).waited == 15_000
    world.wait((17 * 60 - 1) * 60 - 585)
    assert world.contact(contact_id).step == 0
    world.wait(4.999)
    assert world.contact(contact_id).step == 0
    world.wait(0.001)
    assert world.contact(contact_id).step == 1


def test_the_clock_runs_for_those_whom_a_draining_queue_still_serves_and_stands_for_who_came_too_late() -> None:
    world = after_hours(1, drains=True)
    world.wait(50)
    before = world.write(queue="health")
    world.wait(20)
    after = world.write(queue="health")
    world.wait(3600)
    assert (world.contact(before).step, world.contact(after).step) == (2, 0)
    world.wait(16 * 3600)
    assert world.contact(after).step == 2


def test_who_comes_from_another_queue_begins_anew_though_the_door_is_closed() -> None:
    """What he waited in the queue he comes from is no time in this one, and neither is the night."""
    world = after_hours(1)
    contact_id = world.write(queue="general")
    world.wait(100)
    world.sign_in("an")
    world.accept("an")
    mine = {"actor": "an", "actor_role": Role.AGENT, "contact_id": contact_id}
    world.give(TransferContact(**mine, queue="health"))  # type: ignore[arg-type]
    world.wait((17 * 60 - 1) * 60 - 40)
    assert world.contact(contact_id).step == 0
    world.wait(20)
    assert world.contact(contact_id).step == 1


def test_why_names_the_same_moment_as_the_clock() -> None:
    """R-13: the step that lets an in comes a minute of open time after the mail, which is in the morning; so say both answers."""
    world = after_hours(1)
    world.wait(45)
    contact = world.contact(world.write(queue="health"))
    terms = Terms(world.state.book.catalogue, world.state.doors.rows.values())
    due = world.now + 15_000 + (17 * 60 - 1) * 60_000 + 45_000
    reasons = stops(terms, contact, world.state.agents["an"], {})
    assert [(one.step, one.at) for one in reasons if isinstance(one, Unskilled)] == [(2, due)]
    following = next_relaxation(terms.queues["health"], contact, frozenset({"vi", "hi"}), terms.hours(contact))
    assert following is not None
    assert following.at == due - 40_000
    assert world.state.contact_due(contact) <= following.at


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
