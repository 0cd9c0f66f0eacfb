"""Record a day of the centre into a journal file, from a seed.

usage: python -m tests.support.record_day FILE-OR-FOLDER [--seed N] [--contacts N] [--hours H] [--copies N]

In a folder the file is named by the core version. Prints how often each input and decision came, and how many inputs and entries there
are. Without options it is the small day of tests/fixtures/journal (docs/adr/0028).
"""

import argparse
import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from ccc_router.events.journal import Link
from ccc_router.routing import CORE_VERSION
from ccc_router.simulation.replaying import EVERYTHING, write_file
from tests.support.day import open_day


def record(path: Path, *, seed: int, contacts: int, hours: float, copies: int) -> dict[str, int]:
    """Write the day; how often each decision was made, and how many ``inputs`` and ``entries`` there are."""
    gc.disable()  # nearly nothing here is a cycle, and a day is over before memory is
    centre = open_day(seed, contacts=contacts, hours=hours, copies=copies)
    _, last = asyncio.run(write_file(path, "main", _one_by_one(centre.run(hours)), EVERYTHING))
    return {**centre.counts, "entries": last}


async def _one_by_one(links: Iterable[Link]) -> AsyncIterator[Link]:
    for link in links:
        yield link


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.record_day")
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contacts", type=int, default=20)
    parser.add_argument("--hours", type=float, default=0.3)
    parser.add_argument("--copies", type=int, default=1, help="how many of each agent of the demo catalogue")
    chosen = parser.parse_args()
    file = chosen.file / f"core-{CORE_VERSION}.jsonl.gz" if chosen.file.is_dir() else chosen.file
    counts = record(file, seed=chosen.seed, contacts=chosen.contacts, hours=chosen.hours, copies=chosen.copies)
    print(json.dumps(counts, sort_keys=True))  # noqa: T201 - its only output


if __name__ == "__main__":
    main()
