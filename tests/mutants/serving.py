"""A process that has the tests collected and the libraries loaded, and forks a child for every mutant.

``python -m tests.mutants.serving tests…`` collects once; a child changes the code of the functions that are loaded already, so that it runs
tests at once. ``--bare`` has only the libraries loaded: for changes of what runs when a module is loaded, a child loads ours with the change
in it. A JSON line in (`Asked`), one out (`Answer`). No file is changed, so whatever the tests start as a process of its own is the unchanged
program.
"""

import importlib
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from tests.mutants.changing import Functions, load_changed

_LIBRARIES = (
    "pytest", "hypothesis", "hypothesis.stateful", "asyncpg", "fastapi", "httpx", "prometheus_client", "structlog",
)  # fmt: skip
_MOST_BYTES = 3 * 1024**3
_LONGEST_S = 600
_EXAMPLES = 25
"""A property is tried no more often than this for each mutant; always on the same examples."""


class Asked(msgspec.Struct, frozen=True):
    """What to change (``file`` and how it reads then; "": nothing), which tests to run in which order (none: all), and for how long each at most
    (s of CPU; none: without a limit)."""

    file: str = ""
    changed: str = ""
    tests: list[str] = []
    limits_s: list[float] = []
    trace: bool = False


class Answer(msgspec.Struct):
    """How it ended: ``green``, ``red``, ``slow``, or ``gone`` (the child died). ``red_by`` is the test that failed."""

    verdict: str
    red_by: str = ""
    tests: dict[str, dict[str, Any]] = {}


def main(arguments: Sequence[str]) -> None:
    """Serve until the input ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_RDWR)
    for taken in (0, 1, *(() if os.environ.get("CCC_TEST_MUTANTS_LOUD") else (2,))):
        os.dup2(quiet, taken)
    for name in _LIBRARIES:
        importlib.import_module(name)
    if arguments[0] == "--bare":
        _serve(asked, answers, _load_and_run)
    else:
        sys.exit(_pytest(arguments, _Collected(asked, answers)))


def _pytest(tests: Sequence[str], plugin: object) -> int:
    import pytest

    options = ["-q", "-p", "no:cacheprovider", "--timeout=0", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *tests], plugins=[plugin]))


def _load_and_run(asked: Asked, output: Path) -> None:
    load_changed(asked.file, asked.changed)
    _pytest(sorted({test.partition("::")[0] for test in asked.tests}), _Once(asked, output))


class _Fewer:
    """Properties on few examples, the same every time, and without looking for the smallest that fails."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        for item in items:
            test = getattr(item.obj, "__func__", item.obj)
            if hasattr(test, "_hypothesis_internal_use_settings"):
                test._hypothesis_internal_use_settings = _fewer(test._hypothesis_internal_use_settings)
            owner = getattr(item, "cls", None)
            if owner is not None and hasattr(owner, "runTest") and hasattr(owner, "settings"):
                owner.settings = _fewer(owner.settings)


def _fewer(before: Any) -> Any:
    from hypothesis import HealthCheck, Phase, settings

    return settings(
        before, max_examples=min(before.max_examples, _EXAMPLES), derandomize=True, database=None, deadline=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip


class _Collected(_Fewer):
    """Answers from a session that has collected."""

    def __init__(self, asked: BinaryIO, answers: BinaryIO) -> None:
        self._asked = asked
        self._answers = answers

    def pytest_runtestloop(self, session: Any) -> bool:
        functions = Functions()

        def change_and_run(asked: Asked, output: Path) -> None:
            if asked.file:
                functions.change(asked.file, asked.changed)
            _run(session, asked, output)

        _serve(self._asked, self._answers, change_and_run)
        return True


class _Once(_Fewer):
    """Runs what is asked and is done."""

    def __init__(self, asked: Asked, output: Path) -> None:
        self._asked = asked
        self._output = output

    def pytest_runtestloop(self, session: Any) -> bool:
        _run(session, self._asked, self._output)
        return True


def _run(session: Any, asked: Asked, output: Path) -> None:
    """Run the tests in the order they are asked for, until one is red."""
    by_name = {item.nodeid: item for item in session.items}
    items = [by_name[name] for name in asked.tests if name in by_name] or list(session.items)
    answer = Answer("green")
    tracing = None
    if asked.trace:
        from tests.mutants.tracing import Tracing

        tracing = Tracing(Path.cwd() / "src" / "ccc_router" / "routing")
    limits = dict(zip(asked.tests, asked.limits_s, strict=False))
    for item, following in zip_longest(items, items[1:]):
        signal.setitimer(signal.ITIMER_PROF, limits.get(item.nodeid, 0))  # ends the child
        began = time.process_time()
        if tracing is not None:
            tracing.begin()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        lines = tracing.end() if tracing is not None else {}
        answer.tests[item.nodeid] = {"seconds": time.process_time() - began, "lines": lines}
        if session.testsfailed:
            answer = Answer("red", item.nodeid)
            break
    output.write_bytes(msgspec.json.encode(answer))


def _serve(asked: BinaryIO, answers: BinaryIO, run: Any) -> None:
    for line in asked:
        answers.write(msgspec.json.encode(_fork(msgspec.json.decode(line, type=Asked), run)) + b"\n")
        answers.flush()


def _fork(asked: Asked, run: Any) -> Answer:
    with tempfile.TemporaryDirectory(prefix="ccc-mutant-") as folder:
        output = Path(folder) / "answer.json"
        child = os.fork()
        if child == 0:
            _be_child(asked, output, run)
        code = _waited(child, _LONGEST_S + 10 * sum(asked.limits_s))
        if code is None:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        elif output.exists():
            return msgspec.json.decode(output.read_bytes(), type=Answer)
        return Answer("slow" if code in (None, -signal.SIGPROF) else "gone")


def _be_child(asked: Asked, output: Path, run: Any) -> None:
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
        run(asked, output)
    except BaseException:  # noqa: BLE001 - that there is no answer is the answer
        os._exit(1)
    os._exit(0)


def _waited(child: int, limit_s: float) -> int | None:
    """The child's exit code; None when it takes too long."""
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        signal.sigtimedwait({signal.SIGCHLD}, 0.2)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
