"""What is tried in virtual time: policies, and how many agents the coming days need."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from ccc_router import bootstrap
from ccc_router.cli.running import BAD_SETTINGS, chosen_settings, run
from ccc_router.kernel.errors import Misconfigured
from ccc_router.simulation import command
from ccc_router.simulation.report.table import lines_of
from ccc_router.simulation.staffing.command import Request
from ccc_router.simulation.staffing.command import staff as staffing


def simulate(
    catalogue: Annotated[Path | None, typer.Option(help="the catalogue to try (JSON); the demo's if left out")] = None,
    against: Annotated[Path | None, typer.Option(help="another one, tried on the same customers")] = None,
    workload: Annotated[Path | None, typer.Option(help="who comes and who works, as JSON lines")] = None,
    synthetic: Annotated[Path | None, typer.Option(help="a description to make customers from (JSON)")] = None,
    hours: Annotated[float, typer.Option(min=0, help="how long; 0 is what the description says")] = 0,
    last_hours: Annotated[float, typer.Option(min=0, help="who came in the last hours of this service's journal")] = 0,
    replications: Annotated[int, typer.Option(min=1, help="runs with other chance each; intervals need two")] = 5,
    seed: Annotated[int, typer.Option(help="other customers for another number")] = 1,
    as_json: Annotated[Path | None, typer.Option("--json", help="write every figure there")] = None,
    report: Annotated[Path | None, typer.Option(help="write a page to look at there (HTML)")] = None,
    keep: Annotated[Path | None, typer.Option(help="write the first run's workload there, for --workload")] = None,
) -> None:
    """Try catalogues on customers in virtual time: nothing is started, nobody is called."""
    if against is not None and catalogue is None:
        raise typer.BadParameter("--against needs --catalogue")
    told = run(bootstrap.record_last(chosen_settings(), last_hours, seed)) if last_hours else None
    asked = command.Asked(
        catalogues=tuple(path for path in (catalogue, against) if path is not None),
        workload=workload,
        synthetic=synthetic,
        hours=hours,
        replications=replications,
        seed=seed,
        json=as_json,
        report=report,
        keep=keep,
        journal=command.Recorded(*told) if told is not None else None,
    )
    began = time.process_time()
    try:
        found = command.simulate(asked)
    except Misconfigured as fault:
        print(fault.message, file=sys.stderr)
        raise typer.Exit(BAD_SETTINGS) from None
    for line in lines_of(found):
        print(line)
    took = time.process_time() - began
    print(
        f"\n{found.virtual_ms / 3_600_000:g} h lived through in {took:.1f} s of processor time: {found.virtual_ms / 1000 / took:.0f} x real time"
    )


def staff(
    history: Annotated[Path, typer.Option(help="arrivals of the past: CSV or .json with at[,contacts]")],
    target: Annotated[str, typer.Option(help="percent/seconds: answered in time of all that arrive")] = "80/20",
    handling_s: Annotated[float, typer.Option(min=1, help="mean handling time, wrap-up in")] = 300,
    patience_s: Annotated[float, typer.Option(min=0, help="mean patience; 0: nobody abandons")] = 0,
    interval_min: Annotated[int, typer.Option(help="15 or 30")] = 30,
    first_day: Annotated[str, typer.Option(help="YYYY-MM-DD; else the day after the history")] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="how many to plan")] = 7,
    shrinkage: Annotated[float, typer.Option(min=0, max=0.95, help="share of the roster that is away")] = 0,
    max_abandoned: Annotated[float, typer.Option(help="share of all that arrive")] = 1,
    max_occupancy: Annotated[float, typer.Option(help="share of an agent's time")] = 1,
    holidays: Annotated[Path | None, typer.Option(help="JSON with holidays, make_up_days, make_up_as")] = None,
    newest_weight: Annotated[float, typer.Option(help="of the newest week, in exponential smoothing")] = 0.3,
    json: Annotated[Path | None, typer.Option(help="write the plan there, too")] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="whose queues and agents are played; else all are alike")
    ] = None,
    replications: Annotated[int, typer.Option(min=1, help="how often a day is played")] = 5,
    seed: Annotated[int, typer.Option(help="other customers for another number")] = 1,
    *,
    play: Annotated[bool, typer.Option("--play", help="play the days instead of calculating")] = False,
) -> None:
    """Print how many agents each interval of the coming days needs, local time of Vietnam."""
    request = Request(
        history, target, handling_s, patience_s, interval_min, first_day, days, shrinkage, max_abandoned, max_occupancy, holidays,
        newest_weight, json, play, catalogue, replications, seed,
    )  # fmt: skip
    try:
        for line in staffing(request):
            print(line)
    except (ValueError, OSError, Misconfigured) as fault:
        print(fault, file=sys.stderr)
        raise typer.Exit(2) from None


COMMANDS: Final = (simulate, staff)
