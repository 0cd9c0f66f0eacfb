"""The processes that try mutants, and which tests are worth running for which."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from tests.mutants.mutations import Mutant
from tests.mutants.serving import Answer, Asked

_LEAST_S = 2
_QUICK_S = 1
_SEED = "1"
GOLDEN = "tests/unit/simulation/test_golden.py"


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TOO_SLOW = "too_slow"
    """It ran far longer than its tests do: somebody waiting would notice."""
    RECORDED = "recorded"
    """Only the golden journal noticed: that a decision changed, but not which promise it breaks."""
    SURVIVED = "survived"
    NOT_RUN = "not_run"
    """No test executes it."""


class Coverage:
    """Which tests execute which lines."""

    def __init__(self, tests: dict[str, dict[str, Any]]) -> None:
        """``tests``: by id, as `serving` wrote it."""
        self.tests = tests
        self.seconds: dict[str, float] = {}
        self.kills: Counter[str] = Counter()
        self._by_line: dict[tuple[str, int], set[str]] = {}
        for test, seen in tests.items():
            self.seconds[test] = float(seen["seconds"])
            for file, numbers in seen["lines"].items():
                for number in numbers:
                    self._by_line.setdefault((file, number), set()).add(test)

    def of(self, mutant: Mutant) -> list[str]:
        """The tests worth running, quickest and deadliest first, the golden journal last; all quick ones for what only loading executes."""
        if mutant.once:
            found = {test for test, seconds in self.seconds.items() if seconds < _QUICK_S}
        else:
            lines = range(mutant.first, mutant.last + 1)
            found = set[str]().union(*(self._by_line.get((mutant.file, line), set()) for line in lines))
        return sorted(found, key=self._place)

    def _place(self, test: str) -> tuple[bool, float, str]:
        return test.startswith(GOLDEN), self.seconds[test] / (1 + self.kills[test]), test


def traced(root: Path, tests: Sequence[str], longest_s: float, trace: Callable[[float], Coverage]) -> Coverage:
    """What `Worker.trace` says, or said of the same program and tests."""
    digest = hashlib.sha256(f"{sorted(tests)} {longest_s}".encode())
    for path in sorted(path for name in ("src", "tests") for path in (root / name).rglob("*.py")):
        digest.update(path.read_bytes())
    kept = root / "build" / f"mutants-traced-{digest.hexdigest()[:16]}.json"
    if kept.exists():
        return Coverage(json.loads(kept.read_text(encoding="utf-8")))
    coverage = trace(longest_s)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(coverage.tests), encoding="utf-8")
    return coverage


class Worker:
    """Tries one mutant at a time. Two processes: one that has everything collected, and one for what only loading executes."""

    def __init__(self, root: Path, tests: Sequence[str]) -> None:
        self._root = root
        self._collected = self._start(*tests)
        self._bare: subprocess.Popen[bytes] | None = None

    def trace(self, longest_s: float) -> Coverage:
        """Run the tests as they are; those that take longer than ``longest_s`` are left out afterwards. Raises RuntimeError unless all are green."""
        timed = self._ask(self._collected, Asked())
        if timed.verdict != "green":
            raise RuntimeError(f"not green before anything is changed: {timed.red_by or timed.verdict}")
        quickest = sorted(
            (test for test, seen in timed.tests.items() if seen["seconds"] <= longest_s),
            key=lambda test: timed.tests[test]["seconds"],
        )
        traced = self._ask(self._collected, Asked(tests=quickest, trace=True))
        if traced.verdict != "green":
            raise RuntimeError(f"not green in another order, or traced: {traced.red_by or traced.verdict}")
        prefix = f"{self._root}/"
        for name, seen in traced.tests.items():
            seen["seconds"] = timed.tests[name]["seconds"]
            seen["lines"] = {file.removeprefix(prefix): lines for file, lines in seen["lines"].items()}
        return Coverage(traced.tests)

    def judge(self, mutant: Mutant, coverage: Coverage) -> Verdict:
        """Run the mutant's tests against it, with far more time than they take."""
        tests = coverage.of(mutant)
        if not tests:
            return Verdict.NOT_RUN
        changed = mutant.apply((self._root / mutant.file).read_bytes()).decode()
        limits_s = [_LEAST_S + 4 * coverage.seconds[test] for test in tests]
        asked = Asked(mutant.file, changed, tests, limits_s)
        if mutant.once and self._bare is None:
            self._bare = self._start("--bare")
        answer = self._ask(self._bare if mutant.once and self._bare is not None else self._collected, asked)
        match answer.verdict:
            case "green":
                return Verdict.SURVIVED
            case "slow":
                return Verdict.TOO_SLOW
            case "red":
                coverage.kills[answer.red_by] += 1
                return Verdict.RECORDED if answer.red_by.startswith(GOLDEN) else Verdict.KILLED
            case other:
                if mutant.once:  # a module that cannot be loaded: every test would be red
                    return Verdict.KILLED
                raise RuntimeError(f"{mutant.name}: {other}")

    def _start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self._root / 'src'}:{self._root}",
            "CCC_TEST_SEED": _SEED,
            "CCC_TEST_POSTGRES": os.environ.get("CCC_TEST_POSTGRES", "bundled"),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.serving", *arguments],
            cwd=self._root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def _ask(self, process: "subprocess.Popen[bytes]", asked: Asked) -> Answer:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        process.stdin.write(msgspec.json.encode(asked) + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the process that runs the tests is gone")
        return msgspec.json.decode(line, type=Answer)

    def close(self) -> None:
        """End the processes."""
        for process in (self._collected, self._bare):
            if process is not None and process.stdin is not None:
                process.stdin.close()
                process.wait(timeout=30)
