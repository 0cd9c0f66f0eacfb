"""Time: milliseconds inside, aware datetimes at the edges, Vietnam for people."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.kernel import clock

MOMENTS = st.integers(min_value=0, max_value=clock.to_ms(datetime(9000, 1, 1, tzinfo=UTC)))


@given(MOMENTS)
def test_milliseconds_survive_every_form(ms: int) -> None:
    assert clock.to_ms(clock.from_ms(ms)) == ms
    assert clock.to_ms(clock.parse_utc(clock.format_utc(ms))) == ms


def test_the_forms() -> None:
    ms = clock.to_ms(datetime(2026, 11, 22, 8, 26, 40, 5999, tzinfo=UTC))
    assert clock.format_utc(ms) == "2026-11-22T08:26:40.005Z"
    assert clock.format_local(ms) == "15:26 22/11/2026"
    assert clock.parse_utc("2026-11-22T15:26:40.005+07:00") == clock.from_ms(ms)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T08:26:40", "2026-11-22"])
def test_a_moment_needs_a_zone(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|isoformat"):
        clock.parse_utc(text)


def test_a_datetime_without_a_zone_is_no_moment() -> None:
    with pytest.raises(ValueError, match="zone"):
        clock.to_ms(datetime(2026, 11, 22))  # noqa: DTZ001 - that is the point


def test_the_systems_clock_agrees_with_itself() -> None:
    system = clock.SystemClock()
    before = system.now_ms()
    assert before <= clock.to_ms(system.now()) <= system.now_ms()
