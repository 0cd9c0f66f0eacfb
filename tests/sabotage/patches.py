"""Reading the patches and applying them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
INVARIANTS = tuple(f"I{number}" for number in (*range(1, 8), *range(9, 15), *range(16, 19)))
"""Every one of these has a patch; I8 and I15 may have some."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One place in one file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Patch:
    """What breaks one invariant, and the tests of which at least one must notice."""

    name: str
    invariant: str
    breaks: str
    tests: tuple[str, ...]
    replacements: tuple[Replacement, ...]

    def apply(self, root: Path) -> None:
        """Change the files under `root`. Raises ValueError when a place is not there exactly once."""
        for replacement in self.replacements:
            path = root / replacement.file
            text = path.read_text(encoding="utf-8")
            if text.count(replacement.old) != 1:
                raise ValueError(f"{self.name}: {replacement.file} has the place {text.count(replacement.old)} times")
            path.write_text(text.replace(replacement.old, replacement.new), encoding="utf-8")


def read_all(folder: Path = FOLDER) -> list[Patch]:
    """Every patch, by name."""
    return [read(path) for path in sorted(folder.glob("*.toml"))]


def read(path: Path) -> Patch:
    """One patch."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    tests = table["test"] if isinstance(table["test"], list) else [table["test"]]
    return Patch(
        name=path.stem,
        invariant=table["invariant"],
        breaks=table["breaks"],
        tests=tuple(tests),
        replacements=tuple(Replacement(**one) for one in table["replace"]),
    )
