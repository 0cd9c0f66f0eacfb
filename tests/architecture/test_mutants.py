"""What mutation testing rests on: the changes it makes are those it says, and no mutant is excused that is not there or without a reason."""

import gc
import importlib.util
import tomllib
from pathlib import Path

import pytest

from tests.mutants import mutations
from tests.mutants.__main__ import every_mutant, interval
from tests.mutants.changing import CannotChange, Functions
from tests.mutants.running import Coverage


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("if a < b and not c: return 1", {"a <= b", " or not c", "and (c)", "if False", "if True", "return 2"}),
        ("yield from f(x)", {"yield from ()"}),
        ("x.y = max(a, b) - 1", {"pass", "min(a, b)", "+ 1", "- 2"}),
        ("'''Ä''' ; f(é)", {"if False: f(é)"}),
    ],
)
def test_each_change_stands_where_it_is_meant(tmp_path: Path, line: str, changed: set[str]) -> None:
    source = f"def g():\n    '''1 < 2.'''\n    {line.split(' ; ')[-1]}\n"
    (tmp_path / "m.py").write_text(source, encoding="utf-8")
    made = [one.apply(source.encode()).decode() for one in mutations.of_file(tmp_path, "m.py")]
    assert len(made) == len(set(made)) == len(changed)
    assert all(any(part in text for text in made) for part in changed)
    assert all("'''1 < 2.'''" in text for text in made)


def test_only_tests_that_execute_the_line_are_run_quickest_first(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def g():\n    return 1\n\ndef h():\n    return 2\n", encoding="utf-8")
    first, second = mutations.of_file(tmp_path, "m.py")
    seen = {
        "slow": {"seconds": 2.0, "lines": {"m.py": [2, 5]}},
        "quick": {"seconds": 0.1, "lines": {"m.py": [2]}},
    }
    coverage = Coverage(seen)
    assert coverage.of(first) == ["quick", "slow"]
    assert coverage.of(second) == ["slow"]


def test_a_change_reaches_whoever_holds_the_function_already(tmp_path: Path) -> None:
    before = (
        "class C:\n    def g(self):\n        return [x + 1 for x in (1, 2)]\n\ndef h():\n    return 1\n\nLIMIT = 1\n"
    )
    path = tmp_path / "held.py"
    path.write_text(before, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("held", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    held, other = module.C().g, module.h
    functions = Functions()
    gc.unfreeze()
    functions.change(str(path), before.replace("x + 1", "x - 1"))
    assert (held(), other()) == ([0, 1], 1)
    with pytest.raises(CannotChange):
        functions.change(str(path), before.replace("LIMIT = 1", "LIMIT = 2"))
    assert path.read_text(encoding="utf-8") == before


def test_a_sample_says_between_which_figures_the_whole_lies() -> None:
    """By the textbook: 85 of 100 is from 76.7 to 90.7; nothing tried says nothing."""
    assert [round(one, 1) for one in interval(85, 100)] == [76.7, 90.7]
    assert interval(0, 0) == (0.0, 100.0)
    low, high = interval(340, 400)
    assert 80 < low < 85 < high < 90


def test_whoever_is_excused_is_there_and_has_a_reason() -> None:
    path = Path(mutations.__file__).parent / "equivalent.toml"
    excused = tomllib.loads(path.read_text(encoding="utf-8")).get("same", [])
    files = {one["mutant"].split()[0] for one in excused} | {"src/ccc_router/routing/matching.py"}
    names = {mutant.name for file in files for mutant in every_mutant(file)}
    assert len(names) > 50
    assert [one["mutant"] for one in excused if one["mutant"] not in names or len(one["reason"]) < 20] == []
