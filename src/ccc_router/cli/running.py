"""How every command begins and ends: its settings, its event loop, and one line instead of a traceback."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer
import uvloop

from ccc_router import settings
from ccc_router.events.journal import BrokenChain
from ccc_router.kernel import log, tracing
from ccc_router.kernel.errors import CccError, Misconfigured
from ccc_router.queues.store.loading import Unreadable
from ccc_router.simulation import replaying

_T = TypeVar("_T")
BAD_SETTINGS: Final = 78
"""EX_CONFIG of sysexits.h."""
BAD_JOURNAL: Final = 65
"""EX_DATAERR."""
NICE: Final = 10
"""Beside a process that wants the same core it gets a tenth of it; at 19 it would hold its snapshots for too long."""


def chosen_settings() -> settings.Settings:
    try:
        chosen = settings.load()
    except settings.SettingsFault as fault:
        for line in fault.faults:
            print(line, file=sys.stderr)
        raise typer.Exit(BAD_SETTINGS) from None
    log.configure(chosen.log_level)
    _trace(chosen)
    return chosen


def _trace(chosen: settings.Settings) -> None:
    if not chosen.otlp_endpoint:
        return
    try:
        from ccc_router.workers import telemetry
    except ImportError:
        print("CCC_OTLP_ENDPOINT: traces need the packages of the extra otel: ccc-router[otel]", file=sys.stderr)
        raise typer.Exit(BAD_SETTINGS) from None
    about = {
        "service.name": "ccc-router",
        "ccc.command": " ".join(sys.argv[1:2]),
        "ccc.pool": chosen.pool,
    }
    tracing.install(telemetry.to_collector(chosen.otlp_endpoint, chosen.otlp_share, about))


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work` on uvloop; a wrong setting, or what is refused, ends with one line and no traceback."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except Misconfigured as fault:
        print(fault.message, file=sys.stderr)
        raise typer.Exit(BAD_SETTINGS) from None
    except CccError as refused:
        print(f"{refused.code}: {refused.message}", file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        tracing.close()


def stand_back() -> None:
    """For what takes a core for minutes and nobody waits for: whatever else the machine does, a service above all, comes first."""
    os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))


def read(work: Coroutine[Any, Any, _T]) -> _T:
    """Like `run`, for reading a journal: one that is not what was written ends with one line."""
    try:
        return run(work)
    except BrokenPipeError:  # whoever read what we print has gone: no fault of the journal
        raise
    except (BrokenChain, Unreadable, replaying.BadFile, OSError) as fault:
        print(f"{type(fault).__name__}: {fault}", file=sys.stderr)
        raise typer.Exit(BAD_JOURNAL) from None
