"""The order of those who wait: who came first, save for what a queue allows a channel, in its business time (DESIGN 5)."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import to_ms
from ccc_router.routing.policy import Calendar, Interval, Queue
from ccc_router.routing.rulebook import Rulebook
from tests.support.world import a_catalogue, text

HOUR = 3_600_000
MONDAY = to_ms(datetime(2026, 11, 30, tzinfo=UTC))
OFFICE = Calendar(
    id="office-hours", intervals=tuple(Interval(day, 480, 1020) for day in range(5)), utc_offset_minutes=0
)


def a_book() -> Rulebook:
    """Mails are allowed four hours of the office's time, messages five minutes of any time."""
    queue = Queue(
        id="general", name=text("General"), channels=("phone", "email", "portal"),
        allowance_s={"email": 14_400, "portal": 300}, allowance_calendar={"email": "office-hours"},
    )  # fmt: skip
    catalogue = a_catalogue(queues=(queue,))
    return Rulebook(msgspec.structs.replace(catalogue, calendars=(*catalogue.calendars, OFFICE)))


def rank(at: int, channel: Channel, priority: int = 0) -> int:
    return a_book().rank(at, "general", channel, priority)


def test_a_mail_of_the_night_ranks_as_if_it_had_come_late_in_the_morning() -> None:
    night, morning = MONDAY - 2 * HOUR, MONDAY + 8 * HOUR
    assert rank(night, Channel.EMAIL) > rank(morning + 3 * HOUR, Channel.PHONE)
    assert rank(night, Channel.EMAIL) < rank(morning + 4 * HOUR, Channel.PHONE), "it is not put off for ever (I8)"
    friday = MONDAY - 3 * 24 * HOUR + 16 * HOUR
    assert rank(friday, Channel.EMAIL) > rank(morning + 2 * HOUR, Channel.PHONE), "one hour on Friday, three on Monday"


def test_in_open_time_and_without_a_calendar_an_allowance_is_its_seconds() -> None:
    """R-33: the rank is an exact documented integer: in the API, in the journal, and in why."""
    nine = MONDAY + 9 * HOUR + 123
    assert rank(nine, Channel.EMAIL) == nine + 4 * HOUR
    assert rank(MONDAY, Channel.PORTAL) == MONDAY + 300_000
    assert rank(MONDAY, Channel.PHONE) == MONDAY
    assert rank(MONDAY, Channel.PHONE, priority=2) == MONDAY - 300_000


@given(st.integers(0, 14 * 24 * 3600), st.integers(1, 14 * 24 * 3600))
def test_who_came_a_second_earlier_is_never_behind(first_s: int, later_s: int) -> None:
    """I8: also of two mails of the same night, and over a week-end."""
    start = MONDAY - int(timedelta(days=7).total_seconds()) * 1000
    earlier = start + 1000 * first_s
    assert rank(earlier, Channel.EMAIL) < rank(earlier + 1000 * later_s, Channel.EMAIL)
