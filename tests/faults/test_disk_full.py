"""I1, I14: the disk of the database is full. What comes is refused with 503 and 451, nothing acknowledged is lost, and room heals it.

The data folder is a small file system of its own; these tests are there where one may be mounted (for root, such as in CI's container).
"""

import asyncio
import os
import shutil
import smtplib
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from ccc_router.storage.embedded import EmbeddedPostgres, bundled
from ccc_router.storage.embedded.folder import FolderInUse
from tests.acceptance.surroundings import the_catalogue
from tests.support.crowd import Crowd, well_again
from tests.support.database import make_folder
from tests.support.process import Process, free_port
from tests.support.waiting import eventually

_SIZE: Final = "size=160m"
_LEFT: Final = 1_500_000
_FILLING: Final = "ạ" * 8_000
_MAIL: Final = (
    b"From: <hoi@example.net>\r\nTo: ccc@example.org\r\nMessage-ID: <%d@x>\r\n\r\n" + b"Xin hoi. " * 2_000 + b"\r\n"
)

TAKEN: Final = 250
LATER: Final = {421, 451}


def may_mount() -> bool:
    """Whether this process may mount a file system at all."""
    folder = make_folder("ccc-mount-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode == 0:
        subprocess.run(["umount", folder], check=True)
    folder.rmdir()
    return done.returncode == 0


PLACES: Final = ("tmpfs",) if os.geteuid() == 0 and shutil.which("mount") and may_mount() else ()


@contextmanager
def a_small_disk(kind: str) -> Iterator[Path]:
    folder = make_folder("ccc-full-")
    subprocess.run(["mount", "-t", kind, "-o", f"{_SIZE},mode=0755", kind, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@asynccontextmanager
async def on(folder: Path) -> AsyncIterator[tuple[Process, int]]:
    """The service with its own PostgreSQL there; the port of its SMTP listener."""
    smtp = free_port()
    service = Process(
        make_folder("ccc-away-"),
        the_catalogue(),
        CCC_DATA_DIR=str(folder / "data"),
        CCC_DATABASE_STATEMENT_S="2",
        CCC_OUTCOME_WAIT_S="1",
        CCC_FORMS_PER_MINUTE="100000",
        CCC_SMTP_PORT=str(smtp),
    )
    try:
        await service.start()
        yield service, smtp
    finally:
        await service.close()
    shutil.rmtree(service.folder, ignore_errors=True)  # after a failure it stays: its log says why


def fill(folder: Path, left: int) -> Path:
    """Take the room there is, but so many bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        room = shutil.disk_usage(folder).free - left
        file.write(bytes(max(0, room)))
    return ballast


class Mails:
    """A mail server's queue: what was taken, and which mail is next."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.number = 0
        self.taken: set[int] = set()

    async def next(self) -> int:
        """Hand another mail over; what the listener says."""
        self.number += 1
        return await self.again()

    async def again(self) -> int:
        """The same mail again."""
        said = await asyncio.to_thread(self._hand_over)
        if said == TAKEN:
            self.taken.add(self.number)
        return said

    def _hand_over(self) -> int:
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=25) as client:
                client.sendmail("hoi@example.net", ["ccc@example.org"], _MAIL % self.number)
        except smtplib.SMTPResponseException as refused:
            return refused.smtp_code
        return TAKEN


async def address_in(folder: Path) -> str:
    """The address of the server that the service runs in its data folder."""
    binaries = bundled()
    assert binaries is not None
    neighbour = EmbeddedPostgres(folder / "data", binaries)
    with pytest.raises(FolderInUse):
        await neighbour.start()
    return neighbour.dsn


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", PLACES)
async def test_i14_i1_a_full_disk_refuses_what_comes_and_loses_nothing(kind: str) -> None:
    with a_small_disk(kind) as folder:
        async with on(folder) as (service, smtp):
            crowd, mails = Crowd(service, _FILLING), Mails(smtp)
            assert all(await crowd.all_at_once())
            assert await mails.next() == TAKEN
            ballast = fill(folder, _LEFT)

            async def nothing_is_taken() -> bool:
                return not any((await crowd.all_at_once())[:8]) and await mails.next() in LATER

            await eventually(nothing_is_taken, within_s=90, what="the disk to be full")
            ballast.unlink()
            await well_again(service, crowd, await address_in(folder), others=len(mails.taken))
            assert await mails.again() == TAKEN, "the mail server's queue hands over what was put off"
