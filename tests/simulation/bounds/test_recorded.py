"""Bounds of what a journal recorded: no run exceeds the one with hindsight, and one queue of equal agents reaches the pooled one."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

import ccc_router
from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry, Input
from ccc_router.events.vocabulary import Channel
from ccc_router.routing.policy import Catalogue
from ccc_router.routing.step import Step
from ccc_router.simulation.bounds.apart import bounds_apart
from ccc_router.simulation.bounds.recorded import ChannelBounds, Recording, bounds_of
from ccc_router.simulation.workloads.recorder import Recorder
from ccc_router.simulation.workloads.workload import Arrival, Shift, Stayed, Window, Workload
from ccc_router.simulation.world.living import World
from tests.support.simulated import HOUR, START, a_day, demo, everybody, one_queue


def _played(catalogue: Catalogue, workload: Workload, from_ms: int) -> Recording:
    recorder, until = Recorder(), workload.window.until_ms

    def hear(given: Input, done: Step) -> None:
        for number, decision in enumerate(done.decisions, given.position + 1):
            kind = str(type(decision).__struct_config__.tag)
            recorder.take(Entry("p", number, given.at, "decision", kind, given.position, 1, canonical(decision)))

    World(catalogue, workload, hear).go()
    shifts = recorder.workload(from_ms, until).shifts
    return Recording(from_ms, until, tuple(recorder.stays(from_ms, until)), shifts, catalogue)


def _calls(seed: int, hours: int, load: float) -> tuple[Catalogue, Workload]:
    dice, catalogue = Random(seed), one_queue(10)
    at, arrivals, until = float(START), [], START + hours * HOUR
    while (at := at + dice.expovariate(load * 10 / 300_000)) < until:
        handling, patience = int(dice.expovariate(1 / 300_000)), 1 + int(dice.expovariate(1 / 180_000))
        arrivals.append(Arrival(int(at), Channel.PHONE, handling, queue="only", patience_ms=patience))
    return catalogue, Workload(Window(START, until, START), tuple(arrivals), everybody(catalogue, until))


def test_one_queue_of_equal_agents_reaches_the_pooled_system_and_not_the_hindsight() -> None:
    [found] = bounds_of(_played(*_calls(seed=3, hours=18, load=0.95), START))
    assert found.pooled is not None
    assert found.hindsight is not None
    assert found.contacts > 1_800
    assert abs(found.pooled - found.in_time) < 0.05 * found.contacts
    assert found.in_time < found.hindsight <= found.contacts


@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_busy_morning_no_channel_exceeds_its_bound(seed: int) -> None:
    """Twelve queues, agents of unlike skills who miss offers and take breaks, callers who give up, letters and chats."""
    recording = _played(demo(), a_day(seed, hours=11), START + 8 * HOUR)
    found = {one.channel: one for one in bounds_of(recording)}
    assert {Channel.PHONE, Channel.FANPAGE, Channel.EMAIL} <= found.keys()
    for one in found.values():
        assert one.hindsight is not None
        assert one.in_time <= one.hindsight <= one.contacts
    phone = found[Channel.PHONE]
    assert phone.in_time < (phone.hindsight or 0)
    assert found[Channel.EMAIL].without_pooled == "calls_only"


def _stay(at_s: int, waited_s: int, *, answered: bool = True, gave_up: bool = False, busy_s: int = 60) -> Stayed:
    return Stayed(START + 1000 * at_s, Channel.PHONE, ("only",), 1000 * waited_s, answered, gave_up, 1000 * busy_s)


def _one_agent(*stays: Stayed) -> ChannelBounds:
    shifts = (Shift("agent-000", START, START + HOUR),)
    [found] = bounds_of(Recording(START, START + HOUR, stays, shifts, one_queue(1)))
    return found


def test_hindsight_of_one_agent_done_by_hand() -> None:
    """Three come at once and he has 20 s for each: one in time, then the short one besides, if he talks no longer than 15 s."""
    long = (_stay(0, 0), _stay(0, 60), _stay(0, 120))
    assert (_one_agent(*long).in_time, _one_agent(*long).hindsight) == (1, 1)
    assert _one_agent(_stay(0, 60), _stay(0, 0), _stay(0, 120, busy_s=5)).hindsight == 2
    gone = _one_agent(_stay(0, 0), _stay(0, 5, answered=False, gave_up=True, busy_s=0))
    assert (gone.in_time, gone.hindsight) == (1, 2), "of who gave up it is unknown how long he would have talked"


def test_who_can_still_be_answered_in_time_is_not_counted() -> None:
    waits = _stay(3_590, 10, answered=False, busy_s=0)
    late = _stay(3_500, 100, answered=False, busy_s=0)
    found = _one_agent(_stay(0, 0), waits, late)
    assert (found.contacts, found.in_time) == (2, 1)


async def test_another_process_finds_the_same_and_ends_when_there_is_no_time() -> None:
    recording = _played(*_calls(seed=3, hours=2, load=0.9), START)
    assert await bounds_apart([recording, recording], within_s=60) == [bounds_of(recording)] * 2
    assert await bounds_apart([recording], within_s=0.01) is None


def test_without_the_solver_the_hindsight_is_unknown_and_the_rest_is_said() -> None:
    recording = _played(*_calls(seed=3, hours=2, load=0.9), START)
    program = (
        "import sys; sys.modules['scipy'] = None\n"
        "import msgspec; from ccc_router.simulation.bounds.recorded import *\n"
        "one = msgspec.json.decode(sys.stdin.buffer.read(), type=Recording)\n"
        "sys.stdout.buffer.write(msgspec.json.encode(bounds_of(one)))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(ccc_router.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=msgspec.json.encode(recording),
        capture_output=True,
        check=True,
        env=environment,
    )
    [found] = msgspec.json.decode(ran.stdout, type=list[ChannelBounds])
    assert (found.hindsight, found.without_hindsight) == (None, "not_installed")
    assert found.pooled is not None
