"""Business time: how a department's minutes pass. Pure, integers only.

A calendar gives open intervals per weekday in local time, holidays on which nothing is open, and make-up days that are
worked like some weekday although they would not be (Vietnamese law moves days round Tet). A day that is both a holiday
and a make-up day is worked. Local time is UTC plus a fixed offset: Vietnam has no summer time.

A calendar with no open minute within ``HORIZON_DAYS`` would make every deadline unreachable; the catalogue refuses it,
and should one get here, its time passes like any other: a deadline too early is seen by people, one that never comes is not.
"""

import datetime
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from .policy import Calendar, Queue

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
HORIZON_DAYS: Final = 400
_LOOK_MS: Final = 14 * DAY_MS
_EPOCH_DAY: Final = datetime.date(1970, 1, 1).toordinal()
_THURSDAY: Final = 3  # the first of January 1970


class _Hours(msgspec.Struct, frozen=True):
    """A calendar made ready: open spans in ms after local midnight per weekday, sorted and disjoint; days since the epoch."""

    spans: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[int]
    make_up: frozenset[int]
    make_up_as: int
    offset_ms: int
    ever_open: bool

    def of_day(self, day: int) -> tuple[tuple[int, int], ...]:
        """The open spans of one local day."""
        if day in self.make_up:
            return self.spans[self.make_up_as]
        if day in self.holidays:
            return ()
        return self.spans[(day + _THURSDAY) % 7]


def hours_of(queue: Queue, channel: str, calendars: Mapping[str, Calendar]) -> Calendar | None:
    """The opening hours of a queue for a channel; none: it is always open."""
    return calendars.get(queue.hours.get(channel, queue.hours.get("default", "")))


def add_business(calendar: Calendar, start_ms: int, minutes: int) -> int:
    """The earliest moment (ms) by which ``minutes`` of business time have passed since ``start_ms``.

    No minutes: the start itself. A term used up exactly at closing time ends then, not at the next opening.
    """
    return add_business_ms(calendar, start_ms, minutes * MINUTE_MS)


def add_business_ms(calendar: Calendar, start_ms: int, left: int) -> int:
    """The same for milliseconds."""
    if left <= 0:
        return start_ms
    hours = _hours(calendar)
    idle_since = start_ms
    for opens, closes in _open_spans(hours, start_ms):
        if opens - idle_since > HORIZON_DAYS * DAY_MS:
            break
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
        idle_since = closes
    return idle_since + left


def business_ms_between(calendar: Calendar, start_ms: int, end_ms: int) -> int:
    """Milliseconds of business time from ``start_ms`` to ``end_ms``; 0 when the end is not after the start."""
    if end_ms <= start_ms:
        return 0
    total = 0
    for opens, closes in _open_spans(_hours(calendar), start_ms):
        if opens >= end_ms:
            break
        total += min(closes, end_ms) - opens
    return total


def business_minutes_between(calendar: Calendar, start_ms: int, end_ms: int) -> int:
    """Whole minutes of business time from ``start_ms`` to ``end_ms``, rounded down."""
    return business_ms_between(calendar, start_ms, end_ms) // MINUTE_MS


def is_open(calendar: Calendar, at_ms: int) -> bool:
    """Whether business time passes at this moment."""
    return next(_open_spans(_hours(calendar), at_ms), (at_ms + 1, 0))[0] == at_ms


def next_change(calendar: Calendar, at_ms: int) -> int:
    """The next moment after ``at_ms`` at which the calendar opens or closes; 0: it never does.

    What is open over midnight closes once. A time longer than ``_LOOK_MS`` is cut there: whoever waits for it asks again.
    """
    end = at_ms
    for opens, closes in _open_spans(_hours(calendar), at_ms):
        if opens > end:
            return opens if end == at_ms else end
        end = closes
        if end - at_ms > _LOOK_MS:
            return min(end, at_ms + _LOOK_MS)
    return 0 if end == at_ms else end


def _open_spans(hours: _Hours, start_ms: int) -> Iterator[tuple[int, int]]:
    """The open spans from ``start_ms`` on (the first may be cut), as moments in ms UTC. Ends after a year of nothing."""
    if not hours.ever_open:
        yield start_ms, start_ms + HORIZON_DAYS * DAY_MS * 1000
        return
    day = (start_ms + hours.offset_ms) // DAY_MS
    empty_days = 0
    while empty_days <= HORIZON_DAYS:
        midnight = day * DAY_MS - hours.offset_ms
        spans = hours.of_day(day)
        for opens, closes in spans:
            if midnight + closes > start_ms:
                yield max(midnight + opens, start_ms), midnight + closes
        empty_days = 0 if spans else empty_days + 1
        day += 1


@lru_cache(maxsize=256)
def _hours(calendar: Calendar) -> _Hours:
    spans = tuple(
        _merged([(i.opens, i.closes) for i in calendar.intervals if i.weekday == weekday]) for weekday in range(7)
    )
    return _Hours(
        spans=spans,
        holidays=frozenset(map(_day_number, calendar.holidays)),
        make_up=frozenset(map(_day_number, calendar.make_up_days)),
        make_up_as=calendar.make_up_as % 7,
        offset_ms=calendar.utc_offset_minutes * MINUTE_MS,
        ever_open=any(spans),
    )


def _merged(intervals: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Sorted, disjoint spans in ms after midnight, kept within the day; what is empty or backward is left out."""
    merged: list[tuple[int, int]] = []
    for opens, closes in sorted((max(a, 0) * MINUTE_MS, min(b * MINUTE_MS, DAY_MS)) for a, b in intervals):
        if opens >= closes:
            continue
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return tuple(merged)


def _day_number(text: str) -> int:
    return datetime.date.fromisoformat(text).toordinal() - _EPOCH_DAY
