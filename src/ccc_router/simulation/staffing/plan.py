"""The plan `ccc-router staff` prints: for each interval of the coming days, contacts, agents, and what they will reach."""

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ccc_router.simulation.bounds.erlang import Demand
from ccc_router.simulation.staffing.forecast import Forecast, Holidays
from ccc_router.simulation.staffing.history import LOCAL, UnreadableHistory
from ccc_router.simulation.staffing.played import Day, Setting
from ccc_router.simulation.staffing.required import Reached, Target, by_formula, by_playing, rostered, steady

_HEADINGS = ("starts", "contacts", "erlangs", "agents", "roster", "in time %", "abandon %", "wait s", "busy %")


@dataclass(frozen=True, slots=True)
class Work:
    """What an interval's contacts are like: mean handling, mean patience (``math.inf``: nobody abandons), and who is away."""

    handling_s: float
    patience_s: float
    shrinkage: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One interval. ``starts_at`` is local with its offset, shares are in [0, 1]."""

    starts_at: str
    contacts: float
    erlangs: float
    agents: int
    rostered: int
    service_level: float
    abandoned: float
    mean_wait_s: float
    occupancy: float


class Staffed(NamedTuple):
    """An interval's agents and what they will reach."""

    agents: int
    reached: Reached


Staffing = Callable[[Sequence[float]], list[Staffed]]
"""Agents for a day, from the contacts expected in each of its intervals."""

_NOBODY: Final = Staffed(0, Reached(1.0, 0.0, 0.0, 0.0))


def formulas(interval_min: int, work: Work, target: Target) -> Staffing:
    """Each interval by itself, in its steady state ("SIPP": Green, Kolesar 1991), all agents alike."""

    def staffed(contacts: float) -> Staffed:
        if contacts <= 0:
            return _NOBODY
        demand = Demand(contacts / (60 * interval_min), work.handling_s, work.patience_s)
        agents = by_formula(demand, target)
        return Staffed(agents, steady(agents, demand, target))

    return lambda day: [staffed(contacts) for contacts in day]


def played(setting: Setting, target: Target) -> Staffing:
    """By playing the day, from where the formulas leave off."""
    work = Work(setting.handling_s, setting.patience_s)
    guess = formulas(setting.interval_min, work, target)

    def staffed(contacts: Sequence[float]) -> list[Staffed]:
        day = Day(setting, contacts)
        near = [one.agents for one in guess(contacts)]
        found = by_playing(lambda agents: day.reached(agents, target.threshold_s), target, near)
        return [Staffed(*one) for one in zip(*found, strict=True)]

    return staffed


def plan(
    expected: Forecast, days: Sequence[datetime.date], interval_min: int, work: Work, staffing: Staffing
) -> list[Row]:
    """One row per interval of `days`, in order. Days that expect the same are staffed alike; an interval that expects nothing needs nobody."""
    known: dict[tuple[float, ...], list[Staffed]] = {}
    found = []
    for day in days:
        contacts = expected.of(day)
        staffed = known[contacts] if contacts in known else known.setdefault(contacts, staffing(contacts))
        for place, (expects, one) in enumerate(zip(contacts, staffed, strict=True)):
            found.append(_row(day, place * interval_min, expects, interval_min, work, one))
    return found


def _row(day: datetime.date, minute: int, contacts: float, interval_min: int, work: Work, staffed: Staffed) -> Row:
    begins = datetime.datetime.combine(day, datetime.time(minute // 60, minute % 60), LOCAL)
    agents, reached = staffed
    return Row(
        begins.isoformat(timespec="minutes"),
        round(contacts, 2),
        round(contacts * work.handling_s / (60 * interval_min), 3),
        agents,
        rostered(agents, work.shrinkage),
        round(reached.service_level, 4),
        round(reached.abandons, 4),
        round(reached.mean_wait_s, 2),
        round(reached.occupancy, 4),
    )


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines for a person; intervals without contacts are left out, the sum of each day is added."""
    yield "{:<16} {:>8} {:>8} {:>7} {:>7} {:>10} {:>10} {:>7} {:>7}".format(*_HEADINGS)
    day = ""
    for row in rows:
        if row.starts_at[:10] != day:
            day = row.starts_at[:10]
            yield _day(day, [one for one in rows if one.starts_at.startswith(day)])
        if row.agents:
            yield (
                f"{row.starts_at[:16].replace('T', ' '):<16} {row.contacts:>8.1f} {row.erlangs:>8.2f} {row.agents:>7} {row.rostered:>7}"
                f" {100 * row.service_level:>10.1f} {100 * row.abandoned:>10.1f} {row.mean_wait_s:>7.1f} {100 * row.occupancy:>7.1f}"
            )


def _day(day: str, rows: Sequence[Row]) -> str:
    contacts, peak = sum(row.contacts for row in rows), max(row.agents for row in rows)
    return f"{day}: {contacts:.0f} contacts, at most {peak} agents at once"


def document(rows: Sequence[Row], target: Target, work: Work) -> str:
    """The same as JSON; a patience without end is null."""
    patience = None if work.patience_s == float("inf") else work.patience_s
    whole = {
        "target": asdict(target),
        "work": asdict(work) | {"patience_s": patience},
        "intervals": [asdict(row) for row in rows],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def holidays_from(path: Path | None) -> Holidays:
    """``{"holidays": [...], "make_up_days": [...], "make_up_as": 0}``, the fields of a catalogue's calendar; no file: no holidays.

    Raises UnreadableHistory.
    """
    if path is None:
        return Holidays()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        days = {
            name: frozenset(map(datetime.date.fromisoformat, found.get(name, ())))
            for name in ("holidays", "make_up_days")
        }
        return Holidays(days["holidays"], days["make_up_days"], int(found.get("make_up_as", 0)))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableHistory(f"{path.name}: {error}") from error
