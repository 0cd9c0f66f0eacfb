"""The command line: ccc-router up | demo | token | migrate | reparse | replay | simulate | staff | journal | erase | check-config."""

import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
import uvloop

from ccc_router import bootstrap, settings
from ccc_router.demo.play import Options
from ccc_router.events.journal import BrokenChain
from ccc_router.events.vocabulary import Role
from ccc_router.kernel import log
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import CccError, Misconfigured
from ccc_router.queues.store.loading import Unreadable
from ccc_router.simulation import command, replaying
from ccc_router.simulation.report.table import lines_of
from ccc_router.simulation.staffing.command import Request
from ccc_router.simulation.staffing.command import staff as staffing

_T = TypeVar("_T")
_BAD_SETTINGS: Final = 78  # EX_CONFIG of sysexits.h
_BAD_JOURNAL: Final = 65  # EX_DATAERR

app = typer.Typer(
    name="ccc-router",
    help="Omnichannel contact routing that can explain every decision. Settings are CCC_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
journal = typer.Typer(name="journal", help="The record of everything that happened.", no_args_is_help=True)
app.add_typer(journal)

_PLACE: Final = "a position, or a time such as 2026-11-23T08:00:00+07:00"
_First = Annotated[str, typer.Option("--from", help=f"first input: {_PLACE}")]
_Last = Annotated[str, typer.Option("--to", help=f"last input: {_PLACE}; all if left out")]
_Pool = Annotated[str, typer.Option(help="another pool than CCC_POOL")]


@app.command()
def up() -> None:
    """Run everything in one process: channels, engine, agents' and departments' REST, deliveries."""
    _run(bootstrap.run(_settings()))


@app.command()
def demo(
    speed: Annotated[float, typer.Option(min=0.1, max=50, help="how busy: 1 is what the agents just manage")] = 1.0,
    seconds: Annotated[float, typer.Option(min=0, help="stop after so long; 0 is until Ctrl-C")] = 0,
    seed: Annotated[int, typer.Option(help="another town for another number")] = 1,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="lines instead of a screen")] = False,
) -> None:
    """Run everything with simulated customers, agents and departments around it, and show how it goes."""
    chosen = _settings()
    options = Options(speed=speed, seconds=seconds, seed=seed, plain=plain or not sys.stdout.isatty())
    if options.plain:
        _run(bootstrap.demo(chosen, options, sys.stdout))
        return
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    with (chosen.data_dir / "demo.log").open("a", encoding="utf-8") as lines:  # the screen is taken
        log.configure(chosen.log_level, stream=lines)
        _run(bootstrap.demo(chosen, options, sys.stdout))


@app.command()
def token(
    role: Annotated[Role, typer.Option(help="agent, supervisor, admin, department or channel")],
    subject: Annotated[str, typer.Option(help="the agent's, department's or endpoint's id in the catalogue")],
    hours: Annotated[int, typer.Option(min=1, max=24 * 366, help="how long it is good for")] = 12,
) -> None:
    """Print a bearer token signed with the service's own key."""
    print(bootstrap.tokens(_settings(), SystemClock()).issue(role, subject, lifetime_s=3600 * hours))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    print(f"schema at {_run(bootstrap.migrate_only(_settings()))}")


@app.command()
def reparse(
    endpoint: Annotated[str, typer.Option(help="only this endpoint's deliveries")] = "",
) -> None:
    """Read deliveries again that were kept because they were not understood."""
    done = _run(bootstrap.reparse_all(_settings(), endpoint))
    print(f"understood {done.understood}, still unreadable {done.unreadable}, new facts {done.facts}")


