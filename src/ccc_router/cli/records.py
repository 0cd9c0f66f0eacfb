"""What was kept: the journal, deliveries not understood, and what a person may have erased."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from ccc_router import bootstrap
from ccc_router.cli.running import BAD_JOURNAL, chosen_settings, read, run, stand_back
from ccc_router.cli.telling import as_line, as_stored
from ccc_router.simulation import replaying

_PLACE: Final = "a position, or a time such as 2026-11-23T08:00:00+07:00"
_First = Annotated[str, typer.Option("--from", help=f"first input: {_PLACE}")]
_Last = Annotated[str, typer.Option("--to", help=f"last input: {_PLACE}; all if left out")]
_Pool = Annotated[str, typer.Option(help="another pool than CCC_POOL")]


def reparse(
    endpoint: Annotated[str, typer.Option(help="only this endpoint's deliveries")] = "",
) -> None:
    """Read deliveries again that were kept because they were not understood."""
    done = run(bootstrap.reparse_all(chosen_settings(), endpoint))
    print(f"understood {done.understood}, still unreadable {done.unreadable}, new facts {done.facts}")


def verify(
    pool: Annotated[str, typer.Option(help="another pool than that of the settings")] = "",
) -> None:
    """Go over the journal's hash chain; status 1 and the place when it does not hold."""
    stand_back()
    chosen = chosen_settings()
    verdict = run(bootstrap.verify_journal(chosen, pool or chosen.pool))
    print(f"the journal of {pool or chosen.pool} holds up to entry {verdict.position}")
    if verdict.fault:
        print(verdict.fault, file=sys.stderr)
        raise typer.Exit(1)


def erase(
    customer: Annotated[str, typer.Option(help="the customer's id, cu_…")],
    by: Annotated[str, typer.Option(help="who has it done, as the journal shall say")],
    reason: Annotated[str, typer.Option(help="why, without naming the person")],
) -> None:
    """Erase a customer's name, handles, addresses and texts for good; the journal keeps its ids, and who did it and why."""
    print(f"erased {run(bootstrap.erase(chosen_settings(), customer, by=by, reason=reason))} messages of {customer}")


def replay(
    first: _First = "1",
    last: _Last = "",
    pool: _Pool = "",
    file: Annotated[Path | None, typer.Option(help="what journal export wrote, instead of the database")] = None,
) -> None:
    """Decide again from the journal's inputs and compare with what was decided, byte for byte. Status 1 and the first difference if any."""
    stand_back()
    window = _window(first, last)
    if file is not None:
        found = read(bootstrap.replay_file(file, window))
    else:
        chosen = chosen_settings()
        found = read(bootstrap.replay_pool(chosen, pool or chosen.pool, window))
    print(replaying.summary(found.counts, found.seconds))
    if found.difference is not None:
        print(replaying.told(found.difference))
        raise typer.Exit(1)
    if not found.counts.inputs:
        print("nothing was decided again: there is no input of this core version in that window", file=sys.stderr)
        raise typer.Exit(BAD_JOURNAL)
    print("bit-equal")


def export(
    file: Annotated[Path, typer.Option(help="where to, such as day.jsonl.gz")],
    first: _First = "1",
    last: _Last = "",
    pool: _Pool = "",
) -> None:
    """Write a part of the journal, entries as stored, for replay elsewhere; whole commits, with the state before them."""
    stand_back()
    chosen = chosen_settings()
    begins, ends = read(bootstrap.export_journal(chosen, pool or chosen.pool, _window(first, last), file))
    print(f"entries {begins} to {ends} are in {file}")


def tail(
    first: Annotated[str, typer.Option("--from", help=f"first entry: {_PLACE}; the last twenty if left out")] = "",
    pool: _Pool = "",
    *,
    stored: Annotated[bool, typer.Option("--json", help="entries as stored, one JSON object a line")] = False,
    once: Annotated[bool, typer.Option("--once", help="stop at the end instead of waiting for more")] = False,
) -> None:
    """Show what is decided as it happens, a line an entry, until Ctrl-C. It holds ids, never a name or text."""
    chosen = chosen_settings()
    line = as_stored if stored else as_line
    begins = _window(first, "").first if first else None
    try:
        work = bootstrap.tail_journal(
            chosen, pool or chosen.pool, begins, lambda entry: print(line(entry), flush=True), once=once
        )
        read(work)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read has seen enough


def _window(first: str, last: str) -> replaying.Window:
    try:
        begins = replaying.bound(first)
        return replaying.Window(begins, replaying.bound(last)) if last else replaying.Window(begins)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


COMMANDS: Final = (reparse, erase, replay)
JOURNAL: Final = (verify, export, tail)
