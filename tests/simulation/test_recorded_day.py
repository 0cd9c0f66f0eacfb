"""I13: a whole recorded day is decided again, byte for byte, and a core that decides otherwise is found out at the first entry."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from ccc_router.queues.store.loading import Rebuilding
from ccc_router.routing import CORE_VERSION
from ccc_router.routing.applying import APPLIERS
from ccc_router.routing.step import _HANDLERS
from ccc_router.simulation.replaying import open_file, state_of
from tests.conftest import SEED
from tests.support.tree import ROOT

GOLDEN = ROOT / "tests" / "fixtures" / "journal"
CURRENT = GOLDEN / f"core-{CORE_VERSION}.jsonl.gz"
NOT_OF_A_DAY = {
    "ContactAged", "InvariantViolated",  # the catalogue has no profile with a delay, the core no fault
    "ContactTaken", "ContactHandedOver", "FactForwarded",  # one pool
}  # fmt: skip
_EVERY_KIND = 3
"""A short day draws every kind of decision with this seed; not with each."""


class Ran(NamedTuple):
    """What a process said."""

    status: int
    out: str
    err: str


async def run(module: str, *arguments: str, hash_seed: int = 0, source: Path = ROOT / "src") -> Ran:
    """Run a module in a process with a hash seed of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"},
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def replay(file: Path, *more: str, hash_seed: int = 0, source: Path = ROOT / "src") -> Ran:
    """``ccc-router replay --file``."""
    return await run("ccc_router", "replay", "--file", str(file), *more, hash_seed=hash_seed, source=source)


def never_reached(counts: dict[str, int]) -> set[str]:
    """The inputs and decisions that a day does without."""
    kinds: Sequence[type] = [*APPLIERS, *_HANDLERS]
    return {kind.__name__ for kind in kinds} - counts.keys()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("contacts", "seed"), [(6_000, _EVERY_KIND), pytest.param(20_000, SEED, marks=pytest.mark.soak)]
)
async def test_i13_a_day_is_decided_again_bit_equal(tmp_path: Path, contacts: int, seed: int) -> None:
    """Every kind of input and decision, three catalogues, two take-overs: under two hash seeds, neither that of the recording; whole,
    and its evening alone, on top of a state that was made by applying."""
    file = tmp_path / "day.jsonl.gz"
    recorded = await run(
        "tests.support.record_day", str(file), "--seed", str(seed), "--contacts", str(19 * contacts // 20), "--hours", "24", "--copies", "4",
        hash_seed=1,
    )  # fmt: skip
    assert recorded.status == 0, recorded.err
    counts = json.loads(recorded.out)
    assert counts["ContactOpened"] >= contacts
    assert never_reached(counts) == NOT_OF_A_DAY
    evening_begins = 7 * counts["entries"] // 10
    whole, evening = await asyncio.gather(
        replay(file, hash_seed=2), replay(file, "--from", str(evening_begins), hash_seed=3)
    )
    for ran in (whole, evening):
        assert (ran.status, ran.err) == (0, ""), ran.out
        assert ran.out.endswith("bit-equal\n")
    assert f"{counts['entries'] - 1} entries compared, {counts['inputs']} inputs decided again" in whole.out
    assert "1 parked" in whole.out
    compared, applied = (int(number) for number in re.findall(r"(\d+) entries (?:compared|applied)", evening.out))
    assert compared + applied == counts["entries"]
    assert (
        0 <= counts["entries"] + 1 - evening_begins - compared < 1_000
    )  # what followed from an input before it is applied


async def test_i13_the_golden_journal_is_decided_again_bit_equal() -> None:
    """Red after a change of what the core decides: then raise CORE_VERSION and run `make golden` (docs/adr/0028)."""
    for seed in (1, 2):
        ran = await replay(CURRENT, hash_seed=seed)
        assert (ran.status, ran.err) == (0, ""), ran.out
        assert ran.out.endswith("bit-equal\n")


@pytest.mark.parametrize("file", [pytest.param(one, id=one.name) for one in sorted(GOLDEN.glob("*.gz"))])
async def test_i13_golden_journals_of_every_core_version_can_be_applied(file: Path) -> None:
    """A pool outlives the program: what an older core decided can still be applied by this one."""
    header, links = open_file(file)
    rebuilding = Rebuilding(state_of(header))
    last = 0
    async for link in links:
        for entry in link.entries:
            rebuilding.take(entry)
            assert f"core-{entry.core_version}." in file.name
            last = entry.position
    assert rebuilding.state.position == last > 500
    assert rebuilding.state.book.version == 3


async def test_i13_one_changed_line_of_the_core_is_named_by_its_first_entry(tmp_path: Path) -> None:
    """The line counts an offer's attempts, so the first entry that differs must be the journal's first offer."""
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    changed = source / "ccc_router" / "routing" / "deciding" / "offers.py"
    whole = changed.read_text(encoding="utf-8")
    assert whole.count("attempt=contact.attempt + 1,") == 1
    changed.write_text(whole.replace("attempt=contact.attempt + 1,", "attempt=contact.attempt + 2,"), encoding="utf-8")
    _, links = open_file(CURRENT)
    entries = [entry async for link in links for entry in link.entries]
    first = next(entry for entry in entries if entry.kind == "OfferMade")
    given = entries[first.cause - 1]
    ran = await replay(CURRENT, source=source)
    assert ran.status == 1
    _, where, what, recorded, decided = ran.out.splitlines()
    assert where == f"first difference at position {first.position}"
    assert what.split(maxsplit=3) == ["input", str(given.position), given.kind, given.body.decode()]
    assert recorded.startswith(f"recorded  OfferMade {first.body.decode()}")
    expected = first.body.replace(b'"attempt":1', b'"attempt":2').decode()
    assert expected != first.body.decode()
    assert decided.startswith(f"decided   OfferMade {expected}")
