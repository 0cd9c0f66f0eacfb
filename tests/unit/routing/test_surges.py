"""Surges: for a time newcomers are told so, or callers are turned away; it ends by itself, and nothing is dropped (I9, I12, I16)."""

from typing import Any, Final

import msgspec
import pytest

from ccc_router.events.commands import ActivateCatalogue, AssignContact, SetSurge, TransferContact
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import CallEvent, MessageReceived, TimeResumed
from ccc_router.events.vocabulary import (
    CallEventName,
    Channel,
    ContactState,
    ControlCommand,
    DeliveryKind,
    LegRole,
    Newcomers,
    Role,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import OverflowRule, Queue
from ccc_router.routing.rows import Surge
from tests.support.world import CHANNELS, START, World, a_catalogue, an_agent, check_invariants, text
from tests.unit.routing.test_hours import DAY, HOUR, commands
from tests.unit.routing.test_invariants import check_three_ways

ANNOUNCED: Final = [ControlCommand.QUEUE, ControlCommand.ANNOUNCE]
TURNED_AWAY: Final = [*ANNOUNCED, ControlCommand.HANGUP]


def a_centre(*agents: str, **general: Any) -> World:
    """Two queues that are always open unless a test says otherwise."""
    made = a_catalogue(
        *(an_agent(agent) for agent in agents or ("an",)),
        queues=(
            Queue("general", text("General"), channels=CHANNELS, **general),
            Queue("health", text("Health"), channels=CHANNELS),
        ),
    )
    world = World(msgspec.structs.replace(made, calendars=(*made.calendars, DAY)))
    world.wait(0)
    for agent in agents:
        world.sign_in(agent)
    return world


def surge(world: World, newcomers: Newcomers | None = Newcomers.ANNOUNCE, hours: float = 1, **more: Any) -> Step:
    """A supervisor says so; without ``newcomers`` it is over."""
    until = world.now + int(1000 * hours * HOUR) if newcomers is not None else 0
    named = {"queue": "general", "reason": "VssID is down", "announcement": "vssid_down"} | more
    return world.give(
        SetSurge(actor="mai", actor_role=Role.SUPERVISOR, newcomers=newcomers, until=until, **named)
    )  # fmt: skip


def ring(world: World, call_id: str = "c1", **more: str) -> tuple[str, Step]:
    """A caller on the hotline; his contact and what followed."""
    made = world.call(CallEventName.OFFERED, call_id, **more)
    return derive("ct", "hotline", "call", call_id), made


def said(step: Step) -> list[ControlCommand | None]:
    """What the switch is told, in order."""
    return [command for command, _ in commands(step) if command is not None]


def in_surge(world: World, queue: str = "general") -> Surge | None:
    return world.state.doors.surge(queue)


def test_a_caller_in_a_surge_hears_its_announcement_and_waits_with_his_rank() -> None:
    world = a_centre()
    surge(world)
    contact, made = ring(world)
    assert said(made) == ANNOUNCED
    assert commands(made)[1][1]["announcement"] == "vssid_down"
    assert (world.state_of(contact), world.contact(contact).rank) == (ContactState.QUEUED, START)
    check_invariants(world.state)
    world.sign_in("an")
    assert world.offered_to(contact) == "an"


def test_it_is_said_once_and_to_newcomers_alone() -> None:
    """Not to who waited before, nor again to who is offered, missed and waits anew."""
    world = a_centre("an")
    world.give(
        AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=ring(world)[0], agent_id="an", reason="x")
    )
    waits, _ = ring(world, "c2")
    since = len(world.log)
    surge(world)
    came, made = ring(world, "c3")
    assert said(made) == ANNOUNCED
    world.wait(300)
    later = [command for _, step in world.log[since + 2 :] for command in said(step)]
    assert ControlCommand.ANNOUNCE not in later
    assert {world.state_of(one) for one in (waits, came)} <= {ContactState.QUEUED, ContactState.OFFERED}