@journal.command()
def verify(
    pool: Annotated[str, typer.Option(help="another pool than that of the settings")] = "",
) -> None:
    """Go over the journal's hash chain; status 1 and the place when it does not hold."""
    chosen = _settings()
    verdict = _run(bootstrap.verify_journal(chosen, pool or chosen.pool))
    print(f"the journal of {pool or chosen.pool} holds up to entry {verdict.position}")
    if verdict.fault:
        print(verdict.fault, file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def erase(
    customer: Annotated[str, typer.Option(help="the customer's id, cu_…")],
    by: Annotated[str, typer.Option(help="who has it done, as the journal shall say")],
    reason: Annotated[str, typer.Option(help="why, without naming the person")],
) -> None:
    """Erase a customer's name, handles, addresses and texts for good; the journal keeps its ids, and who did it and why."""
    print(f"erased {_run(bootstrap.erase(_settings(), customer, by=by, reason=reason))} messages of {customer}")


@app.command()
def replay(
    first: _First = "1",
    last: _Last = "",
    pool: _Pool = "",
    file: Annotated[Path | None, typer.Option(help="what journal export wrote, instead of the database")] = None,
) -> None:
    """Decide again from the journal's inputs and compare with what was decided, byte for byte. Status 1 and the first difference if any."""
    window = _window(first, last)
    if file is not None:
        found = _read(bootstrap.replay_file(file, window))
    else:
        chosen = _settings()
        found = _read(bootstrap.replay_pool(chosen, pool or chosen.pool, window))
    print(replaying.summary(found.counts, found.seconds))
    if found.difference is not None:
        print(replaying.told(found.difference))
        raise typer.Exit(1)
    if not found.counts.inputs:
        print("nothing was decided again: there is no input of this core version in that window", file=sys.stderr)
        raise typer.Exit(_BAD_JOURNAL)
    print("bit-equal")


@journal.command()
def export(
    file: Annotated[Path, typer.Option(help="where to, such as day.jsonl.gz")],
    first: _First = "1",
    last: _Last = "",
    pool: _Pool = "",
) -> None:
    """Write a part of the journal, entries as stored, for replay elsewhere; whole commits, with the state before them."""
    chosen = _settings()
    begins, ends = _read(bootstrap.export_journal(chosen, pool or chosen.pool, _window(first, last), file))
    print(f"entries {begins} to {ends} are in {file}")


def _window(first: str, last: str) -> replaying.Window:
    try:
        begins = replaying.bound(first)
        return replaying.Window(begins, replaying.bound(last)) if last else replaying.Window(begins)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
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
    told = _run(bootstrap.record_last(_settings(), last_hours, seed)) if last_hours else None
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
        raise typer.Exit(_BAD_SETTINGS) from None
    for line in lines_of(found):
        print(line)
    took = time.process_time() - began
    print(
        f"\n{found.virtual_ms / 3_600_000:g} h lived through in {took:.1f} s of processor time: {found.virtual_ms / 1000 / took:.0f} x real time"
    )


@app.command()
def check_config() -> None:
    """Tell every fault of the settings, naming the variable; nothing is started."""
    chosen = _settings()
    for name in settings.Settings.model_fields:
        if settings.PREFIX + name.upper() in os.environ:
            print(f"{settings.PREFIX}{name.upper()} is set")
    where = "CCC_DATABASE_URL" if chosen.database_url is not None else f"embedded in {chosen.data_dir}"
    print(f"ok: port {chosen.port}, database {where}")


@app.command()
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


def _settings() -> settings.Settings:
    try:
        chosen = settings.load()
    except settings.SettingsFault as fault:
        for line in fault.faults:
            print(line, file=sys.stderr)
        raise typer.Exit(_BAD_SETTINGS) from None
    log.configure(chosen.log_level)
    return chosen


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work` on uvloop; a wrong setting, or what is refused, ends with one line and no traceback."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except Misconfigured as fault:
        print(fault.message, file=sys.stderr)
        raise typer.Exit(_BAD_SETTINGS) from None
    except CccError as refused:
        print(f"{refused.code}: {refused.message}", file=sys.stderr)
        raise typer.Exit(1) from None


def _read(work: Coroutine[Any, Any, _T]) -> _T:
    """Like `_run`, for reading a journal: one that is not what was written ends with one line."""
    try:
        return _run(work)
    except (BrokenChain, Unreadable, replaying.BadFile, OSError) as fault:
        print(f"{type(fault).__name__}: {fault}", file=sys.stderr)
        raise typer.Exit(_BAD_JOURNAL) from None


def main() -> None:
    """Where the console script begins."""
    app()
