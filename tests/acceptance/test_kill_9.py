"""I1, I2: the whole service is killed again and again with requests in flight; the clients' own ledger is the judge.

What was acknowledged is there exactly once; what was not may or may not be there, and is there at most once. Four kills, for the
suite; many more, of every process, of PostgreSQL and of Kafka, with every invariant checked, are the soak's (`make soak`).
"""

import asyncio
import random

import pytest

from ccc_router.kernel.tasks import Tasks
from tests.acceptance.surroundings import the_catalogue
from tests.support.process import Process, a_process
from tests.support.storm import Storm, judge
from tests.support.waiting import until

KILLS = 4
VISITORS = 60
AGENTS = ("an", "binh")


async def get_on(storm: Storm) -> None:
    """One more acknowledgement, however slowly: a busy machine proves nothing."""
    before = storm.ledger.acknowledged
    await until(lambda: storm.ledger.acknowledged > before, within_s=60, what="the service to get on with it")


async def kill_once(service: Process, storm: Storm, running: list[asyncio.Task[None]], rng: random.Random) -> None:
    """Let it get on with it for a while, then kill it and start it again."""
    ended = [one for one in running if one.done()]
    assert not ended, ended[0].exception()
    wanted = storm.ledger.acknowledged + rng.randint(5, 60)
    while storm.ledger.acknowledged < wanted:
        await get_on(storm)
    await service.kill()
    await service.start()


def begin(storm: Storm, tasks: Tasks) -> list[asyncio.Task[None]]:
    """Everybody comes."""
    running = [tasks.start(storm.visitor(number), name=f"visitor-{number}") for number in range(VISITORS)]
    return running + [tasks.start(storm.agent(subject), name=subject) for subject in AGENTS]


@pytest.mark.timeout(300)  # on a busy machine each start takes long, and proves nothing
async def test_i1_i2_killed_again_and_again_with_requests_in_flight_nothing_is_lost_or_doubled(
    rng: random.Random,
) -> None:
    """R-11, R-38: nodes share the work by pool under a fencing token; a killed node loses nothing."""
    async with a_process(the_catalogue(), CCC_FORMS_PER_MINUTE="1000000") as service:
        storm = Storm(service)
        running = begin(storm, Tasks())
        for _ in range(KILLS):
            await kill_once(service, storm, running, rng)
        storm.over.set()
        await asyncio.wait_for(asyncio.gather(*running), 60)
        assert storm.ledger.most_in_flight >= 50
        await judge(service, storm.ledger)
