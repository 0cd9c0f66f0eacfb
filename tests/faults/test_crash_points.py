"""I1, I2, I4, I6, I10, I13, I15, I16: the process ends at each commit, send and answer, before it and after it, and nothing is lost or doubled.

The suite walks the points at which something is promised or leaves; `make soak` walks all that the history comes by.
"""

from typing import Final

import pytest

from ccc_router.kernel.crashing import NAMES
from tests.support.crash_walk import a_walk

IN_THE_SUITE: Final = (
    "inbox.append.after:3",
    "engine.commit.before:9",
    "engine.commit.after:12",
    "delivery.send.after",
    "delivery.end.after:2",
)
UNWALKED: Final[dict[str, str]] = {}
WALKED: Final = tuple(name for name in NAMES if name.rpartition(".")[0] not in UNWALKED)


async def crash_at(dsn: str, point: str) -> None:
    async with a_walk(dsn, point) as walk:
        await walk.begin()
        await walk.history()
        await walk.judge()


@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", IN_THE_SUITE)
async def test_a_crash_where_something_is_promised_or_leaves_loses_and_doubles_nothing(dsn: str, point: str) -> None:
    await crash_at(dsn, point)


@pytest.mark.soak
@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", WALKED)
async def test_a_crash_at_any_point_loses_and_doubles_nothing(dsn: str, point: str) -> None:
    await crash_at(dsn, point)