def test_callers_are_turned_away_with_a_follow_up_even_while_somebody_is_free() -> None:
    """The supervisor said so; the case is open with a time at which somebody looks (I9)."""
    world = a_centre("an")
    surge(world, Newcomers.DEFLECT)
    contact, made = ring(world)
    assert said(made) == TURNED_AWAY
    assert [data["announcement"] for command, data in commands(made) if command is ControlCommand.ANNOUNCE] == [
        "vssid_down"
    ]
    assert not any(isinstance(one, d.OfferMade) for one in made.decisions)
    [ended] = [one for one in made.decisions if isinstance(one, d.ContactEnded)]
    assert (ended.contact_id, ended.state, ended.by) == (contact, ContactState.DEFLECTED, "surge")
    assert world.state.cases[world.contact(contact).case_id].due_at
    check_invariants(world.state)


def test_callers_are_promised_a_callback_and_keep_their_place() -> None:
    """R-32: they hear what is the matter and that they will be called, are hung up, and wait on with their rank, also after the surge."""
    world = a_centre()
    surge(world, Newcomers.CALLBACK_ONLY)
    contact, made = ring(world)
    assert said(made) == [*ANNOUNCED, ControlCommand.ANNOUNCE, ControlCommand.HANGUP]
    told = [data["announcement"] for command, data in commands(made) if command is ControlCommand.ANNOUNCE]
    assert told == ["vssid_down", "callback"]
    world.call(CallEventName.CONNECTION_CLEARED)
    callback = world.contact(contact).callback
    assert callback is not None
    assert (callback.by, world.state_of(contact), world.contact(contact).rank) == ("surge", ContactState.QUEUED, START)
    check_invariants(world.state)
    world.wait(2 * HOUR)
    world.sign_in("an")
    assert world.offered_to(contact) == "an"


def test_who_hides_his_number_is_turned_away_where_others_are_called_back() -> None:
    world = a_centre()
    surge(world, Newcomers.CALLBACK_ONLY)
    fact = CallEvent(
        at=1, endpoint="hotline", call_id="c1", leg_id="cust", contact_id="ct_hidden", case_id="cs",
        event=CallEventName.OFFERED,
    )  # fmt: skip
    made = world.give(fact, Resolved())
    assert said(made) == TURNED_AWAY
    assert world.state_of("ct_hidden") is ContactState.DEFLECTED


def test_a_message_is_never_refused() -> None:
    """It waits, and its channel's automatic answer bears the surge's text."""
    world = a_centre("an")
    surge(world, Newcomers.DEFLECT, message_id="ms_notice")
    contact = world.write(Channel.PORTAL)
    assert world.offered_to(contact) == "an"
    assert acknowledged(world, "m1") == {"notice": "ms_notice"}
    surge(world, None)
    assert acknowledged(world, "m2") == {}


def acknowledged(world: World, name: str) -> dict[str, str]:
    """What the acknowledgement of a new mail is told to bear."""
    fact = MessageReceived(
        channel=Channel.EMAIL, endpoint="mailbox", message_id=f"ms_{name}", contact_id=f"ct_{name}", case_id=f"cs_{name}",
        acknowledge=True,
    )  # fmt: skip
    made = world.give(fact)
    [owed] = [
        one
        for one in made.decisions
        if isinstance(one, d.DeliveryOwed) and one.delivery is DeliveryKind.ACKNOWLEDGEMENT
    ]
    return owed.data


def test_a_tracked_call_takes_no_commands_and_waits() -> None:
    world = a_centre()
    surge(world, Newcomers.DEFLECT)
    _, made = ring(world, endpoint="tracked")
    assert said(made) == []
    assert world.state_of(derive("ct", "tracked", "call", "c1")) is not ContactState.DEFLECTED


def test_i12_it_ends_by_the_clock_once_and_a_reload_changes_nothing() -> None:
    """Nobody has to remember it: one entry at the time promised, and who comes then is treated as ever."""
    world = a_centre()
    surge(world, Newcomers.DEFLECT, hours=2)
    check_three_ways_of(world)
    entries = len(world.log)
    world.wait(2 * HOUR - 1)
    assert in_surge(world) is not None
    world.wait(1)
    ends = [one for _, step in world.log[entries:] for one in step.decisions]
    assert ends == [d.SurgeEnded("general", "timer")]
    assert said(ring(world)[1]) == [ControlCommand.QUEUE]
    world.wait(HOUR)
    assert [one for _, step in world.log[entries:] for one in step.decisions].count(ends[0]) == 1


