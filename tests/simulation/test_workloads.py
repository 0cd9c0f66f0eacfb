"""Workloads: as many as described, when described, and the same from a file."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.errors import Misconfigured
from ccc_router.simulation.workloads.description import Behaviour, Description, Surge, flat
from ccc_router.simulation.workloads.files import read_lines, write_lines
from ccc_router.simulation.workloads.resampled import resampled
from ccc_router.simulation.workloads.synthetic import synthetic
from ccc_router.simulation.workloads.workload import MISSED, Arrival, Workload
from tests.support.simulated import HOUR, START, a_day, demo


def _came(description: Description, seed: int = 1) -> Counter[tuple[int, int]]:
    """(weekday, local hour) → arrivals."""
    zone = timedelta(hours=7)
    times = [
        datetime.fromtimestamp(one.at_ms / 1000, UTC) + zone for one in synthetic(description, demo(), seed).arrivals
    ]
    return Counter((at.weekday(), at.hour) for at in times)


def test_a_week_has_the_shape_of_the_load_profile() -> None:
    """Domain 2.7: Monday 1.3 times an average day, most from 9 to 11 and from 14 to 16."""
    made = Description(hours=168, contacts_per_day=3000, month_edge_factor=1.0)
    came = _came(made)
    days = [sum(count for (day, _), count in came.items() if day == wanted) for wanted in range(7)]
    assert days[0] == pytest.approx(3900, abs=4 * 3900**0.5)
    assert sum(days) == pytest.approx(3000 * sum(made.weekday_factors), abs=4 * 21_000**0.5)
    hours = Counter[int]()
    for (_, hour), count in came.items():
        hours[hour] += count
    assert {hour for hour, _ in hours.most_common(4)} == {9, 10, 14, 15}


def test_a_surge_brings_six_times_as_many() -> None:
    plain = flat(10, 24_000)
    surged = msgspec.structs.replace(plain, surges=(Surge(from_hour=5.0, until_hour=6.0),))
    came = _came(surged)
    assert came[0, 5] == pytest.approx(6000, abs=4 * 6000**0.5)
    assert came[0, 4] == pytest.approx(1000, abs=4 * 1000**0.5)


def test_draws_have_the_means_that_were_asked_for() -> None:
    behaviour = Behaviour(share_percent=100, handling_s=300, patience_s=120, patience_shape=2.0, wrap_up_s=30)
    made = synthetic(
        msgspec.structs.replace(flat(24, 8000), channels={"phone": behaviour}, missed_percent=20.0), demo(), 5
    ).arrivals
    count = len(made)
    assert sum(one.handling_ms for one in made) / count == pytest.approx(300_000, rel=0.05)
    assert sum(one.patience_ms for one in made) / count == pytest.approx(120_000, rel=0.05)
    assert sum(one.wrap_up_ms for one in made) / count == pytest.approx(30_000, rel=0.05)
    assert sum(one.reactions_ms[0] == MISSED for one in made) / count == pytest.approx(0.2, abs=0.03)
    assert all(one.reactions_ms[-1] != MISSED for one in made)


def test_topics_channels_and_languages_come_by_their_shares() -> None:
    made = synthetic(flat(24, 10_000), demo(), 2).arrivals
    queues = Counter(one.queue for one in made)
    assert queues["sickness-maternity"] / len(made) == pytest.approx(0.18, abs=0.02)
    assert Counter(one.channel for one in made)[Channel.PHONE] / len(made) == pytest.approx(0.6, abs=0.03)
    assert Counter(one.language for one in made)["en"] / len(made) == pytest.approx(0.03, abs=0.01)


def test_only_callers_lose_patience() -> None:
    assert {one.channel for one in a_day().arrivals if one.patience_ms} == {Channel.PHONE}


def test_shifts_are_dealt_by_their_shares_and_breaks_lie_within() -> None:
    shifts = synthetic(Description(), demo(), 1).shifts
    assert {shift.agent_id for shift in shifts} == {agent.id for agent in demo().agents}
    early = [shift for shift in shifts if shift.from_ms == START + 7 * HOUR]
    assert len(early) == pytest.approx(0.45 * 24, abs=1)
    for shift in shifts:
        assert all(shift.from_ms < one.from_ms < one.until_ms < shift.until_ms for one in shift.breaks)


def test_a_workload_written_and_read_is_the_same() -> None:
    made = a_day(hours=8)
    assert read_lines(write_lines(made)) == made


@pytest.mark.parametrize(
    ("line", "told"), [(b'{"kind":"arrival"}', "line 2"), (b'{"kind":"comet"}', "line 2"), (b"", "window")]
)
def test_a_workload_that_cannot_be_read_is_refused_with_its_line(line: bytes, told: str) -> None:
    first = b"" if told == "window" else msgspec.json.encode(a_day(hours=1).window)
    with pytest.raises(Misconfigured, match=told):
        read_lines([first, line])


def _middle(made: Workload) -> list[Arrival]:
    """Those who come as a quarter, a half and three quarters have come."""
    return [made.arrivals[len(made.arrivals) * quarter // 4] for quarter in (1, 2, 3)]


def test_a_recorded_day_resampled_is_as_busy_but_another() -> None:
    made = a_day(hours=12)
    other = resampled(made, 1)
    assert len(other.arrivals) == pytest.approx(len(made.arrivals), abs=5 * len(made.arrivals) ** 0.5)
    assert resampled(made, 1) == other != resampled(made, 2)
    moved = [abs(one.at_ms - found.at_ms) for one, found in zip(_middle(made), _middle(other), strict=True)]
    assert max(moved) < HOUR
    assert {one.topic for one in other.arrivals} <= {one.topic for one in made.arrivals}
    assert all(made.window.from_ms <= one.at_ms < made.window.until_ms for one in other.arrivals)
