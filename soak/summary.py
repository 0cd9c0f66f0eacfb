"""`python -m soak.summary`: puts the summary of `build/soak.json` and `build/takeover.json` into docs/reliability.md, between its marks."""

import json
import sys
from pathlib import Path
from typing import Any, Final

_DOCUMENT: Final = Path("docs/reliability.md")
_RUN: Final = Path("build/soak.json")
_TAKEOVER: Final = Path("build/takeover.json")


def run_table(told: dict[str, Any]) -> str:
    """The run of the soak as a table."""
    commands, seconds = told["commands_ms"], told["seconds"]
    rows = [
        ("seed, minutes", f"{told['seed']}, {told['minutes']:g}"),
        ("processes; Kafka", f"{', '.join(f'{count} {role}' for role, count in told['processes'].items())}; {told['kafka']}"),
        ("acknowledged facts and commands", f"{told['acknowledged']:,} ({told['acknowledged_per_s']:g} a second)"),
        ("lost / doubled / double offers / invariants broken", " / ".join(str(told[name]) for name in _ZERO)),
        ("kill -9 (of them all faults)", f"{told['kills']} ({sum(told['faults'].values())}: {_counted(told['faults'])})"),
        ("take-overs: how many, median, longest", _windows(told["takeovers_s"])),
        ("PostgreSQL away: how often, median, longest", _windows(told["outages_s"])),
        ("commands outside these windows, p50 / p99", _command(commands["outside_windows"])),
        ("commands that touch one, p50 / p99", _command(commands["within_windows"])),
        ("journal entries checked; time and memory of it", f"{told['entries']:,}; {seconds['check']:g} s, {told['memory_mb']} MB"),
        ("draining; the slowest stop of a process", f"{seconds['drain']:g} s; {seconds['stop']:g} s"),
    ]  # fmt: skip
    return _table(rows)


def takeover_table(told: dict[str, Any]) -> str:
    """The measurement of take-overs as a table."""
    calm, harmed = told["undisturbed"], told["disturbed"]
    rows = [
        ("contacts a second, commands (undisturbed; disturbed)", f"{told['contacts_per_s']:g}; {calm['count']}, {harmed['count']}"),
        ("commands undisturbed, p50 / p99", _command(calm)),
        ("commands outside the windows, p50 / p99", _command(harmed)),
        ("ratio of both p99 (≤ 1.2)", f"{told['ratio']:.2f}"),
        ("take-overs: how many, median, longest (≤ 5 s)", _windows(told["takeovers_s"])),
    ]  # fmt: skip
    return _table(rows)


_ZERO: Final = ("lost", "doubled", "double_offers", "invariant_violations")


def filled(document: str, mark: str, table: str) -> str:
    """The document with the table between the marks of this name. Raises ValueError where there are none."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"there is no place for {mark}")
    return f"{before}{begin}\n{table}\n{end}{after}"


def main() -> int:
    """Fill in what there is."""
    document = _DOCUMENT.read_text(encoding="utf-8")
    for mark, path, table in (("soak", _RUN, run_table), ("takeover", _TAKEOVER, takeover_table)):
        if path.exists():
            document = filled(document, mark, table(json.loads(path.read_text(encoding="utf-8"))))
    _DOCUMENT.write_text(document, encoding="utf-8")
    return 0


def _counted(faults: dict[str, int]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in faults.items())


def _windows(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{len(ordered)}, {ordered[len(ordered) // 2]:g} s, {ordered[-1]:g} s" if ordered else "none"


def _command(told: dict[str, float]) -> str:
    return f"{told['p50']:g} / {told['p99']:g} ms of {told['count']:,}" if told["count"] else "none"


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| what | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)])


if __name__ == "__main__":
    sys.exit(main())
