"""`ccc-router staff`: from a file of arrivals to the table of agents; no clock, no database."""

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccc_router.simulation.command import read_catalogue
from ccc_router.simulation.staffing import history, plan
from ccc_router.simulation.staffing.forecast import forecast
from ccc_router.simulation.staffing.played import Setting, all_alike
from ccc_router.simulation.staffing.required import Target


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line says. ``patience_s`` 0 means that nobody abandons; ``first_day`` empty: the day after the history.

    ``play``: by playing the days, with the queues and agents of ``catalogue`` (without one all agents are alike).
    """

    history: Path
    target: str
    handling_s: float
    patience_s: float = 0.0
    interval_min: int = 30
    first_day: str = ""
    days: int = 7
    shrinkage: float = 0.0
    abandons_at_most: float = 1.0
    occupancy_at_most: float = 1.0
    holidays: Path | None = None
    newest_weight: float = 0.3
    json: Path | None = None
    play: bool = False
    catalogue: Path | None = None
    replications: int = 5
    seed: int = 1


def staff(request: Request) -> Iterator[str]:
    """The lines to print; writes `request.json` if it is given. Raises ValueError, whose message names what is wrong."""
    target = Target.parse(
        request.target, abandons_at_most=request.abandons_at_most, occupancy_at_most=request.occupancy_at_most
    )
    past = history.read(request.history, request.interval_min)
    expected = forecast(past, plan.holidays_from(request.holidays), request.newest_weight)
    work = plan.Work(request.handling_s, request.patience_s or math.inf, request.shrinkage)
    first = (
        datetime.date.fromisoformat(request.first_day)
        if request.first_day
        else max(past.counts) + datetime.timedelta(days=1)
    )
    days = [first + datetime.timedelta(days=ahead) for ahead in range(request.days)]
    rows = plan.plan(expected, days, request.interval_min, work, _staffing(request, work, target))
    if request.json is not None:
        request.json.write_text(plan.document(rows, target, work), encoding="utf-8")
    yield from plan.table(rows)


def _staffing(request: Request, work: plan.Work, target: Target) -> plan.Staffing:
    if not request.play:
        if request.catalogue is not None:
            raise ValueError("the formulas know no catalogue: play the days with it")
        return plan.formulas(request.interval_min, work, target)
    catalogue = all_alike() if request.catalogue is None else read_catalogue(request.catalogue)
    setting = Setting(
        catalogue, request.interval_min, work.handling_s, work.patience_s, request.replications, request.seed
    )
    return plan.played(setting, target)
