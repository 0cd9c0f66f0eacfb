"""Backups of a service that works, by PostgreSQL's own programs, and the same service on what was restored."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ccc_router.routing.policy import Catalogue
from ccc_router.storage.embedded import EmbeddedPostgres, bundled
from ccc_router.storage.embedded.binaries import Binaries
from tests.support.database import make_folder
from tests.support.process import Process


async def program(
    name: str, *arguments: str, dsn: str = "", superuser: bool = False, of: Binaries | None = None
) -> None:
    """Run one of PostgreSQL's programs (the bundled ones unless ``of`` others) against a server; what it says goes into the failure."""
    binaries = of or bundled()
    assert binaries is not None
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    if dsn:
        parts, query = urlsplit(dsn), parse_qs(urlsplit(dsn).query)
        environment |= {
            "PGHOST": query["host"][0], "PGPORT": query["port"][0], "PGPASSWORD": parts.password or "",
            "PGUSER": "postgres" if superuser else parts.username or "", "PGDATABASE": parts.path.strip("/"),
        }  # fmt: skip
    ran = await asyncio.create_subprocess_exec(
        binaries.program(name),
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await ran.communicate()
    assert ran.returncode == 0, f"{name}: {told.decode()[-2000:]}"


def address(service: Process) -> str:
    """Where the embedded server of a running service is."""
    base = (service.folder / "data" / "postgres").resolve()
    return f"postgresql://ccc:{(base / 'password').read_text()}@/ccc?host={base / 'run'}&port=5432"


async def dump(service: Process, file: Path) -> None:
    """`pg_dump` while it works: one snapshot."""
    await program("pg_dump", "--format=custom", f"--file={file}", dsn=address(service))


async def copy_cluster(service: Process, folder: Path) -> None:
    """`pg_basebackup` while it works: the whole cluster, with the log that makes it whole."""
    await program(
        "pg_basebackup", f"--pgdata={folder}", "--wal-method=stream", "--checkpoint=fast", dsn=address(service), superuser=True
    )  # fmt: skip


async def from_dump(file: Path, catalogue: Catalogue, keys: Path, **more: str) -> Process:
    """The service on a new cluster that a dump was loaded into. Not started yet."""
    restored = _beside(catalogue, keys, more)
    binaries = bundled()
    assert binaries is not None
    server = EmbeddedPostgres(restored.folder / "data", binaries)
    try:
        dsn = await server.start()
        await program("pg_restore", "--exit-on-error", "--no-owner", "--dbname=ccc", str(file), dsn=dsn)
    finally:
        await server.stop()
    return restored


def from_copy(folder: Path, of: Process, catalogue: Catalogue, keys: Path, **more: str) -> Process:
    """The service on a copied cluster. Not started yet."""
    restored = _beside(catalogue, keys, more)
    old = (of.folder / "data" / "postgres").resolve()
    new = restored.folder / "data" / "postgres"
    new.mkdir(parents=True)
    shutil.copytree(folder, new / "cluster")
    (new / "cluster").chmod(0o700)
    shutil.copy2(old / "password", new / "password")  # the roles of the copy have it
    owner = (old / "cluster").stat()
    if os.geteuid() == 0:
        for place in (new / "cluster", *(new / "cluster").rglob("*")):
            os.chown(place, owner.st_uid, owner.st_gid)
    return restored


def _beside(catalogue: Catalogue, keys: Path, more: dict[str, str]) -> Process:
    restored = Process(make_folder("ccc-restored-"), catalogue, **more)
    (restored.folder / "data").mkdir()
    if keys.exists():
        shutil.copytree(keys, restored.folder / "data" / "secrets")
    return restored


async def command(service: Process, *words: str) -> str:
    """What ``ccc-router …`` says with this service's settings; it must end well."""
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ccc_router", *words),
        env=service._environment, cwd=service.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, errors = await ran.communicate()
    assert ran.returncode == 0, errors.decode()[-2000:]
    return told.decode()
