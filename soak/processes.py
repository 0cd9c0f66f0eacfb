"""The processes of the service: each started, watched, started again when it ends, and ended as a fault wants it."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from soak.http import Client, Cut, Refused

_POLL_S: Final = 0.02
_AGAIN_S: Final = 0.3
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None)


def _die_with_us() -> None:
    """In the child: whoever ends the soak, however, leaves nothing behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


class Member:
    """One process. ``role`` is its command; ``door`` the port of its API, ``alive`` the port of its health."""

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        folder: Path,
        *,
        door: int,
        alive: int,
    ) -> None:
        self.name = name
        self.role = command[0]
        self.door = door
        self.said = ""
        """What it last said of itself."""
        self.died = 0
        """How often it ended without being told to."""
        self._alive = alive
        self._command = command
        self._environment = dict(environment)
        self._log = folder / f"{name}.log"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = True
        self._told = False

    @property
    def pid(self) -> int:
        """Its id now; 0 while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    async def run(self, ended: Callable[["Member"], None]) -> None:
        """Start it again whenever it ends, until `stop`."""
        while self._wanted:
            self._start()
            while self.pid:
                await asyncio.sleep(_POLL_S)
            ended(self)
            if not self._told and self._wanted:
                self.died += 1
                await asyncio.sleep(_AGAIN_S)
            self._told = False

    def signal(self, number: signal.Signals) -> int:
        """Send it a signal; its id, or 0 when there is none to get it."""
        pid = self.pid
        if pid:
            self._told = self._told or number in {signal.SIGKILL, signal.SIGTERM}
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    async def stop(self, patience_s: float) -> float:
        """End it for good, as a rolling restart does; the seconds it took. Killed after ``patience_s``."""
        self._wanted = False
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        while self.pid and time.monotonic() - began < patience_s:
            await asyncio.sleep(_POLL_S)
        took_s = time.monotonic() - began
        self.signal(signal.SIGKILL)
        return took_s

    async def answers(self, client: Client) -> bool:
        """Whether it is at work."""
        if not self.pid:
            return False
        try:
            reply = await client.ask(self._alive, "GET", "/readyz", {"Connection": "close"}, b"", 2.0)
        except (Refused, Cut) as error:
            self.said = f"{type(error).__name__} {error}"
            return False
        self.said = reply.body.decode(errors="replace")
        return reply.status == 200

    def told(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ccc_router", *self._command],
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_us,
            )


async def until(condition: Callable[[], "asyncio.Future[bool] | object"], within_s: float) -> bool:
    """Ask again and again until it is so, at most so long; whether it is."""
    deadline = time.monotonic() + within_s
    while True:
        held = condition()
        if asyncio.iscoroutine(held):
            held = await held
        if held:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
