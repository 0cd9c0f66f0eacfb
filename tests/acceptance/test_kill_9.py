"""I1, I2: the whole service is killed again and again with requests in flight; the clients' own ledger is the judge.

What was acknowledged is there exactly once; what was not may or may not be there, and is there at most once.
"""

import asyncio
import json
import os
import random
import sys

import pytest

from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Tasks
from tests.acceptance.surroundings import the_catalogue
from tests.support.process import Process, a_process
from tests.support.storm import Storm, judge
from tests.support.waiting import until

KILLS = 30
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


@pytest.mark.timeout(420)
async def test_i1_i2_killed_thirty_times_with_requests_in_flight_nothing_is_lost_or_doubled(rng: random.Random) -> None:
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


@pytest.mark.soak
async def test_soak_with_kills_for_minutes(rng: random.Random) -> None:
    """`make soak MINUTES=30`: the same for as long as asked; the last line printed is one JSON object."""
    minutes = float(os.environ.get("CCC_TEST_SOAK_MINUTES", "5"))
    clock = SystemClock()
    async with a_process(the_catalogue(), CCC_FORMS_PER_MINUTE="1000000") as service:
        storm = Storm(service)
        running = begin(storm, Tasks())
        kills, until_s = 0, clock.monotonic() + 60 * minutes
        while clock.monotonic() < until_s:
            await kill_once(service, storm, running, rng)
            kills += 1
        storm.over.set()
        await asyncio.wait_for(asyncio.gather(*running), 60)
        entries = await judge(service, storm.ledger)
        ledger = storm.ledger
        said = {
            "minutes": minutes,
            "kills": kills,
            "acknowledged": ledger.acknowledged,
            "asked": ledger.asked,
            "entries": entries,
        }
        sys.stdout.write(f"\n{json.dumps({**said, 'lost': 0, 'doubled': 0})}\n")
