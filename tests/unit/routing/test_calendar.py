"""Business time passes only while a calendar is open, and adding is the inverse of counting."""

import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.routing.calendar import (
    MINUTE_MS,
    add_business,
    business_minutes_between,
    business_ms_between,
    is_open,
    next_change,
)
from ccc_router.routing.policy import Calendar, Interval

OFFICE = Calendar(
    id="office",
    intervals=tuple(
        Interval(weekday=day, opens=opens, closes=closes)
        for day in range(5)
        for opens, closes in ((8 * 60, 12 * 60), (13 * 60, 17 * 60))
    ),
    # Tet 2027 as the calendar table would hold it, with a Saturday worked for the Monday before.
    holidays=("2027-02-04", "2027-02-05", "2027-02-08", "2027-02-09", "2027-02-10", "2027-02-03"),
    make_up_days=("2027-01-30",),
    make_up_as=2,
)


def at(text: str) -> int:
    """A moment in Vietnam's local time, as ms."""
    moment = datetime.datetime.fromisoformat(text + "+07:00")
    return int(moment.timestamp()) * 1000


def test_time_passes_only_in_the_open_intervals() -> None:
    assert add_business(OFFICE, at("2026-11-23T11:30:00"), 60) == at("2026-11-23T13:30:00")
    assert add_business(OFFICE, at("2026-11-23T16:30:00"), 60) == at("2026-11-24T08:30:00")
    assert add_business(OFFICE, at("2026-11-27T16:30:00"), 60) == at("2026-11-30T08:30:00")
    assert add_business(OFFICE, at("2026-11-28T10:00:00"), 1) == at("2026-11-30T08:01:00")


def test_a_term_used_up_at_closing_time_ends_then() -> None:
    assert add_business(OFFICE, at("2026-11-23T08:00:00"), 240) == at("2026-11-23T12:00:00")
    assert add_business(OFFICE, at("2026-11-23T08:00:00"), 480) == at("2026-11-23T17:00:00")


def test_five_working_days_pass_over_a_holiday_week() -> None:
    monday = at("2027-02-01T08:00:00")
    assert add_business(OFFICE, monday, 5 * 480) == at("2027-02-15T17:00:00")


def test_a_make_up_day_is_worked_like_the_weekday_it_stands_for() -> None:
    """R-23: one calendar: several intervals a day, holidays and make-up days; adding is the inverse of counting; clocks stop where they should."""
    friday_evening = at("2027-01-29T17:00:00")
    assert add_business(OFFICE, friday_evening, 30) == at("2027-01-30T08:30:00")
    assert is_open(OFFICE, at("2027-01-30T09:00:00"))
    assert not is_open(OFFICE, at("2027-01-31T09:00:00"))
    assert not is_open(OFFICE, at("2027-01-30T12:00:00"))


def test_the_offset_decides_which_day_it_is() -> None:
    always_monday = Calendar(id="m", intervals=(Interval(weekday=0, opens=0, closes=1440),), utc_offset_minutes=-600)
    midnight_in_honolulu = int(datetime.datetime.fromisoformat("2026-11-23T00:00:00-10:00").timestamp()) * 1000
    assert is_open(always_monday, midnight_in_honolulu)
    assert not is_open(always_monday, midnight_in_honolulu - 1)
    assert is_open(always_monday, midnight_in_honolulu + 1440 * MINUTE_MS - 1)
    assert not is_open(always_monday, midnight_in_honolulu + 1440 * MINUTE_MS)


def test_a_calendar_that_never_opens_does_not_hang_and_gives_a_deadline() -> None:
    never = Calendar(id="never", intervals=())
    assert add_business(never, 1000, 5) == 1000 + 5 * MINUTE_MS
    assert business_minutes_between(never, 1000, 1000 + 5 * MINUTE_MS) == 5


def test_holidays_for_more_than_a_year_do_not_hang() -> None:
    first = datetime.date(2026, 1, 1)
    days = tuple((first + datetime.timedelta(days=n)).isoformat() for n in range(1200))
    shut = Calendar(id="shut", intervals=(Interval(weekday=0, opens=0, closes=60),), holidays=days)
    start = at("2026-01-02T00:00:00")
    assert add_business(shut, start, 5) == start + 5 * MINUTE_MS


intervals = st.builds(
    lambda weekday, opens, length: Interval(weekday=weekday, opens=opens, closes=min(opens + length, 1440)),
    st.integers(0, 6),
    st.integers(0, 1439),
    st.integers(1, 900),
)
days = st.dates(datetime.date(2026, 1, 1), datetime.date(2027, 12, 31)).map(datetime.date.isoformat)
calendars = st.builds(
    lambda spans, holidays, made_up, as_day, offset: Calendar(
        id="any",
        intervals=tuple(spans),
        holidays=tuple(holidays),
        make_up_days=tuple(made_up),
        make_up_as=as_day,
        utc_offset_minutes=offset,
    ),
    st.lists(intervals, min_size=1, max_size=12),
    st.lists(days, max_size=12),
    st.lists(days, max_size=4),
    st.integers(0, 6),
    st.integers(-720, 840),
)
moments = st.integers(1_767_225_600_000, 1_830_297_600_000)
minutes = st.integers(0, 6_000)


