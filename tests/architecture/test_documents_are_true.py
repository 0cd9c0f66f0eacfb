"""What documents name is there: files and headings they lead to, tests they call on, settings they tell of."""

import re
from functools import cache
from pathlib import Path

import pytest

from ccc_router.settings import Settings
from tests.support.tree import ROOT

DOCUMENTS = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)]*)?\)")
_PLACE = re.compile(r"`((?:tests|src|docs|deploy|soak|bench|quality)/[\w./-]+\.\w+)(?:::(\w+))?`")
_SETTING = re.compile(r"\bCCC_[A-Z0-9_]*[A-Z0-9]\b")
_MADE = {"bench/results.json", "bench/quality.json", "tests/fixtures/journal/core-N.jsonl.gz"}
"""What a command writes, or what stands for several."""
_OTHERS = ("CCC_SECRET_", "CCC_TEST_", "CCC_BENCH_")
_NOT_OURS = {"CCC_LOGIN", "CCC_URL"}
"""Of the example of a forwarder that runs beside a switch."""


@cache
def headings(path: Path) -> set[str]:
    """How headings are led to."""
    found = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in found}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    missing = []
    for link, heading in _LINK.findall(text):
        target = path.parent / link if link else path
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (heading and target.suffix == ".md" and heading[1:] not in headings(target)):
            missing.append(link + heading)
    for place, test in _PLACE.findall(text):
        target = ROOT / place
        if place not in _MADE and (not target.exists() or (test and f"def {test}(" not in target.read_text("utf-8"))):
            missing.append(f"{place}::{test}")
    known = {f"CCC_{name.upper()}" for name in Settings.model_fields} | _NOT_OURS
    missing += [one for one in _SETTING.findall(text) if one not in known and not one.startswith(_OTHERS)]
    assert missing == []
