"""Break each invariant in a scratch copy and see its test turn red. Exit status 1 when one stays green."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.sabotage.patches import INVARIANTS, Patch, read_all

ROOT = Path(__file__).parents[2]
_COPIED = ("src", "tests", "bench", "pyproject.toml", "Makefile")
_GREEN, _RED = 0, 1  # pytest's exit status; 2 to 5 mean that no test could run, which proves nothing
_LIMIT_S = 600


def main(names: Sequence[str]) -> int:
    """Run the patches whose name contains one of `names` (all without any)."""
    patches = [patch for patch in read_all() if not names or any(name in patch.name for name in names)]
    missing = [] if names else [name for name in INVARIANTS if name not in {patch.invariant for patch in patches}]
    failed = 0
    for patch in patches:
        verdict = _try(patch)
        failed += verdict != "red"
        print(f"{patch.invariant:4} {patch.name:40} {verdict:12} {patch.breaks}", flush=True)
    for name in missing:
        print(f"{name:4} has no patch")
    # The form that every reader of test results knows.
    print(f"{len(patches) - failed} passed, {failed + len(missing)} failed")
    return 1 if failed or missing or not patches else 0


def _try(patch: Patch) -> str:
    with tempfile.TemporaryDirectory(prefix="ccc-sabotage-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, scratch / name)
        if (status := _pytest(scratch, patch.tests)) != _GREEN:
            return f"not green before (pytest {status})"
        patch.apply(scratch)
        status = _pytest(scratch, patch.tests)
        return {_RED: "red", _GREEN: "STILL GREEN"}.get(status, f"broken (pytest {status})")


def _pytest(scratch: Path, tests: Sequence[str]) -> int:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{scratch / 'src'}:{scratch}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CCC_TEST_POSTGRES": os.environ.get("CCC_TEST_POSTGRES", "bundled"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    if done.returncode not in {_GREEN, _RED}:
        print(done.stdout[-2000:] + done.stderr[-2000:], file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
