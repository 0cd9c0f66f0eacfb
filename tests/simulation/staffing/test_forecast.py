"""From a file to what is expected: local time, kinds of days, smoothing."""

import datetime
import json
from pathlib import Path

import pytest

from ccc_router.simulation.staffing.forecast import Holidays, forecast
from ccc_router.simulation.staffing.history import History, UnreadableHistory, read

MONDAY = datetime.date(2026, 11, 2)


def week(number: int, weekday: int = 0) -> datetime.date:
    return MONDAY + datetime.timedelta(days=7 * number + weekday)


def day_of(count: int) -> tuple[int, ...]:
    return tuple(count if place == 18 else 0 for place in range(48))


def test_rows_are_counted_in_local_intervals(tmp_path: Path) -> None:
    """02:10 UTC is 09:10 in Vietnam; a moment without an offset is local already; without the column a row is one contact."""
    file = tmp_path / "past.csv"
    file.write_text(
        "at\n2026-11-02T02:10:00+00:00\n2026-11-02T09:29:59\n2026-11-02T09:30\n2026-11-01T17:00Z\n", encoding="utf-8"
    )
    found = read(file, 30)
    assert list(found.counts) == [MONDAY]
    assert {place: count for place, count in enumerate(found.counts[MONDAY]) if count} == {0: 1, 18: 2, 19: 1}


def test_a_row_may_stand_for_many(tmp_path: Path) -> None:
    rows = [{"at": "2026-11-02T09:00", "contacts": 12}, {"at": "2026-11-02T09:15", "contacts": 3}]
    file = tmp_path / "past.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    assert read(file, 30).counts[MONDAY][18] == 15
    assert read(file, 15).counts[MONDAY][36:38] == (12, 3)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "at,contacts\n2026-11-02T09:00,-1\n", "row 1: contacts are not negative"),
        ("a.csv", "at,contacts\n2026-11-02T09:00,1\nyesterday,1\n", "row 2"),
        ("a.csv", "when\n2026-11-02T09:00\n", "row 1: 'at'"),
        ("a.csv", "at\n", "no rows"),
        ("a.json", '{"at": "2026-11-02"}', "not a list"),
        ("a.json", "[", r"a\.json"),
    ],
)
def test_what_cannot_be_read_says_where(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableHistory, match=says):
        read(tmp_path / name, 30)


def test_a_missing_file_and_an_odd_interval_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableHistory, match=r"gone\.csv"):
        read(tmp_path / "gone.csv", 30)
    with pytest.raises(UnreadableHistory, match="15 or 30"):
        read(tmp_path / "gone.csv", 20)


def test_weeks_are_smoothed_by_hand() -> None:
    """10, 20, 40 with a weight of 0.25 for the newest: 0.75·10 + 0.25·20 = 12.5, 0.75·12.5 + 0.25·40 = 19.375."""
    past = History(30, {week(2): day_of(40), week(0): day_of(10), week(1): day_of(20)})
    found = forecast(past, Holidays(), 0.25)
    assert found.of(week(3))[18] == 19.375
    assert sum(found.of(week(3))) == 19.375


def test_a_holiday_leaves_its_weekday_alone() -> None:
    past = History(30, {week(0): day_of(40), week(1): day_of(2), week(2): day_of(40)})
    found = forecast(past, Holidays(frozenset({week(1), week(4)})), 0.5)
    assert found.of(week(3))[18] == 40
    assert found.of(week(4))[18] == 2


def test_an_unseen_holiday_is_a_sunday_and_a_make_up_day_the_weekday_it_stands_for() -> None:
    past = History(30, {week(0, 0): day_of(40), week(0, 5): day_of(8), week(0, 6): day_of(4)})
    calendar = Holidays(frozenset({week(1, 1)}), frozenset({week(1, 5)}), make_up_as=0)
    found = forecast(past, calendar, 0.3)
    assert found.of(week(1, 1))[18] == 4
    assert found.of(week(1, 5))[18] == 40
    assert found.of(week(2, 5))[18] == 8


def test_a_weekday_never_seen_is_the_mean_of_those_seen() -> None:
    past = History(30, {week(0, 0): day_of(40), week(0, 1): day_of(20), week(0, 2): day_of(0)})
    found = forecast(past, Holidays(frozenset({week(0, 2)})), 0.3)
    assert found.of(week(1, 4))[18] == 30


def test_the_weight_of_the_newest_is_a_share() -> None:
    with pytest.raises(ValueError, match="weight"):
        forecast(History(30, {MONDAY: day_of(1)}), Holidays(), 0.0)
