"""The service as a newcomer runs it: a process of its own with an embedded PostgreSQL, reached over real sockets.

async with a_process(tmp_path) as service:
    an = service.client(Role.AGENT, "an")
    await an.put("/v1/agents/me/presence", json={"state": "ready"})
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import msgspec

import ccc_router
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.routing.policy import Catalogue
from ccc_router.web.tokens import Tokens
from tests.support.database import make_folder
from tests.support.waiting import eventually

SIGNING_KEY = "a key for tests that is long enough"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def free_port() -> int:
    """A port nobody listens on now, and that no connection is given: between a kill and the next start it must stay free.

    From the range that outgoing connections are given, a client that keeps asking may get the very port it asks for; it is then connected
    to itself, and the service that comes back finds its port taken.
    """
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    while True:
        port = first_given - 1 - secrets.randbelow(min(12_000, first_given - 1025))
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port


class _Begun:
    """A data folder with a cluster at the newest revision. It costs two seconds of processor time, so a run makes it once and copies it.

    A first start that finds nothing is the demo's (`tests/acceptance/test_demo.py`), and that of the server and of the revisions alone.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None

    def copy(self, data: Path) -> None:
        """Make ``data`` such a folder."""
        if self._folder is None:
            self._folder = self._made()
        subprocess.run(["cp", "-a", self._folder / "data", data], check=True)  # shutil does not keep the owner

    @staticmethod
    def _made() -> Path:
        folder = make_folder("ccc-begun-")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CCC_")},
            "CCC_DATA_DIR": str(folder / "data"),
            "PYTHONPATH": str(Path(ccc_router.__file__).parents[1]),
        }
        subprocess.run(
            [sys.executable, "-m", "ccc_router", "migrate"], env=environment, check=True, capture_output=True
        )
        return folder

    def remove(self) -> None:
        """At the end of the run."""
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None


BEGUN: Final = _Begun()


class Process:
    """One ``ccc-router up`` (or another ``role``) and clients of it. ``more`` are further CCC_* variables."""

    def __init__(self, folder: Path, catalogue: Catalogue | None = None, role: str = "up", **more: str) -> None:
        self.folder = folder
        self.role = role
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.probes = self.url  # where it says whether it is ready
        self.log = folder / "log"
        self._process: asyncio.subprocess.Process | None = None
        self._clients: list[httpx.AsyncClient] = []
        self._tokens = Tokens([SIGNING_KEY], issuer="ccc-router", audience="ccc-router", clock=SystemClock())
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CCC_")},
            "CCC_PORT": str(self.port),
            "CCC_DATA_DIR": str(folder / "data"),
            "CCC_SIGNING_KEY": SIGNING_KEY,
            "PYTHONPATH": str(Path(ccc_router.__file__).parents[1]),
            "PYTHONUNBUFFERED": "1",
            **more,
        }
        if role not in {"up", "serve"}:
            port = free_port()
            self.probes = f"http://127.0.0.1:{port}"
            self._environment["CCC_METRICS_PORT"] = str(port)
        if catalogue is not None:
            path = folder / "catalogue.json"
            path.write_text(json.dumps(msgspec.to_builtins(catalogue)), encoding="utf-8")
            self._environment["CCC_CATALOGUE"] = str(path)

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        assert self._process is not None
        self._process.send_signal(number)

    async def begin(self, *command: str) -> None:
        """Start it (its role, or another command) without waiting for more."""
        if self.role == "up" and not command and "CCC_DATABASE_URL" not in self._environment:
            self._begin_with_data()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ccc_router", *(command or (self.role,))),
                env=self._environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def _begin_with_data(self) -> None:
        data = Path(self._environment["CCC_DATA_DIR"])
        if not data.exists():
            BEGUN.copy(data)

    async def start(self, *command: str) -> None:
        """Start it and wait until it says it is ready."""
        await self.begin(*command)
        await self.ready()

    async def ready(self) -> None:
        """Wait until it says it is ready. Fails the test when it ends before."""
        async with httpx.AsyncClient(base_url=self.probes, timeout=5) as client:

            async def ready() -> bool:
                assert self._process is not None
                assert self._process.returncode is None, self.log.read_text()[-3000:]
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

            await eventually(ready, within_s=120, what=f"the service to be ready, see {self.log}")

    async def kill(self) -> None:
        """End it like a power cut does."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        """Ask it to end, and return how it did."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await self._process.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself, and return how it did."""
        assert self._process is not None
        return await self._process.wait()

    def token(self, role: Role, subject: str) -> str:
        """A bearer token of this caller."""
        return self._tokens.issue(role, subject)

    def client(self, role: Role, subject: str) -> httpx.AsyncClient:
        """An HTTP client with this caller's token; closed with the process."""
        token = self.token(role, subject)
        client = httpx.AsyncClient(base_url=self.url, timeout=40, headers={"Authorization": f"Bearer {token}"})
        self._clients.append(client)
        return client

    def anybody(self) -> httpx.AsyncClient:
        """An HTTP client without a token."""
        client = httpx.AsyncClient(base_url=self.url, timeout=40)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Close clients, end the process."""
        for client in self._clients:
            await client.aclose()
        if self._process is not None:
            await self.stop()


@asynccontextmanager
async def a_process(catalogue: Catalogue | None = None, **more: str) -> AsyncIterator[Process]:
    """A process in a folder of its own, ready, ended with the context. The folder, with its log, stays when the test fails."""
    process = Process(make_folder("ccc-process-"), catalogue, **more)
    try:
        await process.start()
        yield process
    finally:
        await process.close()
    shutil.rmtree(process.folder, ignore_errors=True)  # after a failure it stays: its log says why
