"""Every invariant of the architecture is proved by tests that say so, and broken on purpose by at least one patch."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sabotage.patches import INVARIANTS, Patch, read_all
from tests.support import tree

_NAMED = re.compile(r"\bI(1[0-8]|[1-9])\b")
_NUMBERED = re.compile(r"(?<=_)i(1[0-8]|[1-9])(?=_)")
ALL = tuple(f"I{number}" for number in range(1, 19))


@cache
def named() -> dict[str, set[str]]:
    """Invariant → the tests that name it, in their own name, their docstring or that of their module or class."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, module in tree.parsed("tests"):
        if not path.name.startswith("test_") or "architecture" in path.parts:
            continue
        for test, words in _tests(path, module, ast.get_docstring(module) or ""):
            for number in {*_NAMED.findall(words), *_NUMBERED.findall(test)}:
                found[f"I{number}"].add(test)
    return found


def _tests(path: Path, body: ast.Module | ast.ClassDef, above: str) -> Iterator[tuple[str, str]]:
    for node in body.body:
        if isinstance(node, ast.ClassDef):
            yield from _tests(path, node, f"{above} {ast.get_docstring(node) or ''}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_test(node):
            yield f"{path}::{node.name}", f"{above} {ast.get_docstring(node) or ''}"


def _is_test(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A test, or an invariant of a state machine."""
    return node.name.startswith("test_") or any(
        isinstance(one, ast.Call) and getattr(one.func, "id", "") == "invariant" for one in node.decorator_list
    )


@pytest.mark.parametrize("invariant", ALL)
def test_an_invariant_has_tests_that_name_it_and_a_patch_that_breaks_it(invariant: str) -> None:
    assert named()[invariant]
    broken_by = [patch.name for patch in read_all() if patch.invariant == invariant]
    assert broken_by or invariant not in INVARIANTS


@pytest.mark.parametrize("patch", [pytest.param(patch, id=patch.name) for patch in read_all()])
def test_the_tests_of_a_patch_name_its_invariant(patch: Patch) -> None:
    """So that whoever reads a red test knows which promise is broken."""
    naming = named()[patch.invariant]
    for test in patch.tests:
        inside = any(one.startswith(f"{test}::") for one in naming)
        assert inside or test in naming, f"{test} says nothing of {patch.invariant}"


def test_every_invariant_is_told_and_every_guard_that_is_told_exists() -> None:
    told = [line.split(" | ") for line in (tree.ROOT / "docs" / "invariants.md").read_text("utf-8").splitlines()]
    rows = [row for row in told if row[0].startswith("| I")]
    assert tuple(row[0].removeprefix("| ") for row in rows) == ALL
    guards = {name for row in rows for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", row[2])}
    schema = "".join(path.read_text("utf-8") for path in (tree.ROOT / "src/ccc_router/migrations").rglob("*.py"))
    assert len(guards) > 5
    assert {name for name in guards if name not in schema} == set()
