"""`python -m tests.mutants`: see the package. Writes a JSON result; exit status 1 when less than ``--goal`` percent are killed."""

import argparse
import json
import math
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutations import Mutant, of_file
from tests.mutants.running import GOLDEN, Coverage, Verdict, Worker, traced

ROOT = Path(__file__).parents[2]
ROUTING = "src/ccc_router/routing"
TESTS = ("tests/unit/routing", "tests/unit/phone", "tests/unit/escalations", "tests/unit/test_documents.py", GOLDEN)
_ALIVE = (Verdict.SURVIVED, Verdict.NOT_RUN)


def main(arguments: Sequence[str]) -> int:
    """Trace the tests, then try mutants until there are no more or the time is over."""
    options = _options(arguments)
    began = time.monotonic()
    mutants = chosen(options)
    workers = [Worker(ROOT, options.tests or TESTS) for _ in range(max(1, options.jobs))]
    try:
        coverage = traced(ROOT, options.tests or TESTS, options.longest, workers[0].trace)
        ready = time.monotonic()
        seconds = sum(coverage.seconds.values())
        print(
            f"{len(mutants)} mutants, {len(coverage.tests)} tests of {seconds:.0f} s; {ready - began:.0f} s to begin",
            flush=True,
        )
        ends = None if options.minutes == 0 else ready + 60 * options.minutes
        tried = list(_try_all(mutants, workers, coverage, ends))
    finally:
        for worker in workers:
            worker.close()
    return _tell(tried, len(mutants), options)


def every_mutant(only: str = "") -> list[Mutant]:
    """All of `routing/`, or of the files whose name contains ``only``."""
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / ROUTING).rglob("*.py"))
    return [mutant for file in files if only in file for mutant in of_file(ROOT, file)]


def chosen(options: argparse.Namespace) -> list[Mutant]:
    """Those to try, in the order drawn by the seed."""
    known = equivalent()
    mutants = [one for one in every_mutant(options.only) if one.name not in known]
    if options.again is not None:
        survivors = {one["mutant"] for one in json.loads(options.again.read_text(encoding="utf-8"))["survivors"]}
        mutants = [one for one in mutants if one.name in survivors]
    random.Random(options.seed).shuffle(mutants)
    return mutants[: options.count or None]


def equivalent() -> set[str]:
    """Names of the mutants that are the same program."""
    table = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))
    return {one["mutant"] for one in table.get("same", [])}


def _try_all(
    mutants: Sequence[Mutant], workers: Sequence[Worker], coverage: Coverage, ends: float | None
) -> Iterator[tuple[Mutant, Verdict]]:
    idle: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def judge(mutant: Mutant) -> tuple[Mutant, Verdict] | None:
        if ends is not None and time.monotonic() > ends:
            return None
        worker = idle.get()
        try:
            return mutant, worker.judge(mutant, coverage)
        finally:
            idle.put(worker)

    with ThreadPoolExecutor(len(workers)) as threads:
        for number, future in enumerate(as_completed([threads.submit(judge, mutant) for mutant in mutants]), 1):
            done = future.result()
            if number % 100 == 0:
                print(f"{number} tried", flush=True)
            if done is not None:
                if done[1] in _ALIVE:
                    print(f"{done[0].file}:{done[0].line}: {done[1]}: {done[0].change}", flush=True)
                yield done


def interval(killed: int, tried: int) -> tuple[float, float]:
    """The percentages between which the share of all lies, by a sample of it, with 95 % certainty (Wilson)."""
    if not tried:
        return 0.0, 100.0
    z, share = 1.96, killed / tried
    middle = share + z * z / (2 * tried)
    reach = z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    scale = 100 / (1 + z * z / tried)
    return scale * (middle - reach), scale * (middle + reach)


def _tell(tried: Sequence[tuple[Mutant, Verdict]], of: int, options: argparse.Namespace) -> int:
    counts = Counter(verdict for _, verdict in tried)
    alive = [(mutant, verdict) for mutant, verdict in tried if verdict in _ALIVE]
    killed = len(tried) - len(alive)
    percent = 100 * killed / len(tried) if tried else 0.0
    low, high = interval(killed, len(tried))
    by_file = Counter(mutant.file for mutant, _ in tried)
    alive_by_file = Counter(mutant.file for mutant, _ in alive)
    document = {
        "seed": options.seed,
        "mutants": of,
        "tried": len(tried),
        "killed_percent": round(percent, 1),
        "interval_95": [round(low, 1), round(high, 1)],
        "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
        "files": {file: {"tried": count, "alive": alive_by_file[file]} for file, count in sorted(by_file.items())},
        "survivors": [
            {"file": mutant.file, "line": mutant.line, "verdict": verdict.value, "mutant": mutant.name}
            for mutant, verdict in sorted(alive, key=lambda one: (one[0].file, one[0].line))
        ],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(
        f"{killed} of {len(tried)} killed ({percent:.1f} %; of all between {low:.1f} and {high:.1f} with 95 % certainty), "
        f"{counts[Verdict.RECORDED]} of them by the golden journal alone, {of - len(tried)} not tried; SEED={options.seed}"
    )
    return 0 if tried and percent >= options.goal else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--minutes", type=float, default=0, help="0: all mutants")
    parser.add_argument("--count", type=int, default=0, help="so many, drawn by the seed; 0: all mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--goal", type=float, default=85)
    parser.add_argument("--tests", nargs="*", default=[], help="pytest ids instead of the core's unit tests")
    parser.add_argument("--longest", type=float, default=math.inf, help="leave out tests that take longer, in seconds")
    parser.add_argument("--only", default="", help="a part of the file's name")
    parser.add_argument("--again", type=Path, help="only the survivors of an earlier result")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "mutants.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
