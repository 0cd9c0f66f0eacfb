"""An experiment in a process of its own: the same figures as here, and none when there is no time."""

from ccc_router.simulation.apart import Task, done, done_apart
from tests.support.simulated import a_day, demo

TASK = Task(demo(), demo(), a_day(hours=8), 2)


async def test_another_process_finds_the_same() -> None:
    assert await done_apart(TASK, within_s=30) == done(TASK)


async def test_what_takes_too_long_is_ended() -> None:
    assert await done_apart(TASK, within_s=0.01) is None
