"""What many look at in the same moment is made for all of them together, never before they asked, and takes its share (R-27)."""

import asyncio
import itertools

import pytest

from ccc_router.agents.store.recent import PATIENCE_S, RESTS, Recent
from ccc_router.kernel.tasks import Tasks
from tests.support.fake_clock import FakeClock
from tests.support.waiting import until


async def test_a_crowd_makes_two_at_most_and_nobody_gets_an_older_one() -> None:
    made = 0
    gate = asyncio.Event()

    async def make() -> int:
        nonlocal made
        made += 1
        number = made
        if number == 1:
            await gate.wait()
        return number

    recent: Recent[int] = Recent(FakeClock())
    tasks = Tasks()
    first = tasks.start(recent.get(make), name="first")
    await until(lambda: made == 1)
    crowd = [tasks.start(recent.get(make), name=f"one-{number}") for number in range(20)]
    gate.set()
    assert await first == 1
    assert [await one for one in crowd] == [2] * 20, "they asked while the first was being made"
    assert await recent.get(make) == 3


@pytest.mark.parametrize("took_s", [0.01, 0.2, 3.0])
async def test_r27_making_it_has_a_twentieth_of_the_time_however_often_it_is_asked_for(took_s: float) -> None:
    clock = FakeClock()
    made: list[float] = []

    async def make() -> int:
        made.append(clock.monotonic())
        await clock.sleep(took_s)
        return len(made)

    recent: Recent[int] = Recent(clock)
    tasks = Tasks()
    until_s = clock.monotonic() + 10 * RESTS * took_s
    while clock.monotonic() < until_s:
        asked = [tasks.start(recent.get(make), name="asks") for _ in range(3)]
        while not all(one.done() for one in asked):
            await clock.advance(took_s / 4)
        await clock.advance(took_s / 4)
    gaps = [later - earlier for earlier, later in itertools.pairwise(made)]
    assert len(made) > 5
    assert min(gaps) > RESTS * took_s


async def test_who_would_wait_too_long_gets_the_last_one_at_once() -> None:
    clock = FakeClock()

    async def make() -> float:
        await clock.sleep(1.0)
        return clock.monotonic()

    recent: Recent[float] = Recent(clock)
    tasks = Tasks()
    first = tasks.start(recent.get(make), name="first")
    await clock.advance(1.0)
    assert await recent.get(make) == await first
    await clock.advance(RESTS - PATIENCE_S)
    waits = tasks.start(recent.get(make), name="waits")
    await clock.advance(PATIENCE_S + 1.0)
    assert await waits > await first


async def test_what_failed_is_rested_from_as_well() -> None:
    """A statement that ran into its time limit is the costliest of all."""
    clock = FakeClock()
    tries: list[float] = []

    async def make() -> int:
        tries.append(clock.monotonic())
        await clock.sleep(2.0)
        raise TimeoutError

    recent: Recent[int] = Recent(clock)
    tasks = Tasks()
    for _ in range(2):
        asked = tasks.start(recent.get(make), name="asks")
        while not asked.done():
            await clock.advance(0.5)
        assert isinstance(asked.exception(), TimeoutError)
    assert tries[1] - tries[0] >= RESTS * 2.0
