"""The operating-system user that PostgreSQL runs as; it refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CANDIDATES: Final = ("ccc-router", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user that we, being root, give the server to."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether every folder down to `path` lets this user pass."""
        path = path.resolve()
        return all(self._may_enter(folder) for folder in (path, *path.parents) if folder.is_dir())

    def _may_enter(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)

    def owns(self, *paths: Path) -> None:
        """Give files or folders to this user."""
        for path in paths:
            os.chown(path, self.uid, self.gid)


def choose(existing: Path) -> Account | None:
    """Nobody else when we are not root; else the owner of the existing data, or the first of a few usual users.

    Raises LookupError when the system knows none of them.
    """
    if os.geteuid() != 0:
        return None
    if existing.exists() and (uid := existing.stat().st_uid) != 0:
        return _account(pwd.getpwuid(uid))
    for name in _CANDIDATES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise LookupError(f"root needs one of the users {', '.join(_CANDIDATES)} to run PostgreSQL as")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
