"""What documents say of the program is what the program does."""

from ccc_router import settings
from tests.support.tree import ROOT


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


def test_every_record_of_a_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "adr").glob("*.md")]
    assert len(numbers) == len(set(numbers))
    assert all(number.isdigit() for number in numbers)
