"""Loops run when woken and by the clock, survive what they raise, and stop within the time they are given (I17)."""

import asyncio

import pytest

from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Loop, Supervisor, Tasks, stop_quietly
from tests.support.fake_clock import FakeClock


async def test_a_loop_runs_at_its_interval_and_when_woken(clock: FakeClock) -> None:
    runs = 0

    async def run_once() -> None:
        nonlocal runs
        runs += 1

    supervisor = Supervisor(clock)
    loop = supervisor.add(Loop("tick", run_once, 10.0))
    await clock.settle()
    assert runs == 1
    await clock.advance(9.9)
    assert runs == 1
    await clock.advance(0.2)
    assert runs == 2
    loop.wake()
    loop.wake()
    await clock.settle()
    assert runs == 3
    assert (loop.runs, loop.crashes, loop.alive) == (3, 0, True)
    await supervisor.stop(1)
    assert not loop.alive


async def test_a_wake_up_during_a_run_makes_another_run(clock: FakeClock) -> None:
    runs = 0

    async def run_once() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            loop.wake()

    supervisor = Supervisor(clock)
    loop = supervisor.add(Loop("again", run_once, 1000.0))
    await clock.settle()
    assert runs == 2
    await supervisor.stop(1)


async def test_a_loop_that_knows_of_more_goes_on_and_lets_others_in(clock: FakeClock) -> None:
    seen: list[str] = []

    async def busy() -> bool:
        seen.append("busy")
        return len(seen) < 8

    async def other() -> None:
        seen.append("other")

    supervisor = Supervisor(clock)
    supervisor.add(Loop("busy", busy, 1000.0))
    supervisor.add(Loop("other", other, 1000.0))
    await clock.settle()
    assert seen.count("busy") >= 6
    assert "other" in seen[:3]
    await supervisor.stop(1)


async def test_a_crash_restarts_the_loop_with_backoff(clock: FakeClock) -> None:
    runs = 0

    async def run_once() -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise RuntimeError("broken")

    supervisor = Supervisor(clock)
    loop = supervisor.add(Loop("shaky", run_once, 1000.0))
    await clock.settle()
    assert loop.crashes >= 1
    assert loop.alive
    await clock.advance(20)
    assert (loop.crashes, loop.runs) == (3, 1)
    await supervisor.stop(1)


async def test_a_vital_loop_that_crashes_is_told_and_not_restarted(clock: FakeClock) -> None:
    async def run_once() -> None:
        raise RuntimeError("gone")

    supervisor = Supervisor(clock)
    loop = supervisor.add(Loop("engine", run_once, 1.0, vital=True))
    error = await supervisor.fatal()
    assert isinstance(error, RuntimeError)
    await clock.advance(60)
    assert loop.crashes == 1
    await supervisor.stop(1)


async def test_i17_stop_lets_the_run_under_way_finish() -> None:
    clock = SystemClock()
    started, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run_once() -> None:
        started.set()
        await may_end.wait()
        ended.set()

    supervisor = Supervisor(clock)
    supervisor.add(Loop("slow", run_once, 1.0))
    await started.wait()
    tasks = Tasks()
    stopping = tasks.start(supervisor.stop(5), name="stop")
    again = tasks.start(supervisor.stop(5), name="stop again")
    await FakeClock().settle()  # both are waiting for the run by now
    assert supervisor.stopping
    assert not stopping.done()
    may_end.set()
    await asyncio.gather(stopping, again)
    assert ended.is_set()
    await supervisor.stop(5)


async def test_i17_stop_takes_no_longer_than_it_is_given() -> None:
    async def run_once() -> None:
        await asyncio.Event().wait()

    supervisor = Supervisor(SystemClock())
    loop = supervisor.add(Loop("stuck", run_once, 1.0))
    async with asyncio.timeout(30):
        await supervisor.stop(0.05)
    assert not loop.alive


async def test_names_are_used_once_and_nothing_starts_after_stop(clock: FakeClock) -> None:
    async def run_once() -> None: ...

    supervisor = Supervisor(clock)
    supervisor.add(Loop("one", run_once, 1.0))
    with pytest.raises(ValueError, match="one"):
        supervisor.add(Loop("one", run_once, 1.0))
    await supervisor.stop(0.1)
    with pytest.raises(RuntimeError):
        supervisor.add(Loop("two", run_once, 1.0))


async def test_a_task_is_owned_until_it_ends_and_its_error_is_not_lost() -> None:
    async def fail() -> None:
        raise RuntimeError("heard")

    tasks = Tasks()
    task = tasks.start(fail(), name="fails")
    assert len(tasks) == 1
    with pytest.raises(RuntimeError, match="heard"):
        await task
    await tasks.close()
    assert len(tasks) == 0
    forever = tasks.start(asyncio.Event().wait(), name="forever")
    await stop_quietly(forever)
    assert forever.cancelled()


async def test_the_systems_clock_waits_for_an_event_or_the_time() -> None:
    clock = SystemClock()
    event = asyncio.Event()
    assert not await clock.wait(event, 0.001)
    tasks = Tasks()
    tasks.start(_set(event), name="set")
    assert await clock.wait(event, None)
    assert await clock.wait(event, 0)
    await clock.sleep(0)
    await tasks.close(1)


async def _set(event: asyncio.Event) -> None:
    event.set()
