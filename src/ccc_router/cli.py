"""The command line: ccc-router up | demo | token | migrate | reparse | simulate | check-config."""

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
from ccc_router.events.vocabulary import Role
from ccc_router.kernel import log
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.simulation import command
from ccc_router.simulation.report.table import lines_of

_T = TypeVar("_T")
_BAD_SETTINGS: Final = 78  # EX_CONFIG of sysexits.h

app = typer.Typer(
    name="ccc-router",
    help="Omnichannel contact routing that can explain every decision. Settings are CCC_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
    """Run `work` on uvloop; a wrong setting ends with one line and no traceback."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except Misconfigured as fault:
        print(fault.message, file=sys.stderr)
        raise typer.Exit(_BAD_SETTINGS) from None


def main() -> None:
    """Where the console script begins."""
    app()
