"""The command line: ccc-router up | migrate | check-config."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer
import uvloop

from ccc_router import bootstrap, settings
from ccc_router.kernel import log
from ccc_router.kernel.errors import Misconfigured

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
def migrate() -> None:
    """Bring the database's schema up to date."""
    print(f"schema at {_run(bootstrap.migrate_only(_settings()))}")


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
