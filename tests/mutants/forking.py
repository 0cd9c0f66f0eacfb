"""The process of a scratch copy: it has the libraries loaded, nothing of ours, and forks a child for every run of pytest.

One JSON line in: ``tests``, ``limit_s``, ``trace`` (a file to write what `tracing` saw, or empty). One out: pytest's status, or "too slow".
"""

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

# What the tests' conftest and the core import; loading them is most of the time of a short run.
for _name in (
    "pytest",
    "hypothesis",
    "hypothesis.stateful",
    "msgspec",
    "asyncpg",
    "fastapi",
    "httpx",
    "prometheus_client",
    "structlog",
):
    importlib.import_module(_name)


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(_pytest(asked["tests"], asked["trace"]))
        sys.stdout.write(json.dumps(_status(child, time.monotonic() + asked["limit_s"])) + "\n")
        sys.stdout.flush()


def _status(child: int, ends: float) -> int | str:
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        signal.sigtimedwait({signal.SIGCHLD}, 0.2)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too slow"


def _pytest(tests: list[str], trace: str) -> int:
    import pytest

    sys.stdin.close()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    if not trace:
        os.dup2(quiet, 2)
    plugins = []
    if trace:
        from tests.mutants.tracing import Tracing

        plugins.append(Tracing(Path.cwd() / "src" / "ccc_router" / "routing", Path(trace)))
    options = [
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        "--hypothesis-seed=1",
        "--timeout=0",
        "--durations=0",
    ]
    return int(pytest.main([*options, *tests], plugins=plugins))


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    main()
