"""The breaking patches still fit the code they break, and name tests that exist."""

import ast
import shutil
from pathlib import Path

import pytest

from tests.sabotage.patches import Patch, read_all
from tests.support.tree import ROOT


@pytest.mark.parametrize("patch", [pytest.param(patch, id=patch.name) for patch in read_all()])
def test_a_patch_fits_changes_something_and_still_parses(patch: Patch, tmp_path: Path) -> None:
    assert patch.invariant in {f"I{number}" for number in range(1, 19)}
    for replacement in patch.replacements:
        target = tmp_path / replacement.file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / replacement.file, target)
    patch.apply(tmp_path)
    for replacement in patch.replacements:
        changed = (tmp_path / replacement.file).read_text(encoding="utf-8")
        assert changed != (ROOT / replacement.file).read_text(encoding="utf-8")
        ast.parse(changed)
    for test in patch.tests:
        path, _, name = test.partition("::")
        written = (ROOT / path).read_text(encoding="utf-8")
        assert not name or f"def {name.rpartition('::')[2].partition('[')[0]}(" in written
