"""How many contacts an interval of a coming day will bring, from those of past days of its kind.

Every interval of every *kind of day* (seven weekdays, and holidays) is a series of its own, smoothed exponentially over the weeks:
``level = α·newest + (1 - α)·level``, begun with the oldest (Brown 1959; Hyndman, Athanasopoulos, "Forecasting", 8.1). A holiday is left
out of its weekday's series, so that Tết does not make the Mondays after it look quiet; a make-up day counts as the weekday it stands
in for.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ccc_router.simulation.staffing.history import History

_HOLIDAY: Final = 7
_SUNDAY: Final = 6


@dataclass(frozen=True, slots=True)
class Holidays:
    """``holidays`` are days like no weekday; ``make_up_days`` are worked as the weekday ``make_up_as`` (0: Monday).

    The fields of a catalogue's calendar.
    """

    holidays: frozenset[datetime.date] = frozenset()
    make_up_days: frozenset[datetime.date] = frozenset()
    make_up_as: int = 0

    def kind(self, day: datetime.date) -> int:
        """0 to 6 for the weekday it is or stands in for, 7 for a holiday."""
        if day in self.holidays:
            return _HOLIDAY
        return self.make_up_as if day in self.make_up_days else day.weekday()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected contacts of each interval of a day, by kind of day. Kinds never seen are borrowed, see `of`."""

    levels: Mapping[int, tuple[float, ...]]
    calendar: Holidays

    def of(self, day: datetime.date) -> tuple[float, ...]:
        """Expected contacts in each interval of `day`.

        A holiday, where the past has none, is taken for a Sunday; any other kind never seen for the mean of the weekdays seen.
        """
        kind = self.calendar.kind(day)
        if kind == _HOLIDAY and kind not in self.levels:
            kind = _SUNDAY
        if kind in self.levels:
            return self.levels[kind]
        known = [level for seen, level in self.levels.items() if seen != _HOLIDAY] or list(self.levels.values())
        return tuple(sum(places) / len(known) for places in zip(*known, strict=True))


def forecast(history: History, calendar: Holidays, alpha: float) -> Forecast:
    """Smooth the past; `alpha` in (0, 1] is the weight of the newest week. Raises ValueError for another."""
    if not 0 < alpha <= 1:
        raise ValueError("the weight of the newest week is above 0 and at most 1")
    levels: dict[int, tuple[float, ...]] = {}
    for day in sorted(history.counts):
        kind = calendar.kind(day)
        levels[kind] = _smoothed(levels.get(kind), history.counts[day], alpha)
    return Forecast(levels, calendar)


def _smoothed(level: tuple[float, ...] | None, newest: Iterable[int], alpha: float) -> tuple[float, ...]:
    if level is None:
        return tuple(float(count) for count in newest)
    return tuple(alpha * count + (1 - alpha) * before for count, before in zip(newest, level, strict=True))
