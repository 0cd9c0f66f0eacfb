"""Break each invariant in a scratch copy and see its test turn red. Exit status 1 when one stays green or no longer fits."""

import itertools
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.sabotage.patches import INVARIANTS, Patch, read_all

ROOT = Path(__file__).parents[2]
_COPIED = ("src", "tests", "docs", "bench", "pyproject.toml", "Makefile")
_GREEN, _RED = 0, 1  # pytest's exit status; 2 to 5 mean that no test could run, which proves nothing
_LIMIT_S = 600
_AT_ONCE = int(os.environ.get("CCC_TEST_SABOTAGE_AT_ONCE", "2"))
_NOT_PROVED_RED = re.compile(r"^ERROR tests/", re.MULTILINE)


def main(names: Sequence[str]) -> int:
    """Run the patches whose name contains one of `names` (all without any)."""
    patches = [patch for patch in read_all() if not names or any(name in patch.name for name in names)]
    missing = [] if names else [name for name in INVARIANTS if name not in {patch.invariant for patch in patches}]
    if not patches:
        print(f"no patch is called {' or '.join(names)}")
        return 1
    with _copies(_AT_ONCE) as copies:
        verdicts = _verdicts(patches, copies)
        failed = 0
        for patch, verdict in zip(patches, verdicts, strict=False):
            failed += verdict != "red"
            print(f"{patch.invariant:4} {patch.name:40} {verdict:14} {patch.breaks}", flush=True)
    for name in missing:
        print(f"{name:4} has no patch")
    # The form that every reader of test results knows.
    print(f"{len(patches) - failed} passed, {failed + len(missing)} failed")
    return 1 if failed or missing else 0


def _verdicts(patches: Sequence[Patch], copies: "queue.Queue[_Copy]") -> Iterator[str]:
    """One word for each patch, in order: `red`, or what is wrong. Every test must be green before anything is broken."""
    before = copies.get()
    status, output = before.pytest(sorted({test for patch in patches for test in patch.tests}), stop=False)
    copies.put(before)
    if status != _GREEN:
        print(output[-4000:], file=sys.stderr)
        yield from itertools.repeat("not green before", len(patches))
        return

    def judge(patch: Patch) -> str:
        copy = copies.get()
        try:
            return copy.judge(patch)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        yield from threads.map(judge, patches)


@contextmanager
def _copies(count: int) -> Iterator["queue.Queue[_Copy]"]:
    with tempfile.TemporaryDirectory(prefix="ccc-sabotage-") as folder:
        Path(folder).chmod(0o755)
        copies: queue.Queue[_Copy] = queue.Queue()
        for number in range(count):
            copies.put(_Copy(Path(folder) / str(number)))
        yield copies


class _Copy:
    """A scratch copy of the project, broken and mended again; what Python compiled stays between two patches."""

    _moments = itertools.count(1)
    _lock = threading.Lock()

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        root.chmod(0o755)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, root / name)

    def judge(self, patch: Patch) -> str:
        """Apply, run, mend."""
        files = {replacement.file for replacement in patch.replacements}
        whole = {file: (self.root / file).read_bytes() for file in files if (self.root / file).exists()}
        try:
            patch.apply(self.root)
            self._changed(files)
            status, output = self.pytest(patch.tests, stop=True)
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            return "does not fit"
        finally:
            for file, content in whole.items():
                (self.root / file).write_bytes(content)
            self._changed(whole)
        if status == _RED and not _NOT_PROVED_RED.search(output):
            return "red"
        print(output[-2000:], file=sys.stderr)
        return "STILL GREEN" if status == _GREEN else f"broken ({status})"

    def _changed(self, files: Iterable[str]) -> None:
        """Give changed files a time of their own: Python tells by time and size whether what it compiled is still true."""
        for file in files:
            with self._lock:
                moment = 1_000_000_000 + next(self._moments)
            os.utime(self.root / file, (moment, moment))

    def pytest(self, tests: Sequence[str], *, stop: bool) -> tuple[int, str]:
        """Run some tests here; returns pytest's status and what it said."""
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self.root / 'src'}:{self.root}",
            "CCC_TEST_POSTGRES": os.environ.get("CCC_TEST_POSTGRES", "bundled"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        options = ("-q", "-p", "no:cacheprovider", "--durations=0", *(("-x",) if stop else ()))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *tests],
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return -1, "took too long"
        return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
