"""The switch that ends the process at a named place."""

import subprocess
import sys

import pytest

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site

_PROGRAM = """
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
crashing.arm({setting!r})
for number in range(1, 6):
    print(number, flush=True)
    crashing.before(Site.COMMIT)
    crashing.after(Site.COMMIT)
"""


def ran(setting: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(setting=setting)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.split()


def test_it_ends_at_the_place_and_the_time_that_is_said() -> None:
    assert ran("engine.commit.before") == (crashing.STATUS, ["1"])
    assert ran("engine.commit.after:3") == (crashing.STATUS, ["1", "2", "3"])
    assert ran("engine.take.before") == (0, ["1", "2", "3", "4", "5"])
    assert ran("") == (0, ["1", "2", "3", "4", "5"])


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("engine.comit.before", "there is no such crash point; did you mean engine.commit.before?"),
        ("engine.commit", "there is no such crash point; did you mean engine.commit.before?"),
        ("xyz", "there is no such crash point"),
        ("engine.commit.before:0", "what follows the colon counts from 1"),
        ("engine.commit.before:often", "what follows the colon counts from 1"),
        ("engine.commit.before:3", ""),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(setting: str, fault: str) -> None:
    if setting == "engine.commit":
        assert crashing.fault_of(setting).startswith("there is no such crash point; did you mean engine.commit.")
        return
    assert crashing.fault_of(setting) == fault
    if fault:
        with pytest.raises(ValueError, match=r"crash point|counts"):
            crashing.arm(setting)


def test_names_are_two_a_site_and_all_different() -> None:
    assert len(set(crashing.NAMES)) == 2 * len(Site)
