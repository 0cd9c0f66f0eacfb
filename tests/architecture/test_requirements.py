"""docs/requirements.md against the code: every requirement is there once, shown by tests that name it, or says what is not yet."""

import ast
import re
from functools import cache
from typing import Final, NamedTuple

import pytest

from tests.support import tree
from tests.support.tree import ROOT, SOURCE

ASKED: Final = (*range(1, 37), 38)
"""R-37 asks for the product itself."""

_ROW: Final = re.compile(r"^\| R-(\d+) \| (.+?) \| (.+?) \| (.+) \|$")
_WORDS: Final = re.compile(r"\bR-(\d+)\b")
_NAME: Final = re.compile(r"(?<=_)r(\d+)(?=_)")
_CODE: Final = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """A line of the page."""

    number: int
    tests: tuple[str, ...]
    rest: str


@cache
def rows() -> tuple[Row, ...]:
    """The page, line by line."""
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    found = [match for line in text.splitlines() if (match := _ROW.match(line))]
    return tuple(
        Row(int(one[1]), tuple(f"tests/{name}" for name in _CODE.findall(one[3])), f"{one[2]} {one[4]}")
        for one in found
    )


@cache
def named() -> dict[str, frozenset[int]]:
    """Every test, and the requirements it names: in its own name, its docstring or that of its module."""
    found: dict[str, frozenset[int]] = {}
    for path, module in tree.parsed("tests"):
        if not path.name.startswith("test_") or "architecture" in path.parts:
            continue
        above = ast.get_docstring(module) or ""
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                words = f"{above} {ast.get_docstring(node) or ''}"
                numbers = {*_WORDS.findall(words), *_NAME.findall(node.name)}
                found[f"{path}::{node.name}"] = frozenset(map(int, numbers))
    return found


def test_every_requirement_is_on_the_page_once_and_in_order() -> None:
    assert tuple(row.number for row in rows()) == ASKED


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"R-{row.number}")
def test_a_requirement_is_shown_by_tests_that_name_it_or_is_not_yet(row: Row) -> None:
    assert row.tests or "Not yet" in row.rest
    assert [one for one in row.tests if one not in named()] == []
    assert [one for one in row.tests if row.number not in named()[one]] == []


def test_no_test_names_a_requirement_that_is_not_on_the_page() -> None:
    assert {test: numbers - {*ASKED} for test, numbers in named().items() if numbers - {*ASKED}} == {}


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"R-{row.number}")
def test_where_it_is_done_is_there(row: Row) -> None:
    paths = [one for one in _CODE.findall(row.rest) if re.fullmatch(r"[a-z_]+(/[a-z_]+)*(\.py|/)", one)]
    assert [one for one in paths if not (ROOT / SOURCE / one).exists()] == []
