"""The project's own files, for tests that read code."""

import ast
import gc
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ccc_router"
_TEXT = {".py", ".md", ".toml", ".in", ".txt", ".yaml", ".yml", ".json", ".sh", ".cfg", ".sql", ".html", ".mako", ""}
_BUILT = {"__pycache__", ".venv", ".git", "build", "dist", "data"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows or would take; outside a checkout, every file that is not built."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0 and listing.stdout:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not _BUILT & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in paths if path.is_file()))


def texts() -> Iterator[tuple[Path, str]]:
    """Every tracked text file with what is in it."""
    for path in tracked():
        if path.suffix in _TEXT:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


@cache
def parsed(*folders: str) -> tuple[tuple[Path, ast.Module], ...]:
    """The Python files under the folders, parsed. A file that does not parse fails the test that asks."""
    wanted = [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]
    gc.disable()  # a million nodes that stay to the end: going over them again and again was five sixths of the time
    try:
        return tuple((path.relative_to(ROOT), _module(path)) for path in wanted)
    finally:
        gc.freeze()
        gc.enable()


@cache
def _module(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))
