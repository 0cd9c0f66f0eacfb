"""Secrets by name, from variables and files, with rotation."""

import stat
from pathlib import Path

import pytest

from ccc_router.kernel import signing
from ccc_router.kernel.secret_store import SecretStore
from tests.support.fake_clock import FakeClock


def test_a_variable_wins_over_a_file_and_holds_several(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "page-1.verify").write_text("from-file")
    store = SecretStore({"CCC_SECRET_PAGE_1_VERIFY": "new, old", "OTHER": "x"}, [tmp_path], clock)
    assert store.of("page-1.verify") == ("new", "old")
    assert SecretStore({}, [tmp_path], clock).of("page-1.verify") == ("from-file",)


async def test_a_rotated_file_is_read_again_without_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    store = SecretStore({}, [tmp_path], clock)
    assert store.of("hotline") == ()
    (tmp_path / "hotline").write_text("old\n")
    await clock.advance(6)
    assert store.of("hotline") == ("old",)
    (tmp_path / "hotline").write_text("new\nold\n")
    assert store.of("hotline") == ("old",)
    await clock.advance(6)
    assert store.of("hotline") == ("new", "old")


@pytest.mark.parametrize("name", ["", "../signing.key", "/etc/hostname", ".hidden", "a/b", "a\0b", "x" * 101])
def test_a_name_never_leads_out_of_the_folder(tmp_path: Path, clock: FakeClock, name: str) -> None:
    inside = tmp_path / "secrets"
    inside.mkdir()
    (tmp_path / "signing.key").write_text("no")
    store = SecretStore({}, [inside], clock)
    assert store.of(name) == ()
    with pytest.raises(ValueError, match="name"):
        store.ensure(name)


def test_a_missing_secret_can_be_made_once(tmp_path: Path, clock: FakeClock) -> None:
    store = SecretStore({}, [tmp_path / "none", tmp_path / "made"], clock)
    made = store.ensure("dept-1")
    assert signing.key_of(made[0]) is not None
    assert store.ensure("dept-1") == made == SecretStore({}, [tmp_path / "made"], clock).of("dept-1")
    assert stat.S_IMODE((tmp_path / "made" / "dept-1").stat().st_mode) == 0o600
    with pytest.raises(LookupError):
        SecretStore({}, [], clock).ensure("dept-1")
