"""The embedded server: durable over kill -9 of anybody, quick to come back, alone on its folder, gone when we are gone."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from ccc_router.storage.embedded import Binaries, EmbeddedPostgres, ServerFailed
from ccc_router.storage.embedded.folder import FolderInUse
from tests.support import tree
from tests.support.database import make_folder, servers
from tests.support.waiting import eventually, until

CHILD = """
import asyncio, sys
from pathlib import Path
from ccc_router.storage.embedded import Binaries, EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]), Binaries(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
    print(await server.start(), server.pid, sep="\\n", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture(params=[pytest.param(value, id=name) for name, value in servers().items()])
def binaries(request: pytest.FixtureRequest) -> Binaries:
    found: Binaries = request.param
    return found


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = make_folder("ccc-embedded-")
    yield folder
    linked = (folder / "postgres").resolve()
    shutil.rmtree(linked, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


class Maker:
    """Makes servers on one folder, and stops them all in the end."""

    def __init__(self, data_dir: Path, binaries: Binaries) -> None:
        self.data_dir = data_dir
        self.binaries = binaries
        self.made: list[EmbeddedPostgres] = []

    def server(self, data_dir: Path | None = None, **tuned: str) -> EmbeddedPostgres:
        """One more server, not started. Without fsync: a killed process loses nothing that was written."""
        made = EmbeddedPostgres(data_dir or self.data_dir, self.binaries, tuned={"fsync": "off", **tuned})
        self.made.append(made)
        return made

    @property
    def root(self) -> Path:
        """Where the data really are."""
        return (self.data_dir / "postgres").resolve()


@pytest.fixture
async def make(data_dir: Path, binaries: Binaries) -> AsyncIterator[Maker]:
    maker = Maker(data_dir, binaries)
    yield maker
    for server in maker.made:
        await server.stop()


@pytest.fixture
async def server(make: Maker) -> EmbeddedPostgres:
    made = make.server()
    await made.start()
    return made


def start_child(make: Maker) -> "subprocess.Popen[str]":
    """A process of its own that runs a server and tells its address and pid."""
    binaries = make.binaries
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, make.data_dir, binaries.folder, str(binaries.major), binaries.root],
        env={**os.environ, "PYTHONPATH": str(tree.ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )


def runs(pid: int) -> bool:
    """Whether the process is there and no zombie that nobody has asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_private(folder: Path) -> bool:
    """Whether only its owner may look into the folder."""
    return folder.stat().st_mode & 0o077 == 0


async def rows(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM kept"))
    finally:
        await connection.close()


async def write(dsn: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (x int)")
        await connection.executemany("INSERT INTO kept VALUES ($1)", [(number,) for number in range(count)])
    finally:
        await connection.close()


async def test_data_survives_a_stop(make: Maker) -> None:
    server = make.server()
    dsn = await server.start()
    await write(dsn, 10)
    await server.stop()
    await server.stop()
    assert server.pid is None
    again = make.server()
    assert await again.start() == dsn
    assert await rows(dsn) == 10
    await again.stop()


async def test_i1_a_killed_postmaster_comes_back_with_every_row(server: EmbeddedPostgres) -> None:
    for round_ in range(1, 4):
        await write(server.dsn, 100)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: server.pid is None)
        await server.keep()
        assert await rows(server.dsn) == 100 * round_
    assert server.restarts == 3


async def test_i1_a_killed_backend_heals_by_itself(server: EmbeddedPostgres) -> None:
    await write(server.dsn, 5)
    victim = await asyncpg.connect(server.dsn)
    os.kill(int(await victim.fetchval("SELECT pg_backend_pid()")), signal.SIGKILL)

    async def answers() -> bool:
        try:
            return await rows(server.dsn) == 5
        except (OSError, asyncpg.PostgresError):
            return False

    await eventually(answers)
    victim.terminate()


async def test_i1_when_we_are_killed_the_server_goes_and_the_next_start_finds_everything(
    make: Maker,
) -> None:
    for round_ in range(1, 4):
        child = start_child(make)
        assert child.stdout is not None
        dsn = (await asyncio.to_thread(child.stdout.readline)).strip()
        postmaster = int(await asyncio.to_thread(child.stdout.readline))
        await write(dsn, 50)
        assert os.getsid(postmaster) == postmaster  # Ctrl-C in our terminal does not reach it
        child.kill()
        child.wait()
        child.stdout.close()
        server = make.server()  # at once: the old server may still be going
        await server.start()
        assert await rows(server.dsn) == 50 * round_
        assert server.pid != postmaster
        assert not runs(postmaster)
        await server.stop()


async def test_a_pid_file_that_names_a_stranger_does_not_matter(make: Maker) -> None:
    server = make.server()
    await server.start()
    await server.stop()
    pid_file = make.root / "cluster" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n1700000000\n5432\n/tmp\n\n  1 1\nready\n")
    await server.start()
    await server.stop()


async def test_a_folder_has_one_server(server: EmbeddedPostgres, make: Maker) -> None:
    with pytest.raises(FolderInUse, match=str(os.getpid())):
        await make.server().start()
    assert server.pid is not None


async def test_only_the_socket_and_only_with_the_password(make: Maker) -> None:
    server = EmbeddedPostgres(make.data_dir, make.binaries)  # as the service starts it, with fsync
    make.made.append(server)
    connection = await asyncpg.connect(await server.start())
    shown = {
        name: await connection.fetchval("SELECT current_setting($1)", name)
        for name in (
            "listen_addresses",
            "fsync",
            "data_checksums",
            "server_encoding",
            "TimeZone",
            "password_encryption",
        )
    }
    assert not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    assert await connection.fetchval("SELECT lower('ĐƯỜNG TRẦN PHÚ')") == "đường trần phú"
    await connection.close()
    assert shown == {
        "listen_addresses": "", "fsync": "on", "data_checksums": "on", "server_encoding": "UTF8", "TimeZone": "UTC",
        "password_encryption": "scram-sha-256",
    }  # fmt: skip
    assert is_private(make.root / "run")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn.replace("ccc:", "ccc:wrong", 1))


async def test_the_servers_log_holds_no_values(server: EmbeddedPostgres, make: Maker) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE person (phone text PRIMARY KEY, age int CHECK (age > 0))")
    for statement in (
        "INSERT INTO person VALUES ('0912345678', -1)",
        "SELECT '0912345678'::int",
        "SELECT nowhere('0912345678')",
        "DO $$ BEGIN RAISE WARNING 'seen'; END $$",
    ):
        try:
            await connection.execute(statement)
        except asyncpg.PostgresError:
            continue
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute("INSERT INTO person VALUES ($1, $2)", "0912345678", -1)
    await connection.close()
    log = (make.root / "postgres.log").read_text()
    assert "seen" in log  # it is the right file
    assert "0912345678" not in log


async def test_data_of_another_version_is_refused_with_what_to_do(make: Maker) -> None:
    server = make.server()
    await server.start()
    await server.stop()
    version = make.root / "cluster" / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(ServerFailed, match=r"PostgreSQL 12.*CCC_DATABASE_URL"):
        await server.start()


async def test_an_interrupted_first_start_is_begun_anew(make: Maker) -> None:
    unfinished = make.data_dir / "postgres" / "cluster.new"
    unfinished.mkdir(parents=True)
    (unfinished / "half").touch()
    server = make.server()
    await server.start()
    await write(server.dsn, 1)
    assert await rows(server.dsn) == 1
    assert not unfinished.exists()
    await server.stop()


async def test_a_server_that_cannot_start_says_why(make: Maker) -> None:
    server = make.server(shared_buffers="nonsense")
    with pytest.raises(ServerFailed, match="shared_buffers"):
        await server.start()
    recovered = make.server()
    await recovered.start()
    await recovered.stop()


async def test_a_closed_folder_and_a_long_path_are_no_obstacle(make: Maker) -> None:
    """As root the server runs as somebody else, who cannot pass a closed folder; sockets have short paths only."""
    deep = make.data_dir / ("long" * 20) / "data"
    deep.mkdir(parents=True)
    (make.data_dir / ("long" * 20)).chmod(0o700)
    server = make.server(deep)
    await server.start()
    await write(server.dsn, 3)
    await server.stop()
    again = make.server(deep)
    await again.start()
    assert await rows(again.dsn) == 3
    await again.stop()
    shutil.rmtree((deep / "postgres").resolve())
