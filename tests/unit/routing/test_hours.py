"""Opening hours: who comes to a closed queue waits, overflows or hears an announcement; nothing is dropped (I8, I9)."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.events.commands import ActivateCatalogue, AssignContact
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, ControlCommand, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from ccc_router.routing.calendar import is_open, next_change
from ccc_router.routing.policy import Calendar, Interval, Queue
from tests.support.matcher import Watched as World
from tests.support.world import CHANNELS, START, a_catalogue, an_agent, check_invariants, text

HOUR: Final = 3600
MINUTE_MS: Final = 60_000
WEEK = tuple(range(7))
# The world starts on a Friday at 15:00 local time.
DAY = Calendar("day", tuple(Interval(day, *span) for day in WEEK for span in ((480, 720), (780, 1020))))
NIGHT = Calendar("night", tuple(Interval(day, *span) for day in WEEK for span in ((0, 360), (1320, 1440))))


def a_centre(*agents: str, calendar: Calendar = DAY, **queue: Any) -> World:
    """One queue with hours, and one that is always open."""
    made = a_catalogue(
        *(an_agent(agent) for agent in agents),
        queues=(
            Queue("general", text("General"), channels=CHANNELS, hours={"default": calendar.id}, **queue),
            Queue("health", text("Health"), channels=CHANNELS),
        ),
    )
    commanded = tuple(msgspec.structs.replace(one, control_url="http://127.0.0.1:1/") for one in made.endpoints)
    world = World(msgspec.structs.replace(made, calendars=(*made.calendars, calendar), endpoints=commanded))
    world.wait(0)
    for agent in agents:
        world.sign_in(agent)
    return world


def ring(world: World, call_id: str = "c1") -> tuple[str, Step]:
    """A caller on the hotline; his contact and what followed."""
    made = world.call(CallEventName.OFFERED, call_id)
    return derive("ct", "hotline", "call", call_id), made


def commands(step: Step) -> list[tuple[ControlCommand | None, dict[str, str]]]:
    return [(one.command, one.data) for one in step.decisions if isinstance(one, d.DeliveryOwed)]


def test_a_message_of_the_night_waits_for_the_opening_and_is_then_offered() -> None:
    """Closed at 17:00, open at 08:00, and the opening itself is one entry."""
    world = a_centre("an")
    world.wait(3 * HOUR)
    contact = world.write(Channel.PORTAL)
    assert world.offered_to(contact) == ""
    check_invariants(world.state)
    world.wait(14 * HOUR - 1)
    assert world.offered_to(contact) == ""
    opened = len(world.log)
    world.wait(1)
    assert world.offered_to(contact) == "an"
    assert [type(one) for one in world.log[opened][1].decisions] == [d.HoursChanged, d.OfferMade]


def test_the_lunch_break_closes_and_those_who_waited_longest_go_first() -> None:
    world = a_centre("an")
    world.wait(21.5 * HOUR)  # 12:30 on the next day
    first, second = world.write(Channel.EMAIL), world.write(Channel.EMAIL)
    world.wait(HOUR / 2)
    assert (world.offered_to(first), world.offered_to(second)) == ("an", "")


def test_who_waits_when_the_queue_closes_is_offered_no_more() -> None:
    """No offer of a closed queue's contacts: an agent who signs in at 18:00 gets none."""
    world = a_centre()
    contact = world.write(Channel.PORTAL)
    world.wait(3 * HOUR)
    world.sign_in("an")
    assert world.offered_to(contact) == ""
    check_invariants(world.state)


def test_an_offer_that_expires_at_the_moment_of_closing_is_not_made_again() -> None:
    """Both timers are due at 17:00 to the millisecond: the queue closes first."""
    world = a_centre("an")
    world.wait(2 * HOUR - 30)
    contact = world.write(Channel.PORTAL)
    assert world.offered_to(contact) == "an"
    world.wait(30)
    assert world.offered_to(contact) == ""
    check_invariants(world.state)


def test_a_queue_that_drains_serves_who_came_before_closing_and_nobody_else() -> None:
    world = a_centre(drains=True)
    before = world.write(Channel.PORTAL)
    world.wait(3 * HOUR)
    after = world.write(Channel.EMAIL)
    world.sign_in("an")
    assert (world.offered_to(before), world.offered_to(after)) == ("an", "")


def test_hours_hold_nothing_that_a_person_assigned() -> None:
    """R-31: a person's decision wins over the hours."""
    world = a_centre("an")
    world.wait(3 * HOUR)
    contact = world.write(Channel.PORTAL)
    world.give(
        AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact, agent_id="an", reason="urgent")
    )
    assert world.offered_to(contact) == "an"


def test_a_caller_to_a_closed_queue_hears_so_and_his_case_has_a_follow_up() -> None:
    """Deflected by an announcement, never silently (I9): the case is open with a time at which somebody looks."""
    world = a_centre("an", when_closed={"phone": "deflect"})
    world.wait(3 * HOUR)
    contact, made = ring(world)
    assert [command for command, _ in commands(made)] == [
        ControlCommand.QUEUE, ControlCommand.ANNOUNCE, ControlCommand.HANGUP,
    ]  # fmt: skip
    assert commands(made)[1][1]["announcement"] == "closed"
    assert world.state_of(contact) is ContactState.DEFLECTED
    assert world.state.cases[world.contact(contact).case_id].due_at
    world.call(CallEventName.CONNECTION_CLEARED)
    assert world.state_of(contact) is ContactState.DEFLECTED