@given(calendars, moments, minutes)
def test_counting_undoes_adding(calendar: Calendar, start: int, term: int) -> None:
    """R-23: one calendar: several intervals a day, holidays and make-up days; adding is the inverse of counting; clocks stop where they should."""
    end = add_business(calendar, start, term)
    assert end >= start
    assert business_ms_between(calendar, start, end) == term * MINUTE_MS


@given(calendars, moments, st.integers(1, 6_000))
def test_adding_gives_the_earliest_such_moment(calendar: Calendar, start: int, term: int) -> None:
    end = add_business(calendar, start, term)
    assert business_ms_between(calendar, start, end - 1) == term * MINUTE_MS - 1


@given(calendars, moments, minutes, minutes)
def test_a_term_can_be_added_in_two_parts(calendar: Calendar, start: int, first: int, second: int) -> None:
    whole = add_business(calendar, start, first + second)
    assert add_business(calendar, add_business(calendar, start, first), second) == whole


@given(calendars, moments, st.integers(0, 30 * 86_400_000), st.integers(0, 30 * 86_400_000))
def test_counting_adds_up(calendar: Calendar, start: int, first: int, second: int) -> None:
    middle, end = start + first, start + first + second
    parts = business_ms_between(calendar, start, middle) + business_ms_between(calendar, middle, end)
    assert parts == business_ms_between(calendar, start, end)
    assert 0 <= parts <= end - start


def opening_minutes(calendar: Calendar, start: int, count: int) -> list[bool]:
    """Whether each of so many minutes is open: counted by what `business_ms_between` says of it."""
    return [business_ms_between(calendar, start + n * MINUTE_MS, start + (n + 1) * MINUTE_MS) > 0 for n in range(count)]


@settings(max_examples=30)
@given(calendars, moments.map(lambda at_ms: at_ms // MINUTE_MS * MINUTE_MS))
def test_the_next_change_is_the_first_minute_that_is_otherwise(calendar: Calendar, start: int) -> None:
    """Looked for minute by minute for three days; whether it is open now is said by the same minutes."""
    opened = opening_minutes(calendar, start, 3 * 1440)
    assert is_open(calendar, start) == opened[0]
    first = next((n for n, one in enumerate(opened) if one != opened[0]), None)
    change = next_change(calendar, start)
    if first is not None:
        assert change == start + first * MINUTE_MS
    else:
        assert change == 0 or change >= start + 3 * 1440 * MINUTE_MS


def test_hours_that_touch_are_one_time_and_what_is_empty_is_none() -> None:
    """Noon is no change; an interval that ends before it begins, or where it begins, opens nothing."""
    spans = ((480, 720), (720, 1020), (600, 540), (400, 400))
    calendar = Calendar("seam", tuple(Interval(day, *one) for day in range(7) for one in spans))
    morning = at("2026-11-23T08:00:00")
    assert not is_open(calendar, morning - 1)
    assert is_open(calendar, morning)
    assert next_change(calendar, morning) == at("2026-11-23T17:00:00")
    assert next_change(calendar, at("2026-11-23T17:00:00")) == at("2026-11-24T08:00:00")
    assert next_change(calendar, at("2026-11-23T12:00:00")) == at("2026-11-23T17:00:00")


def test_what_is_open_over_midnight_closes_once() -> None:
    night = Calendar("night", tuple(Interval(day, *one) for day in range(7) for one in ((0, 360), (1320, 1440))))
    assert next_change(night, at("2026-11-23T23:00:00")) == at("2026-11-24T06:00:00")


def test_what_never_closes_is_asked_again_in_two_weeks_and_what_never_opens_never() -> None:
    start = at("2026-11-23T08:00:00")
    two_weeks = start + 14 * 1440 * MINUTE_MS
    always = Calendar("always", tuple(Interval(day, 0, 1440) for day in range(7)))
    assert next_change(always, start) == next_change(Calendar("", ()), start) == two_weeks
    years = tuple((datetime.date(2026, 11, 1) + datetime.timedelta(n)).isoformat() for n in range(900))
    shut = Calendar("shut", tuple(Interval(day, 480, 1020) for day in range(7)), holidays=years)
    assert next_change(shut, start) == 0
    last = Calendar("last", shut.intervals, holidays=tuple(one for one in years if one != "2026-11-23"))
    assert next_change(last, start) == at("2026-11-23T17:00:00")


def test_no_time_has_passed_before_it_began() -> None:
    start = at("2026-11-23T10:00:00")
    assert add_business(OFFICE, start, 0) == add_business(OFFICE, start, -5) == start
    assert business_ms_between(OFFICE, start, start) == business_ms_between(OFFICE, start, start - 1) == 0
    assert business_ms_between(OFFICE, start, start + 1) == 1
