"""I12: engine time never goes back, passes with the monotonic clock, and is drawn slowly to the database's clock."""

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.queues.engine_time import EngineTime
from tests.support.fake_clock import FakeClock


async def test_it_goes_on_from_the_last_entry_however_long_nobody_led() -> None:
    clock = FakeClock()
    last = 1_000_000
    time = EngineTime(clock, last, last + 3_600_000)
    assert time.now() == last
    await clock.advance(10)
    assert last + 10_000 <= time.now() <= last + 11_000


async def test_i12_a_long_time_without_an_engine_is_jumped_over_once() -> None:
    """It says how far, so that the deadlines of those who could not act move as far; then it is with the database's clock."""
    clock = FakeClock()
    time = EngineTime(clock, 1_000_000, 4_600_000)
    assert time.resume() == 3_600_000
    assert time.now() == 4_600_000
    assert (time.lag_ms, time.resume()) == (0, 0)
    await clock.advance(10)
    assert time.now() == 4_610_000
    assert time.of(2_000_000) == 2_000_000, "what was received meanwhile was received then"


async def test_i12_a_short_one_and_a_clock_that_is_behind_are_made_up_for_slowly() -> None:
    for database_ms in (1_004_000, 400_000):
        time = EngineTime(FakeClock(), 1_000_000, database_ms)
        assert time.resume() == 0
        assert time.now() == 1_000_000


async def test_it_meets_the_database_clock_and_stays_with_it() -> None:
    clock = FakeClock()
    time = EngineTime(clock, 1_000_000, 1_030_000)
    for second in range(1, 4_000):
        await clock.advance(1)
        time.observe(1_030_000 + second * 1_000)
    assert abs(time.lag_ms) < 50


async def test_a_backward_jump_of_the_database_clock_only_slows_it() -> None:
    clock = FakeClock()
    time = EngineTime(clock, 0, 1_000_000)
    await clock.advance(1)
    before = time.now()
    time.observe(400_000)
    assert time.now() >= before
    await clock.advance(10)
    assert time.now() - before >= 9_000


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(-10_000_000, 10_000_000)), max_size=30))
def test_it_never_goes_back(steps: list[tuple[float, int]]) -> None:
    """Whatever the database's clock says and however irregularly it is asked."""
    clock = FakeClock()
    time = EngineTime(clock, 50_000_000, 50_000_000)
    latest = time.now()
    for seconds, jump in steps:
        clock._move(seconds)
        assert time.now() >= latest
        time.observe(50_000_000 + jump)
        assert time.now() >= latest
        latest = time.now()


async def test_a_timer_is_never_early() -> None:
    """Waiting as long as `seconds_until` says brings one to the moment, not before it."""
    clock = FakeClock()
    time = EngineTime(clock, 1_000_000, 1_100_000)
    due = time.now() + 15_000
    await clock.advance(time.seconds_until(due) + 0.001)
    assert time.now() >= due
    assert time.seconds_until(due) == 0.0


async def test_a_receipt_is_never_later_than_now() -> None:
    """What came while nobody led waited since then, in engine time."""
    clock = FakeClock()
    time = EngineTime(clock, 1_000_000, 1_600_000)
    assert time.of(1_599_000) == 999_000
    assert time.of(1_700_000) == time.now()