def test_a_message_is_never_deflected() -> None:
    """Nothing is dropped: even where a document says so for every channel, it waits."""
    world = a_centre("an", when_closed={"default": "deflect"})
    world.wait(3 * HOUR)
    contact = world.write(Channel.PORTAL)
    assert world.state_of(contact) is ContactState.QUEUED
    world.wait(14 * HOUR)
    assert world.offered_to(contact) == "an"


def test_closed_hours_overflow_with_the_rank_kept() -> None:
    """Both who waits at closing and who comes later go to the open queue; the entry says why."""
    world = a_centre(overflow="health", when_closed={"default": "overflow"})
    waited = world.write(Channel.PORTAL)
    rank = world.contact(waited).rank
    world.wait(3 * HOUR)
    came = world.write(Channel.PORTAL)
    for contact in (waited, came):
        assert (world.contact(contact).queue, world.contact(contact).overflowed) == ("health", ("general", "health"))
    assert world.contact(waited).rank == rank
    moves = [one for _, made in world.log for one in made.decisions if isinstance(one, d.ContactOverflowed)]
    assert [(one.contact_id, one.queue, one.from_queue, one.why) for one in moves] == [
        (waited, "health", "general", "closed"), (came, "health", "general", "closed"),
    ]  # fmt: skip
    world.sign_in("an")
    assert world.offered_to(waited) == "an"


def test_two_closed_queues_do_not_play_ping_pong() -> None:
    """Where the other is closed as well, the contact waits where it is."""
    world = a_centre(overflow="health", when_closed={"default": "overflow"})
    queues = tuple(
        msgspec.structs.replace(
            queue, hours={"default": "day"}, when_closed={"default": "overflow"},
            overflow="health" if queue.id == "general" else "general",
        )
        for queue in world.catalogue.queues
    )  # fmt: skip
    document = msgspec.to_builtins(msgspec.structs.replace(world.catalogue, version=2, queues=queues))
    world.give(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    contact = world.write(Channel.PORTAL)
    world.wait(30 * HOUR)
    assert (world.contact(contact).queue, world.contact(contact).overflowed) == ("general", ())


def test_a_new_catalogue_opens_and_closes_at_once() -> None:
    world = a_centre("an")
    world.wait(3 * HOUR)
    contact = world.write(Channel.PORTAL)
    queues = tuple(msgspec.structs.replace(queue, hours={}) for queue in world.catalogue.queues)
    document = msgspec.to_builtins(msgspec.structs.replace(world.catalogue, version=2, queues=queues))
    world.give(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    assert world.offered_to(contact) == "an"


def test_opening_and_closing_cost_one_row_however_many_wait() -> None:
    """R-28: Flat cost: a thousand contacts behind the door, one entry and one row written when it opens."""
    world = a_centre()
    world.wait(3 * HOUR)
    for _ in range(1000):
        world.write(Channel.PORTAL)
    world.wait(13 * HOUR)
    world.state.take_changed()
    entries = len(world.log)
    world.wait(1 * HOUR)
    rows = world.state.take_changed()
    assert (len(world.log) - entries, len(rows.queues), len(rows.contacts)) == (1, 1, 0)


@pytest.mark.parametrize(
    ("calendar", "minutes"),
    [(DAY, (120, 900, 240, 60, 240)), (NIGHT, (420, 480, 960, 480))],
    ids=["lunch break", "open over midnight"],
)
def test_the_changes_of_a_calendar(calendar: Calendar, minutes: tuple[int, ...]) -> None:
    """From Friday 15:00 on; what is open over midnight neither closes nor opens there."""
    at = START
    for length in minutes:
        assert next_change(calendar, at) == at + length * MINUTE_MS
        at = next_change(calendar, at)


def test_holidays_close_and_make_up_days_open() -> None:
    weekdays = tuple(Interval(day, 480, 1020) for day in range(5))
    calendar = Calendar("office", weekdays, holidays=("2027-01-18",), make_up_days=("2027-01-17",))
    closing = START + 2 * HOUR * 1000
    sunday = next_change(calendar, closing)
    assert sunday == closing + 39 * HOUR * 1000
    assert next_change(calendar, next_change(calendar, sunday)) == sunday + 48 * HOUR * 1000


@given(st.integers(0, 20_000))
def test_nothing_changes_before_the_next_change(minutes: int) -> None:
    """Computed the long way, minute by minute."""
    for calendar in (DAY, NIGHT):
        at = START + minutes * MINUTE_MS
        due = next_change(calendar, at)
        assert {is_open(calendar, moment) for moment in range(at, due, MINUTE_MS)} == {is_open(calendar, at)}
        assert is_open(calendar, due) is not is_open(calendar, at)