def check_three_ways_of(world: World) -> None:
    """I13 of a world in a surge, which goes on as it was."""
    other = World(world.catalogue)
    for given, _ in world.log:
        other.now = given.at
        other.give(given.body, given.resolved)
    check_three_ways(other)


def test_a_time_without_an_engine_does_not_move_its_end() -> None:
    """I12: the end is a promise by the clock on the wall."""
    world = a_centre()
    surge(world, hours=1)
    until = world.now + 1000 * HOUR
    world.now += 600_000
    world.give(TimeResumed(gap_ms=600_000))
    found = in_surge(world)
    assert found is not None
    assert found.until == until


def test_hours_and_a_surge_have_each_their_time() -> None:
    """The queue closes at 17:00 in the middle of a surge: both stay true, and each ends at its own time."""
    world = a_centre("an", hours={"default": "day"})
    surge(world, hours=3)
    world.wait(2 * HOUR)
    assert world.state.doors.rows["general"].closed
    assert in_surge(world) is not None
    world.wait(HOUR)
    assert world.state.doors.rows["general"].closed
    assert in_surge(world) is None
    world.wait(14 * HOUR)
    assert not world.state.doors.rows["general"].closed


def test_i16_who_began_it_why_and_who_ended_it_is_written_down() -> None:
    world = a_centre()
    first = surge(world)
    [begun] = first.decisions
    assert begun == d.SurgeSet(
        "general",
        Surge(
            Newcomers.ANNOUNCE, START + 1000 * HOUR, START, "vssid_down", by="supervisor:mai", reason="VssID is down"
        ),
    )
    world.wait(60)
    [again] = surge(world, Newcomers.DEFLECT).decisions
    assert isinstance(again, d.SurgeSet)
    assert (again.surge.since, again.surge.newcomers) == (START, Newcomers.DEFLECT)
    assert surge(world, None).decisions == [d.SurgeEnded("general", "supervisor:mai")]
    assert surge(world, None).decisions == [], "there is none: nothing to end, and nothing refused"


@pytest.mark.parametrize(
    ("hours", "more", "code"),
    [
        (0, {}, "until_past"),
        (-1, {}, "until_past"),
        (169, {}, "until_too_far"),
        (1, {"queue": "none"}, "unknown_queue"),
    ],
)
def test_what_is_refused(hours: float, more: dict[str, str], code: str) -> None:
    world = a_centre()
    refused = surge(world, Newcomers.ANNOUNCE, hours, **more).refused
    assert refused is not None
    assert refused.code == code
    assert in_surge(world) is None


def test_whom_a_person_transferred_is_no_newcomer() -> None:
    """R-31: an agent who hands a caller on is not undone by an announcement."""
    world = a_centre("an")
    surge(world, Newcomers.DEFLECT, queue="health")
    contact, _ = ring(world)
    world.accept("an")
    offer_id = world.contact(contact).offer_id or "of"
    world.call(CallEventName.ESTABLISHED, "c1", "agent", offer_id=offer_id, agent="an", role=LegRole.AGENT)
    made = world.give(TransferContact(actor="an", actor_role=Role.AGENT, contact_id=contact, queue="health"))
    assert made.refused is None
    assert world.contact(contact).queue == "health"
    assert ControlCommand.ANNOUNCE not in said(made)
    assert world.state_of(contact) is not ContactState.DEFLECTED


def test_a_queue_in_a_surge_takes_no_overflow() -> None:
    """It would only wait longer there; once the surge is over it goes."""
    world = a_centre(overflow_when=(OverflowRule("health", after_wait_s=60),))
    surge(world, Newcomers.DEFLECT, queue="health", hours=0.5)
    contact, _ = ring(world)
    world.wait(0.4 * HOUR)
    assert (world.contact(contact).queue, world.state_of(contact)) == ("general", ContactState.QUEUED)
    world.wait(HOUR)
    assert world.contact(contact).queue == "health"


def test_it_outlives_a_new_catalogue_and_ends_in_it() -> None:
    world = a_centre()
    surge(world, hours=1)
    document = msgspec.to_builtins(msgspec.structs.replace(world.catalogue, version=2))
    world.give(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    assert in_surge(world) is not None
    world.wait(HOUR)
    assert in_surge(world) is None
