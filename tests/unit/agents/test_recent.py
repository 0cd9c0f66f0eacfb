"""What many look at in the same moment is made for all of them together, and never before they asked."""

import asyncio

from ccc_router.agents.waiting.recent import Recent
from ccc_router.kernel.tasks import Tasks
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

    recent: Recent[int] = Recent()
    tasks = Tasks()
    first = tasks.start(recent.get(make), name="first")
    await until(lambda: made == 1)
    crowd = [tasks.start(recent.get(make), name=f"one-{number}") for number in range(20)]
    gate.set()
    assert await first == 1
    assert [await one for one in crowd] == [2] * 20, "they asked while the first was being made"
    assert await recent.get(make) == 3
