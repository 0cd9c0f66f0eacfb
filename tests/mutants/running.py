"""Scratch copies in which mutants live and tests run."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from tests.mutants.mutations import Mutant

_COPIED = ("src", "tests", "docs", "bench", "pyproject.toml", "Makefile")
_LEAST_S = 30
_QUICK_S = 1
_SEED = "1"


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TOO_SLOW = "too_slow"
    """It ran far longer than its tests do: somebody waiting would notice."""
    SURVIVED = "survived"
    NOT_RUN = "not_run"
    """No test executes it."""


class Coverage:
    """Which tests execute which lines."""

    def __init__(self, tests: dict[str, dict[str, object]]) -> None:
        """``tests``: by id, as `tracing` wrote it."""
        self.tests = tests
        self.seconds: dict[str, float] = {}
        self._by_line: dict[tuple[str, int], set[str]] = {}
        for test, seen in tests.items():
            self.seconds[test] = float(str(seen["seconds"]))
            lines = seen["lines"]
            for file, numbers in lines.items() if isinstance(lines, dict) else ():
                for number in numbers:
                    self._by_line.setdefault((file, number), set()).add(test)

    def of(self, mutant: Mutant) -> list[str]:
        """The tests worth running, quickest first; all quick ones for what only loading executes."""
        if mutant.once:
            found = {test for test, seconds in self.seconds.items() if seconds < _QUICK_S}
            return sorted(found, key=lambda test: (self.seconds[test], test))
        lines = range(mutant.first, mutant.last + 1)
        found = set[str]().union(*(self._by_line.get((mutant.file, line), set()) for line in lines))
        return sorted(found, key=lambda test: (self.seconds[test], test))


class Copy:
    """A scratch copy of the project with a process that forks one for each mutant."""

    _moments = itertools.count(1_000_000_000)
    _lock = threading.Lock()

    def __init__(self, source: Path, root: Path) -> None:
        """Copy the project; the process starts at the first use."""
        self.root = root
        root.mkdir(mode=0o755)
        for name in _COPIED:
            if (source / name).is_dir():
                shutil.copytree(source / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source / name, root / name)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{root / 'src'}:{root}",
            "CCC_TEST_SEED": _SEED,
            "CCC_TEST_POSTGRES": os.environ.get("CCC_TEST_POSTGRES", "bundled"),
        }
        self._server = subprocess.Popen(
            [sys.executable, str(root / "tests" / "mutants" / "forking.py")],
            cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def trace(self, tests: Sequence[str]) -> Coverage:
        """Run the tests as they are. Raises RuntimeError unless all are green."""
        output = self.root / "traced.json"
        status = self._run([*tests], 3_600, trace=str(output))
        if status != 0:
            raise RuntimeError(f"the tests are not green before anything is changed (pytest's status {status})")
        prefix = f"{self.root}/"
        traced = json.loads(output.read_text(encoding="utf-8"))
        for seen in traced.values():
            seen["lines"] = {file.removeprefix(prefix): lines for file, lines in seen["lines"].items()}
        return Coverage(traced)

    def judge(self, mutant: Mutant, coverage: Coverage) -> Verdict:
        """Change, run, change back."""
        tests = coverage.of(mutant)
        if not tests:
            return Verdict.NOT_RUN
        path = self.root / mutant.file
        whole = path.read_bytes()
        try:
            self._write(path, mutant.apply(whole))
            status = self._run(tests, _LEAST_S + 5 * sum(coverage.seconds[test] for test in tests))
        finally:
            self._write(path, whole)
        if status is None:
            return Verdict.TOO_SLOW
        return Verdict.SURVIVED if status == 0 else Verdict.KILLED

    def _write(self, path: Path, content: bytes) -> None:
        """With a time of its own: Python tells by time and size whether what it compiled is still true."""
        path.write_bytes(content)
        with self._lock:
            moment = next(self._moments)
        os.utime(path, (moment, moment))

    def _run(self, tests: Sequence[str], limit_s: float, trace: str = "") -> int | None:
        """pytest's status; None when the time was over."""
        server = self._server
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("no pipes")
        server.stdin.write(json.dumps({"tests": list(tests), "limit_s": limit_s, "trace": trace}) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline() or '"gone"')
        if answer == "gone":
            raise RuntimeError("the process that runs the tests is gone")
        return None if answer == "too slow" else int(answer)

    def close(self) -> None:
        """End the process."""
        if self._server.stdin is not None:
            self._server.stdin.close()
        self._server.wait(timeout=10)
