"""Secrets by name: of endpoints, departments, relays. From variables and files only, never from catalogue or database."""

import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ccc_router.kernel import signing
from ccc_router.kernel.clock import Clock

_FRESH_S: Final = 5.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SEPARATORS: Final = re.compile(r"[,\n]")
_LONGEST_FILE: Final = 64 * 1024


class SecretStore:
    """Reads `CCC_SECRET_<NAME>` (upper case, everything but letters and digits as _), then a file called like the name.

    Several secrets, newest first, are separated by commas or lines: that is a rotation. Files are read again after
    five seconds, so a rotation needs no restart.
    """

    def __init__(self, environ: Mapping[str, str], folders: Sequence[Path], clock: Clock) -> None:
        """`folders` are looked through in their order; secrets made here go into the last."""
        self._environ = {name: value for name, value in environ.items() if name.startswith("CCC_SECRET_")}
        self._folders = tuple(folders)
        self._clock = clock
        self._read: dict[str, tuple[float, tuple[str, ...]]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """All secrets in force under `name`, newest first; none when there are none or the name is not one."""
        if not _NAME.fullmatch(name):
            return ()
        variable = "CCC_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        if found := _parts(self._environ.get(variable, "")):
            return found
        now = self._clock.monotonic()
        read_at, values = self._read.get(name, (float("-inf"), ()))
        if now - read_at > _FRESH_S:
            values = self._from_files(name)
            self._read[name] = (now, values)
        return values

    def ensure(self, name: str) -> tuple[str, ...]:
        """`of`, making a `whsec_` secret in the last folder when there is none: for a trial, not for a real switch.

        Raises ValueError when the name is none, LookupError without a folder.
        """
        if found := self.of(name):
            return found
        if not _NAME.fullmatch(name):
            raise ValueError("a secret's name is letters, digits, dots, dashes and underscores")
        if not self._folders:
            raise LookupError("there is no folder to keep a secret in")
        folder = self._folders[-1]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(signing.secret_of(secrets.token_bytes(32)))
        self._read.pop(name, None)
        return self.of(name)

    def _from_files(self, name: str) -> tuple[str, ...]:
        for folder in self._folders:
            try:
                with (folder / name).open(encoding="utf-8", errors="replace") as file:
                    if found := _parts(file.read(_LONGEST_FILE)):
                        return found
            except OSError:
                continue
        return ()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _SEPARATORS.split(text) if part.strip())
