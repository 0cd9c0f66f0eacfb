"""The supervisor: make the cluster, start the server, know when it answers, restart it, stop it."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, urlencode

import asyncpg

from ccc_router.kernel.clock import Clock, SystemClock
from ccc_router.kernel.log import get_logger
from ccc_router.storage.embedded import account as accounts
from ccc_router.storage.embedded import folder as folders
from ccc_router.storage.embedded import tuning
from ccc_router.storage.embedded.binaries import Binaries

_log = get_logger("storage.embedded")

ROLE: Final = "ccc"
DATABASE: Final = "ccc"
SUPERUSER: Final = "postgres"
_POLL_S: Final = 0.01
_LEFTOVER_PATIENCE_S: Final = 5.0
_LARGEST_LOG: Final = 10 * 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """PostgreSQL did not come up; the message says why."""


class EmbeddedPostgres:
    """One server on one data folder. Start it from the main thread: the kernel ends it with the thread that began it."""

    def __init__(
        self, data_dir: Path, binaries: Binaries, *, tuned: Mapping[str, str] | None = None, clock: Clock | None = None
    ) -> None:
        self._data_dir = data_dir = data_dir.resolve()
        self._clock = clock or SystemClock()
        self._tuned = dict(tuned or {})
        self._account = accounts.choose(data_dir / "postgres" / "cluster")
        self._uid = None if self._account is None else self._account.uid
        self._gid = None if self._account is None else self._account.gid
        self._binaries = binaries.reachable_by(self._account)
        self._folder: folders.Folder | None = None
        self._lock: folders.Lock | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The server's process, or None when there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def dsn(self) -> str:
        """The address of the service's database. Holds the password: not for logs."""
        return self._dsn(ROLE, DATABASE)

    async def start(self, *, patience_s: float = 300.0) -> str:
        """Bring the server up, make the cluster and database if need be, and return the DSN once a query was answered.

        Recovery after a crash may take its time: `patience_s` bounds it. Raises ServerFailed, or FolderInUse when
        another process serves this folder.
        """
        if self._lock is None:
            self._folder = folders.prepare(self._data_dir, self._account)
            self._lock = folders.Lock(self._folder)
        try:
            fresh = await self._make_cluster()
            await self._launch(patience_s)
            if fresh or not await self._has_database():
                await self._make_database()
        except BaseException:
            await self.stop()
            raise
        return self.dsn

    async def keep(self) -> None:
        """Start the server again if it died. Call it every now and then."""
        if self._process is not None and not self._stopping and self._process.poll() is not None:
            self.restarts += 1
            _log.error("postgres_died", status=self._process.returncode, restarts=self.restarts)
            await self._launch(300.0)

    async def stop(self, patience_s: float = 10.0) -> None:
        """Stop fast (open transactions are rolled back), at once after `patience_s`. Safe to call again."""
        self._stopping = True
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            if not await self._until(lambda: process.poll() is not None, patience_s):
                process.send_signal(signal.SIGQUIT)
                await self._until(lambda: process.poll() is not None, patience_s)
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._folder is not None and self._folder.sockets.parent != self._folder.base:
            folders.remove_tree(self._folder.sockets)

    async def _make_cluster(self) -> bool:
        folder = self._open_folder()
        if folder.version is not None:
            if folder.version != self._binaries.major:
                raise ServerFailed(
                    f"{folder.cluster} was made by PostgreSQL {folder.version}, this is {self._binaries.major}: "
                    "dump it with the old version and load it with this one, or set CCC_DATABASE_URL"
                )
            return False
        unfinished = folder.base / "cluster.new"
        folders.remove_tree(unfinished)
        unfinished.mkdir(mode=0o700)
        password = folder.base / "password.initdb"
        password.touch(mode=0o600)
        password.write_text(folder.read_password())
        if self._account is not None:
            self._account.owns(unfinished, password)
        try:
            await asyncio.to_thread(self._initdb, unfinished, password)
        finally:
            password.unlink()
        unfinished.rename(folder.cluster)
        return True

    def _initdb(self, cluster: Path, password: Path) -> None:
        done = subprocess.run(
            [
                self._binaries.program("initdb"),
                f"--pgdata={cluster}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--data-checksums",
                "--no-instructions",
                *tuning.locale(self._binaries.major),
                *(["--no-sync"] if self._tuned.get("fsync") == "off" else []),
            ],
            check=False,
            capture_output=True,
            text=True,
            env=_environment(),
            cwd="/",
            timeout=120,
            user=self._uid,
            group=self._gid,
            extra_groups=None if self._account is None else [],
        )
        if done.returncode != 0:
            raise ServerFailed(f"initdb failed: {done.stderr.strip()[-800:]}")

    async def _launch(self, patience_s: float) -> None:
        folder = self._open_folder()
        self._stopping = False
        await self._clear_leftovers()
        folder.forget_dead_server()
        if threading.current_thread() is not threading.main_thread():
            raise ServerFailed("start PostgreSQL from the main thread: it dies with the thread that started it")
        if folder.log.exists() and folder.log.stat().st_size > _LARGEST_LOG:
            folder.log.unlink()
        with folder.log.open("ab") as log:
            self._process = self._spawn(folder, log)
        process = self._process
        deadline = self._clock.monotonic() + patience_s
        while not await self._answers():
            if process.poll() is not None:
                raise ServerFailed(f"PostgreSQL ended with status {process.returncode}: {folder.log_tail()}")
            if self._clock.monotonic() > deadline:
                raise ServerFailed(f"PostgreSQL did not answer within {patience_s:g} s: {folder.log_tail()}")
            await self._clock.sleep(_POLL_S)

    def _spawn(self, folder: folders.Folder, log: IO[bytes]) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        arguments = [
            self._binaries.program("postgres"),
            *("-D", str(folder.cluster)),
            *("-k", str(folder.sockets)),
            *tuning.settings(self._binaries.major, self._tuned),
        ]
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal must not stop it before we have drained
            preexec_fn=lambda: _die_with(parent),  # runs after the user is dropped, which would undo it
            user=self._uid,
            group=self._gid,
            extra_groups=None if self._account is None else [],
        )

    async def _clear_leftovers(self) -> None:
        """Wait for an earlier server and its children to end; help them along when they do not."""
        folder = self._open_folder()
        for number in (None, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if number is not None:
                _log.warning("postgres_leftovers", signal=number.name, count=len(folder.leftovers()))
                folders.end(folder.leftovers(), number)
            if await self._until(lambda: not folder.leftovers(), _LEFTOVER_PATIENCE_S):
                return
        raise ServerFailed(f"processes {folder.leftovers()} hold {folder.cluster} and do not end")

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self._dsn(SUPERUSER, "postgres"), timeout=5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        try:
            return bool(await connection.fetchval("SELECT true", timeout=5))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)

    async def _has_database(self) -> bool:
        connection = await asyncpg.connect(self._dsn(SUPERUSER, "postgres"))
        try:
            return bool(await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE))
        finally:
            await connection.close()

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self._dsn(SUPERUSER, "postgres"))
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ROLE):
                # The password is of our own alphabet (URL-safe base 64); DDL takes no parameters.
                password = self._open_folder().read_password()
                await connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'")
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        finally:
            await connection.close()

    def _dsn(self, role: str, database: str) -> str:
        folder = self._open_folder()
        where = urlencode({"host": str(folder.sockets), "port": "5432"})
        return f"postgresql://{role}:{quote(folder.read_password(), safe='')}@/{database}?{where}"

    def _open_folder(self) -> folders.Folder:
        if self._folder is None:
            raise ServerFailed("start the server first")
        return self._folder

    async def _until(self, condition: Callable[[], bool], patience_s: float) -> bool:
        deadline = self._clock.monotonic() + patience_s
        while not condition():
            if self._clock.monotonic() > deadline:
                return False
            await self._clock.sleep(_POLL_S)
        return True


def _environment() -> dict[str, str]:
    """Nothing of ours: no PG* variable, locale or preload may change what the server is."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _die_with(parent: int) -> None:
    """In the child: be stopped (fast) when the parent dies, also if it died just now."""
    if _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0 or os.getppid() != parent:
        os._exit(71)
