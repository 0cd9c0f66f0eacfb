"""`python -m tests.mutants`: see the package. Writes a JSON result; exit status 1 when less than ``--goal`` percent are killed."""

import argparse
import json
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutations import Mutant, of_file
from tests.mutants.running import Copy, Coverage, Verdict

ROOT = Path(__file__).parents[2]
ROUTING = "src/ccc_router/routing"
TESTS = ("tests/unit/routing", "tests/unit/phone", "tests/unit/escalations")


def main(arguments: Sequence[str]) -> int:
    """Trace the tests, then try mutants until there are no more or the time is over."""
    options = _options(arguments)
    began = time.monotonic()
    known = equivalent()
    mutants = [one for one in every_mutant(options.only) if one.name not in known]
    random.Random(options.seed).shuffle(mutants)
    with tempfile.TemporaryDirectory(prefix="ccc-mutants-") as folder:
        copies = [Copy(ROOT, Path(folder) / str(number)) for number in range(max(1, options.jobs))]
        coverage = copies[0].trace(options.tests or TESTS)
        traced = time.monotonic()
        print(f"{len(mutants)} mutants, {len(coverage.tests)} tests, traced in {traced - began:.0f} s", flush=True)
        ends = None if options.minutes == 0 else traced + 60 * options.minutes
        tried = list(_try_all(mutants, copies, coverage, ends))
        for copy in copies:
            copy.close()
    return _tell(tried, len(mutants), options)


def every_mutant(only: str = "") -> list[Mutant]:
    """All of `routing/`, or of the files whose name contains ``only``."""
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / ROUTING).rglob("*.py"))
    return [mutant for file in files if only in file for mutant in of_file(ROOT, file)]


def equivalent() -> set[str]:
    """Names of the mutants that are the same program."""
    table = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))
    return {one["mutant"] for one in table.get("same", [])}


def _try_all(
    mutants: Sequence[Mutant], copies: Sequence[Copy], coverage: Coverage, ends: float | None
) -> Iterator[tuple[Mutant, Verdict]]:
    idle: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        idle.put(copy)

    def judge(mutant: Mutant) -> tuple[Mutant, Verdict] | None:
        if ends is not None and time.monotonic() > ends:
            return None
        copy = idle.get()
        try:
            return mutant, copy.judge(mutant, coverage)
        finally:
            idle.put(copy)

    with ThreadPoolExecutor(len(copies)) as threads:
        for done in threads.map(judge, mutants):
            if done is not None:
                if done[1] in (Verdict.SURVIVED, Verdict.NOT_RUN):
                    print(f"{done[0].file}:{done[0].line}: {done[1]}: {done[0].change}", flush=True)
                yield done


def _tell(tried: Sequence[tuple[Mutant, Verdict]], of: int, options: argparse.Namespace) -> int:
    counts = Counter(verdict for _, verdict in tried)
    killed = counts[Verdict.KILLED] + counts[Verdict.TOO_SLOW]
    percent = 100 * killed / len(tried) if tried else 0.0
    document = {
        "seed": options.seed,
        "mutants": of,
        "tried": len(tried),
        "killed_percent": round(percent, 1),
        "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
        "survivors": [
            {"file": mutant.file, "line": mutant.line, "verdict": verdict.value, "mutant": mutant.name}
            for mutant, verdict in tried
            if verdict in (Verdict.SURVIVED, Verdict.NOT_RUN)
        ],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"{killed} of {len(tried)} killed ({percent:.1f} %), {of - len(tried)} not tried; SEED={options.seed}")
    return 0 if tried and percent >= options.goal else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--minutes", type=float, default=0, help="0: all mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--goal", type=float, default=85)
    parser.add_argument("--tests", nargs="*", default=[], help="pytest ids instead of the core's unit tests")
    parser.add_argument("--only", default="", help="a part of the file's name")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "mutants.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
