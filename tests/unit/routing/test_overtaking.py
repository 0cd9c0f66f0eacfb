"""Every offer names the first lines it overtook, and why (R-13, R-33); what it costs does not grow with who waits."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ccc_router.events.commands import AssignContact
from ccc_router.events.vocabulary import Channel, OfferReason, Overtaking, Presence, Role
from ccc_router.routing import decisions
from ccc_router.routing.explain.overtaking import LISTED
from ccc_router.routing.policy import QueueProfile, Rules
from ccc_router.routing.rulebook import ContactClass
from ccc_router.routing.standing import Place, Waiting
from tests.support.matcher import Watched as World
from tests.support.world import a_catalogue, an_agent
from tests.unit.routing.test_preferring import give_back

BOTH = {"vi": 5, "hi": 5}


def last_offer(world: World) -> decisions.OfferMade:
    """The newest offer."""
    return [one for _, made in world.log for one in made.decisions if isinstance(one, decisions.OfferMade)][-1]


def overtook(world: World) -> list[tuple[str, Overtaking]]:
    """What the newest offer overtook."""
    return [(one.contact_id, one.why) for one in last_offer(world).overtaken]


def test_whom_the_agent_cannot_take_is_overtaken_for_want_of_a_skill() -> None:
    world = World(a_catalogue(an_agent("an")))
    first = world.write(queue="health")
    world.wait(1)
    second = world.write(queue="health")
    world.wait(1)
    taken = world.write(queue="general")
    world.sign_in("an")
    assert last_offer(world).contact_id == taken
    assert overtook(world) == [(first, Overtaking.SKILL)], "the front of a line speaks for all behind it"
    assert last_offer(world).overtaken[0].rank == world.contact(first).rank
    assert second


def test_who_is_excluded_overtakes_what_is_kept_from_him() -> None:
    world = World(a_catalogue(an_agent("an", skills=BOTH), an_agent("binh", skills=BOTH)))
    first = world.write(queue="health")
    world.sign_in("an")
    world.accept("an")
    give_back(world, first, exclude=("an",))
    assert last_offer(world).contact_id == first
    second = world.write(queue="health")
    assert last_offer(world).contact_id == second
    assert overtook(world) == [(first, Overtaking.EXCLUDED)]


def test_who_can_still_be_answered_in_time_overtakes_who_cannot() -> None:
    rules = Rules(contact_order="service_level", max_extra_wait_s=600)
    world = World(a_catalogue(an_agent("an", skills=BOTH), rules=rules))
    late = world.write(queue="health")
    world.wait(120)
    timely = world.write(queue="health")
    world.sign_in("an")
    assert last_offer(world).contact_id == timely
    assert late != timely
    assert overtook(world) == [(late, Overtaking.CONTACT_ORDER)]


def test_a_queue_he_does_not_serve_and_a_delay_not_reached_are_said() -> None:
    profiles = (QueueProfile("health"),)
    world = World(a_catalogue(an_agent("an", skills=BOTH, profiles=profiles), an_agent("chi")))
    elsewhere = world.write(queue="general")
    world.wait(1)
    world.write(queue="health")
    world.sign_in("an")
    assert overtook(world) == [(elsewhere, Overtaking.QUEUE_NOT_SERVED)]

    late = (QueueProfile("general", delay_s=30), QueueProfile("health"))
    world = World(a_catalogue(an_agent("an", skills=BOTH, profiles=late)))
    young = world.write(queue="general")
    world.wait(1)
    world.write(queue="health")
    world.sign_in("an")
    assert overtook(world) == [(young, Overtaking.DELAY)]


def test_a_channel_he_has_no_room_for_is_said() -> None:
    world = World(a_catalogue(an_agent("an", channels={"email": 1, "portal": 2})))
    world.write(Channel.PORTAL)
    world.sign_in("an")
    world.accept("an")
    world.sign_in("an", Presence.NOT_READY)
    page = world.write(Channel.FANPAGE)
    world.wait(1)
    world.write(Channel.PORTAL)
    world.sign_in("an")
    assert overtook(world) == [(page, Overtaking.NO_ROOM)]


def test_a_better_profile_priority_is_said() -> None:
    profiles = (QueueProfile("general", 2), QueueProfile("health", 1))
    world = World(a_catalogue(an_agent("an", skills=BOTH, profiles=profiles)))
    first = world.write(queue="general")
    world.wait(1)
    preferred = world.write(queue="health")
    world.sign_in("an")
    assert last_offer(world).contact_id == preferred
    assert overtook(world) == [(first, Overtaking.PROFILE_PRIORITY)]


def test_what_is_kept_for_another_and_what_a_person_gave_him_is_said() -> None:
    world = World(a_catalogue(an_agent("an"), an_agent("binh")))
    for agent_id in ("an", "binh"):
        world.sign_in(agent_id, Presence.ON_DEMAND)
    his, first = world.write(), world.write()
    world.give(AssignContact(actor="mai", actor_role=Role.SUPERVISOR, contact_id=his, agent_id="binh", reason="asked"))
    world.wait(1)
    given = world.write()
    world.give(AssignContact(actor="mai", actor_role=Role.SUPERVISOR, contact_id=given, agent_id="an", reason="asked"))
    world.demand("an")
    assert last_offer(world).reason is OfferReason.ASSIGNED
    assert overtook(world) == [(his, Overtaking.RESERVED), (first, Overtaking.KEPT_FOR_AGENT)]


def test_who_is_next_overtakes_nobody_and_at_most_a_few_lines_are_named() -> None:
    world = World(a_catalogue(an_agent("an")))
    world.write()
    world.wait(1)
    world.write()
    world.sign_in("an")
    assert overtook(world) == []
    queues = ("health", "health", "health", "health")
    world = World(a_catalogue(an_agent("an")))
    lines = [
        world.write(channel, queue=queue, language=language)
        for language in ("vi", "en")
        for channel, queue in zip(
            (Channel.PORTAL, Channel.FANPAGE, Channel.PORTAL, Channel.FANPAGE), queues, strict=True
        )
    ]
    assert len({world.state.book.contact_class(world.contact(one)) for one in lines}) == 4
    emails = [world.write(Channel.EMAIL, queue="health", language=language) for language in ("vi", "en")]
    assert len(emails) == 2
    world.wait(1)
    world.write()
    world.sign_in("an")
    assert len(overtook(world)) == LISTED < 6


class Lines(RuleBasedStateMachine):
    """Contacts come and go; the fronts before any place are those found by looking at every line."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = Waiting(extra=0, targets=dict.fromkeys(("q0", "q1", "q2", "q3"), 0))
        self.where: dict[str, tuple[ContactClass | tuple[str, ...], int]] = {}

    @rule(
        contact=st.integers(0, 12).map(str),
        rank=st.integers(0, 8),
        line=st.integers(0, 3),
        kept=st.sampled_from([(), (), ("an",), ("an", "binh")]),
        excluded=st.sampled_from([(), (), ("chi",)]),
    )
    def put(self, contact: str, rank: int, line: int, kept: tuple[str, ...], excluded: tuple[str, ...]) -> None:
        where = kept or ContactClass(f"q{line}", (), "portal", 0)
        self.waiting.put(Place(rank, contact), where, excluded, 0)
        self.where[contact] = (where, rank)

    @rule(contact=st.integers(0, 12).map(str))
    def drop(self, contact: str) -> None:
        self.waiting.drop(contact)
        self.where.pop(contact, None)

    @rule(times=st.integers(20, 60), contact=st.integers(0, 12).map(str), line=st.integers(0, 3))
    def come_and_go(self, times: int, contact: str, line: int) -> None:
        for rank in range(times):
            self.put(contact, rank, line, kept=(), excluded=())

    @invariant()
    def the_fronts_are_right_and_few(self) -> None:
        fronts: dict[ContactClass | str, tuple[int, str]] = {}
        for contact, (where, rank) in self.where.items():
            for line in where if isinstance(where, tuple) else (where,):
                fronts[line] = min(fronts.get(line, (rank, contact)), (rank, contact))
        expected = sorted({front for front in fronts.values() if front < (5, "")})
        assert [front for front, _ in self.waiting.before(Place(5, ""), 99)] == expected
        for front, where in self.waiting.before(Place(5, ""), 2):
            assert front in expected[:2]
            assert self.where[front.contact_id] == (where, front.rank)
        assert len(self.waiting._fronts) == len(fronts)


Lines.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLines = Lines.TestCase
