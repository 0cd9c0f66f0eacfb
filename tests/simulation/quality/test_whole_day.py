"""The whole day of the country: what is counted while it goes on is what is counted at the end, and only what is open stays in memory."""

from collections.abc import Iterator

import pytest

from ccc_router.simulation.measures import measure, thresholds_of
from ccc_router.simulation.workloads.synthetic import arriving, synthetic
from ccc_router.simulation.world.living import World
from ccc_router.simulation.world.stays import Outcome
from quality.country import Play, catalogue, describe, lines, lived, spread
from quality.tally import HOUR_MS, Tally, together
from quality.whole_day import Day, agents_in, described, report
from tests.simulation.quality.test_country import FEW


def a_day(helpers: str = "large", a_day: int = 1500) -> Day:
    day = Day(Play(helpers, a_day, crisis="b", factor=3.0, people=FEW))
    day.live()
    return day


def test_arrivals_that_are_drawn_when_they_are_due_are_those_of_the_whole_workload() -> None:
    play = Play(people=FEW, crisis="b", a_day=9_000)
    made = catalogue(play, "b")
    hour = describe(play, "b")
    assert tuple(arriving(hour, made, 7)) == synthetic(hour, made, 7).arrivals


def test_i18_a_tally_that_lets_go_every_hour_counts_what_the_measures_count() -> None:
    """The same run: its stays once measured at the end, once folded twice on the way and once at the end."""
    play = Play(hours=2, warm_up_hours=0, people=FEW, crisis="b", a_day=4000)
    made = catalogue(play, "b")
    workload, thresholds = synthetic(describe(play, "b"), made, 1), thresholds_of(made)
    whole = measure(World(made, workload).go(), thresholds).channels["phone"]
    world = World(made, workload)
    run = world.run
    tally = Tally(workload.window.from_ms, workload.window.until_ms, thresholds)
    begins, left = workload.window.from_ms, list[int]()
    while world.go_on():
        if len(left) < 2 and world.state.now >= begins + (len(left) + 1) * HOUR_MS // 2:
            left.append(tally.fold({"b": run}))
    world.end()
    tally.fold({"b": run}, last=True)
    calls = together(tally.calls.values())
    assert calls.offered == whole.offered > 50
    assert [calls.outcomes[one] for one in (Outcome.CLOSED, Outcome.ABANDONED, Outcome.OPEN)] == [
        whole.closed, whole.abandoned, whole.open,
    ]  # fmt: skip
    assert (calls.in_time, calls.service_level, calls.abandoned) == (
        whole.in_time, whole.service_level, whole.abandonment,
    )  # fmt: skip
    assert calls.mean_wait_s == pytest.approx(whole.mean_wait_ms / 1000)
    assert calls.wait_s(0.95) == whole.p95_wait_ms // 1000
    assert run.stays == []
    assert max(left) < calls.offered / 2, "what was over had been let go"


def test_the_whole_day_counts_everybody_and_keeps_only_what_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    """I18: every arrival of every pool is in the tally once, and no case of a contact that was answered is left in memory."""
    day = a_day()
    expected = sum(
        sum(1 for _ in _drawn(day, number, pool)) for number, pool in enumerate(day.play.people)
    )  # without those who called again
    assert day.tally.came() >= expected > 1000
    for world in day.country.worlds.values():
        assert isinstance(world, World)
        assert world.run.stays == []
        assert all(case.contacts or case.state != "resolved" for case in world.state.cases.values())
    told = capsys.readouterr().err.splitlines()
    assert [line[:5] for line in told] == [f"{hour:02d}:00" for hour in range(1, 25)]
    shown = list(report(day))
    assert sum(line.startswith(f"| {hour:02d} |") for hour in range(24) for line in shown) == 24
    assert sum(day.country.moved.values()) > 0


def _drawn(day: Day, number: int, pool: str) -> Iterator[object]:
    world = day.country.worlds[pool]
    assert isinstance(world, World)
    return arriving(described(day.play, pool), world.state.book.catalogue, 1000 * day.play.seed + number)


def test_the_same_seed_is_the_same_day() -> None:
    one, other = (list(report(a_day("neighbours", 400)))[:-1] for _ in range(2))
    assert one == other


def test_agents_follow_the_hours() -> None:
    play = Play(people=FEW, crisis="b")
    needed = [agents_in(play, "a", hour) for hour in range(24)]
    assert max(needed) == needed[9] > 5 * min(needed)


def test_over_seeds_a_mean_has_an_interval_and_one_seed_has_none() -> None:
    play = Play("none", 9_000, 0.1, 0.05, crisis="b", people=FEW)
    found = [
        lines(one, *lived(one)[:2]) for one in (play, Play("none", 9_000, 0.1, 0.05, crisis="b", people=FEW, seed=2))
    ]
    rows = list(spread(play, found))
    assert len(rows) == len(found[0])
    assert all(" ± " in row for row in rows)
    assert not any(" ± " in row for row in spread(play, found[:1]))
