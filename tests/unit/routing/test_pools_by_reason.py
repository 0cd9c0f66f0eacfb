"""Rules that act because a queue is closed, is full or has nobody signed in: within a pool and to another one (ADR 0057)."""

from copy import deepcopy
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.agents.explaining.words import handover, overflow
from ccc_router.events.envelope import Input, Resolved
from ccc_router.events.facts import AgentBack, AgentLost, ContactTaken
from ccc_router.events.vocabulary import (
    CallEventName,
    Channel,
    ContactState,
    ControlCommand,
    Overflowing,
    Presence,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import State, Step
from ccc_router.routing import decisions as d
from ccc_router.routing import step as decide
from ccc_router.routing.policy import (
    Calendar,
    Interval,
    OverflowRule,
    OverflowWhen,
    Queue,
    QueueProfile,
    Requirement,
    RequirementStep,
    Rules,
)
from tests.support.world import CHANNELS, START, World, a_catalogue, an_agent, check_invariants, text
from tests.unit.routing.test_pools import handed, take

HOUR: Final = 3600
# The world starts on a Friday at 15:00 local time.
DAY: Final = Calendar("day", tuple(Interval(day, 480, 1020) for day in range(7)))


def a_centre(*rules: OverflowRule, handovers: int = 1, pool: str = "", **queue: Any) -> World:
    """``chi`` and ``an`` serve ``general``, which overflows by the rules; ``binh`` serves ``health`` alone."""
    made = a_catalogue(
        an_agent("chi", profiles=(QueueProfile("general"),)),
        an_agent("an", profiles=(QueueProfile("general"),)),
        an_agent("binh", profiles=(QueueProfile("health"),)),
        queues=(
            Queue("general", text("General"), channels=CHANNELS, overflow_when=rules, **queue),
            Queue("health", text("Health"), channels=CHANNELS),
        ),
        rules=Rules(handovers=handovers),
    )
    world = World(msgspec.structs.replace(made, calendars=(*made.calendars, DAY)))
    world.state.pool = pool or world.state.pool
    world.wait(0)
    return world


def there(when: OverflowWhen, **more: Any) -> OverflowRule:
    return OverflowRule("help", pool="danang", when=(when,), **more)


def moves(world: World) -> list[tuple[str, str, str]]:
    """(contact, to, why) of every overflow within the pool."""
    made = [one for _, step in world.log for one in step.decisions if isinstance(one, d.ContactOverflowed)]
    return [(one.contact_id, one.queue, one.why.value) for one in made]


def told(step: Step) -> list[ControlCommand | None]:
    return [one.command for one in step.decisions if isinstance(one, d.DeliveryOwed)]


# closed


def test_i18_who_comes_to_a_closed_queue_and_who_waits_when_it_closes_are_handed_over() -> None:
    world = a_centre(there("closed"), hours={"default": "day"})
    waits = world.write()
    assert handed(world) == []
    world.wait(2 * HOUR)
    came = world.write(Channel.EMAIL)
    assert handed(world) == [(waits, "danang", "help", "closed"), (came, "danang", "help", "closed")]
    assert (world.state.contacts, world.state.cases) == ({}, {})
    check_invariants(world.state)


def test_a_caller_is_handed_over_before_he_would_be_deflected() -> None:
    """R-26: nobody is sent away whom somebody else would take."""
    rule = there("closed")
    closed: dict[str, Any] = {"hours": {"default": "day"}, "when_closed": {"phone": "deflect"}}
    world = a_centre(rule, **closed)
    world.wait(3 * HOUR)
    made = world.call(CallEventName.OFFERED)
    assert handed(world) == [(derive("ct", "hotline", "call", "c1"), "danang", "help", "closed")]
    assert ControlCommand.HANGUP not in told(made)
    stays = a_centre(rule, handovers=0, **closed)
    stays.wait(3 * HOUR)
    assert ControlCommand.HANGUP in told(stays.call(CallEventName.OFFERED)), (
        "where he may not go, it is as without the rule"
    )


def test_the_pools_own_overflow_queue_goes_before_another_pool() -> None:
    world = a_centre(
        there("closed"), there("full"), hours={"default": "day"}, when_closed={"default": "overflow"}, overflow="health",
        max_waiting={"portal": 0},
    )  # fmt: skip
    full = world.write()
    world.wait(3 * HOUR)
    closed = world.write(Channel.EMAIL)
    assert moves(world) == [(full, "health", "full"), (closed, "health", "closed")]
    assert handed(world) == []


def test_within_a_pool_the_same_rules_hold() -> None:
    """One mechanism: a rule without ``pool`` moves to the own queue, if somebody is signed in there who could take it."""
    world = a_centre(OverflowRule("health", when=("nobody",)))
    in_vain = world.write()
    world.sign_in("binh")
    contact = world.write(Channel.EMAIL)
    assert moves(world) == [(contact, "health", "nobody")]
    assert world.contact(in_vain).queue == "general"
    assert world.offered_to(contact) == "binh"


# full


def test_who_comes_to_a_full_queue_is_handed_over_and_those_who_wait_stay() -> None:
    world = a_centre(there("full"), max_waiting={"phone": 1})
    world.call(CallEventName.OFFERED)
    made = world.call(CallEventName.OFFERED, "c2")
    second = derive("ct", "hotline", "call", "c2")
    assert handed(world) == [(second, "danang", "help", "full")]
    assert ControlCommand.HANGUP not in told(made)
    assert world.state_of(derive("ct", "hotline", "call", "c1")) is ContactState.QUEUED
    message = world.write()
    assert world.state_of(message) is ContactState.QUEUED, "its channel has no limit"


# nobody signed in


def test_who_comes_while_nobody_is_signed_in_is_handed_over() -> None:
    world = a_centre(there("nobody"))
    first = world.write()
    assert handed(world) == [(first, "danang", "help", "nobody")]
    world.sign_in("binh")
    second = world.write()
    assert handed(world)[1:] == [(second, "danang", "help", "nobody")], "he serves another queue"
    world.sign_in("chi", Presence.NOT_READY)
    third = world.write()
    assert world.state_of(third) is ContactState.QUEUED, "she has a break, and comes back"


@pytest.mark.parametrize("way", ["signs out", "is lost"])
def test_who_waits_goes_when_the_last_one_leaves(way: str) -> None:
    """R-10: an agent who vanished leaves nobody waiting for him."""
    world = a_centre(there("nobody"))
    for agent in ("chi", "an"):
        world.sign_in(agent, Presence.NOT_READY)
    letter, call = world.write(Channel.EMAIL), world.write()
    leave(world, "an", way)
    assert handed(world) == []
    leave(world, "chi", way)
    assert [one[0] for one in handed(world)] == [letter, call], "in the order of their ranks"
    check_invariants(world.state)


def leave(world: World, agent: str, way: str) -> None:
    if way == "is lost":
        world.give(AgentLost(agent_id=agent))
    else:
        world.sign_in(agent, Presence.SIGNED_OUT)


def test_a_lost_agent_who_is_back_is_there_again() -> None:
    world = a_centre(there("nobody"))
    world.sign_in("chi")
    world.give(AgentLost(agent_id="chi"))
    world.give(AgentBack(agent_id="chi"))
    assert world.offered_to(world.write()) == "chi"


def test_what_is_in_somebodys_hands_or_known_here_stays_when_he_leaves() -> None:
    world = a_centre(there("nobody"))
    world.sign_in("chi")
    contact = world.write()
    case_id = world.contact(contact).case_id
    world.accept("chi")
    world.complete("chi", contact)
    world.sign_in("chi", Presence.NOT_READY)
    again = world.write(case_id=case_id)
    world.sign_in("chi", Presence.SIGNED_OUT)
    assert handed(world) == []
    assert world.state_of(again) is ContactState.QUEUED


def test_who_can_take_it_after_the_last_step_counts_as_there() -> None:
    """A contact that somebody will be able to take is not given away."""
    steps = (RequirementStep(60, (Requirement("vi"),)),)
    world = a_centre(there("nobody"), requirements=(Requirement("hi", 3),), steps=steps)
    world.sign_in("chi")
    contact = world.write()
    assert handed(world) == []
    world.wait(60)
    assert world.offered_to(contact) == "chi"


def test_before_a_closed_door_nobody_is_expected() -> None:
    world = a_centre(there("nobody"), hours={"default": "day"})
    world.wait(3 * HOUR)
    contact = world.write()
    assert (handed(world), world.state_of(contact)) == ([], ContactState.QUEUED)


def test_i13_a_loaded_state_knows_who_is_signed_in() -> None:
    world = a_centre(there("nobody"))
    world.sign_in("chi", Presence.NOT_READY)
    contact = world.write()
    loaded = State("main", world.catalogue)
    loaded.load(deepcopy(world.state.dump()))
    loaded.position, loaded.now = world.state.position, world.now
    gone = world.sign_in("chi", Presence.SIGNED_OUT)
    again = decide(
        loaded, Input(loaded.position + 1, world.now, world.log[-1][0].body, Resolved(), received_at=world.now)
    )
    assert handed(world) == [(contact, "danang", "help", "nobody")]
    assert again.decisions == gone.decisions


@pytest.mark.parametrize("why", list(Overflowing))
def test_r13_every_reason_has_its_words(why: Overflowing) -> None:
    names = ("Chung", "General")
    for written in (handover(why, names, 1_800_000_000_000), overflow(why, names, 1_800_000_000_000)):
        assert "Chung" in written.vi
        assert "General" in written.en


# between many pools

NAMES: Final = ("a", "b", "c", "d")
RULE = st.builds(
    OverflowRule,
    to=st.just("general"),
    pool=st.sampled_from(NAMES),
    after_wait_s=st.sampled_from((0, 30)),
    when=st.sets(st.sampled_from(("closed", "full", "nobody")), min_size=1).map(lambda one: tuple(sorted(one))),
)
POOL = st.fixed_dictionaries(
    {
        "rules": st.lists(RULE, max_size=4),
        "handovers": st.integers(0, 6),
        "closed": st.booleans(),
        "full": st.booleans(),
    }
)


def a_pool(name: str, rules: list[OverflowRule], handovers: int, *, closed: bool, full: bool) -> World:
    limits = {"portal": 0} if full else {}
    hours = {"default": "day"} if closed else {}
    world = a_centre(*rules, handovers=handovers, pool=name, hours=hours, max_waiting=limits)
    world.wait(3 * HOUR)
    return world


def as_told(world: World, contact_id: str, pool: str) -> ContactTaken:
    """What the next pool is told of a contact that came to this one."""
    [opened] = [one for _, step in world.log for one in step.decisions if isinstance(one, d.ContactOpened)]
    return ContactTaken(
        channel=opened.channel, endpoint=opened.endpoint, contact_id=contact_id, case_id=opened.case_id,
        through=(*opened.came_through, pool), queue="general", arrived_at=opened.arrived_at or START, rank=opened.rank,
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(drawn=st.fixed_dictionaries(dict.fromkeys(NAMES, POOL)))
def test_r21_i18_no_contact_ever_goes_in_a_circle_between_pools(drawn: dict[str, Any]) -> None:
    """Whatever rules pools have for each other, a contact is in each at most once, in as many as policy says, and in the end in exactly
    one of them."""
    worlds = {name: a_pool(name, **of) for name, of in drawn.items()}
    contact_id, at, path = worlds["a"].write(), "a", ["a"]
    for _ in range(10):
        world = worlds[at]
        world.wait(100)
        gone = [one for one in handed(world) if one[0] == contact_id]
        if not gone:
            break
        assert len(gone) == 1
        told_there = as_told(world, contact_id, at)
        at = gone[0][1]
        assert at not in path, "it comes back"
        path.append(at)
        worlds[at].now = max(worlds[at].now, world.now)
        take(worlds[at], told_there)
    open_in = [name for name, world in worlds.items() if contact_id in world.state.contacts]
    assert open_in == [path[-1]]
    assert all(len(handed(world)) <= 1 for world in worlds.values())
    for number, (here, _) in enumerate(pairwise(path)):
        assert drawn[here]["handovers"] > number
