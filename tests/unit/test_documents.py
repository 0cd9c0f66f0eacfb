"""What documents say of the program is what the program does."""

import re
from pathlib import Path
from typing import Final

import pytest

from ccc_router import settings
from tests.support import tree
from tests.support.tree import ROOT

_LINK: Final = re.compile(r"\]\((?!https?://|#)([^)\s#]+)")
_RECORDS: Final = sorted((ROOT / "docs" / "adr").glob("*.md"))


def test_every_setting_is_in_the_document() -> None:
    assert settings.table() in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_readme_names_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {
        word
        for line in readme.splitlines()
        for word in [line.strip().removeprefix("make ").split(" ")[0]]
        if line.strip().startswith("make ")
    }
    assert {"run", "test"} <= named
    assert {name for name in named if f"\n{name}:" not in makefile} == set()


def test_the_readme_leads_to_every_document() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = {(ROOT / link).resolve() for link in _LINK.findall(readme)}
    assert {path.name for path in (ROOT / "docs").glob("*.md") if path not in linked} == set()


def test_links_lead_somewhere() -> None:
    documents = [(path, text) for path, text in tree.texts() if path.suffix == ".md" and path.parts[0] != "tests"]
    assert len(documents) > 20
    dead = [
        f"{path}: {link}"
        for path, text in documents
        for link in _LINK.findall(text)
        if not (ROOT / path.parent / link).exists()
    ]
    assert dead == []


def test_records_of_decisions_are_numbered_without_a_gap() -> None:
    assert [path.name[:5] for path in _RECORDS] == [f"{number:04}-" for number in range(len(_RECORDS))]


@pytest.mark.parametrize("path", _RECORDS, ids=lambda path: path.stem)
def test_a_record_of_a_decision_has_its_number_and_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]} · ")
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [part for part in parts if part in {"Context", "Decision", "Cost", "Look again"}] == [
        "Context", "Decision", "Cost", "Look again",
    ]  # fmt: skip
