"""Rooms stay small enough to hold in the head: entries in a folder, lines in a file, lines in a function."""

import ast
from collections import Counter
from pathlib import Path

from tests.support import tree

ENTRIES = 14
FILE_LINES = 300
WORD_LINES = 400  # a file of declarations alone
FUNCTION_LINES = 50
_UNCOUNTED = {"__init__.py", "__main__.py", "py.typed"}
_DOORS = {"cli", "settings.py", "migrations"}  # of the house, and its papers; what is counted there is its rooms


def test_no_folder_has_more_entries_than_one_can_name() -> None:
    entries: set[tuple[Path, str]] = set()
    for path in tree.tracked():
        if path.is_relative_to(tree.SOURCE) and "versions" not in path.parts:  # revisions only ever grow in number
            inside = path.relative_to(tree.SOURCE)
            parts = inside.parts
            entries |= {(Path(*parts[:depth]), parts[depth]) for depth in range(len(parts))}
    counted = Counter(folder for folder, name in entries if name not in _UNCOUNTED | _DOORS)
    assert {str(folder): count for folder, count in counted.items() if count > ENTRIES} == {}


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {path: len((tree.ROOT / path).read_text(encoding="utf-8").splitlines()) for path, _ in tree.parsed("src")}
    words = {path for path, module in tree.parsed("src") if _only_declares(module)}
    assert len(lengths) > 20
    limits = {path: WORD_LINES if path in words else FILE_LINES for path in lengths}
    assert {str(path): length for path, length in lengths.items() if length > limits[path]} == {}


def _only_declares(module: ast.Module) -> bool:
    """A list of facts or decisions is looked up, not read through."""
    return not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(module))


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path}:{node.name}": length
        for path, module in tree.parsed("src")
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (length := _length(node)) > FUNCTION_LINES
    }
    assert long == {}


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its own lines: without the docstring and without the functions inside it, which are measured by themselves."""
    first = node.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = _lines(first) if told else 0
    inner = sum(_lines(child) for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))
    return _lines(node) - docstring - inner


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1
