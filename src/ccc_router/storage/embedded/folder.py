"""The data folder: its layout, its lock, and what an earlier server left behind in it."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccc_router.kernel import ids
from ccc_router.storage.embedded.account import Account

_LONGEST_SOCKET_FOLDER: Final = 85  # the kernel takes 107 bytes for the whole path of a socket
_ELSEWHERE: Final = (Path("/var/lib/ccc-router"), Path(tempfile.gettempdir()))


@dataclass(frozen=True, slots=True)
class Folder:
    """`cluster` is PostgreSQL's own; `sockets`, `log` and `password` are beside it; `lock` keeps others out."""

    base: Path
    cluster: Path
    sockets: Path
    log: Path
    password: Path

    @property
    def version(self) -> int | None:
        """The major version that made the cluster; None when there is none yet."""
        try:
            return int((self.cluster / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            return None

    def read_password(self) -> str:
        """The password of both roles; made on first use. Readable by us only."""
        if not self.password.exists():
            fresh = self.password.with_suffix(f".{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_text(ids.token())
            fresh.rename(self.password)
        return self.password.read_text()

    def leftovers(self) -> list[int]:
        """Processes that still work in the cluster: a dying server, or the children of a killed one."""
        try:
            ours = self.cluster.stat()
        except FileNotFoundError:
            return []
        return [pid for pid in _processes() if _works_in(pid, ours)]

    def forget_dead_server(self) -> None:
        """Remove a pid file that names a zombie or a stranger. Call it only with the lock and without leftovers."""
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def log_tail(self, lines: int = 8) -> str:
        """The last lines the server wrote, for an error message."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""


def prepare(base: Path, account: Account | None) -> Folder:
    """Make the layout under `base`. Where `account` cannot pass, it is made elsewhere and `base/postgres` leads there."""
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = base / "postgres"
    if account is not None and not root.exists() and not account.can_reach(base):
        root.unlink(missing_ok=True)  # a link whose target is gone
        root.symlink_to(_elsewhere(account))
    root = root.resolve()
    root.mkdir(mode=0o755, exist_ok=True)
    sockets = root / "run"
    if len(os.fsencode(sockets)) > _LONGEST_SOCKET_FOLDER:
        sockets = Path(tempfile.mkdtemp(prefix="ccc-run-"))
    sockets.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        account.owns(sockets)
    return Folder(root, root / "cluster", sockets, root / "postgres.log", root / "password")


def _elsewhere(account: Account) -> Path:
    for place in _ELSEWHERE:
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o755, exist_ok=True)
            if account.can_reach(place):
                made = Path(tempfile.mkdtemp(prefix="data-", dir=place))
                made.chmod(0o755)
                return made
    raise PermissionError(f"no folder for PostgreSQL's data that user {account.name} can reach; set CCC_DATA_DIR")


class FolderInUse(Exception):  # not of the public tree: bootstrap turns it into a start-up message
    """Another process runs its server in this data folder."""


class Lock:
    """An advisory lock on the data folder. The kernel frees it when we die, however we die."""

    def __init__(self, folder: Folder) -> None:
        """Take the lock. Raises FolderInUse."""
        self._file = (folder.base / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise FolderInUse(f"{folder.base} is in use by process {holder}; stop it or set CCC_DATA_DIR") from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let others in. Safe to call again."""
        self._file.close()


def end(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to processes that may be gone already."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def remove_tree(path: Path) -> None:
    """Remove a folder that may not be there."""
    shutil.rmtree(path, ignore_errors=True)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _works_in(pid: int, folder: os.stat_result) -> bool:
    """A zombie has no working folder any more, and so does not count."""
    try:
        there = Path(f"/proc/{pid}/cwd").stat()
        command = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (folder.st_dev, folder.st_ino) and command.startswith("postgres")
