"""The wait's distribution against sums of exponentials, by known formulas and by multiplying out."""

import math
import random

import pytest

from ccc_router.queues.waits.distribution import Wait


def _by_phases(ahead: int, freed: float, abandons: float, seconds: float) -> float:
    """P(W <= t) by uniformisation: a walk down ``ahead + 1`` phases, after a Poisson number of ticks. Every term is positive."""
    fastest = freed + ahead * abandons
    standing = [0.0] * ahead + [1.0]
    ticks, done = fastest * seconds, 0.0
    for k in range(int(ticks + 12 * math.sqrt(ticks) + 60)):
        done += math.exp(k * math.log(ticks) - ticks - math.lgamma(k + 1)) * (1.0 - sum(standing))
        after = [0.0] * (ahead + 1)
        for phase, share in enumerate(standing):
            leaves = (freed + phase * abandons) / fastest
            after[phase] += share * (1.0 - leaves)
            if phase:
                after[phase - 1] += share * leaves
        standing = after
    return done


@pytest.mark.parametrize("abandons", [0.0, 1e-13, 0.002, 0.02, 0.5])
@pytest.mark.parametrize("ahead", [0, 1, 7, 40])
def test_it_is_the_sum_of_its_phases(ahead: int, abandons: float) -> None:
    wait = Wait(ahead, 0.1, abandons)
    for seconds in (0.5, 5.0, 30.0, 120.0, 400.0):
        assert wait.within(seconds) == pytest.approx(_by_phases(ahead, 0.1, abandons, seconds), abs=1e-10)


def test_the_next_one_waits_an_exponential_time() -> None:
    wait = Wait(0, 0.25)
    for share in (0.2, 0.5, 0.8):
        assert wait.quantile(share) == pytest.approx(-math.log(1 - share) / 0.25, rel=1e-4)


@pytest.mark.parametrize(("ahead", "agents", "busy_s"), [(0, 5, 300.0), (3, 10, 240.0), (99, 60, 300.0)])
def test_m_m_n_place_k_waits_k_plus_one_departures_on_average(ahead: int, agents: int, busy_s: float) -> None:
    """M/M/n: the mean is (k+1)/(n·mu), here as the integral of the share that still waits."""
    wait = Wait(ahead, agents / busy_s)
    mean = (ahead + 1) * busy_s / agents
    step = mean / 2_000
    integral = sum(step * (1.0 - wait.within((k + 0.5) * step)) for k in range(40_000))
    assert integral == pytest.approx(mean, rel=1e-3)


def test_m_m_n_m_place_k_waits_the_sum_of_the_means_of_its_phases() -> None:
    """Whitt 1999: E[W] = sum of 1/(n·mu + j·theta)."""
    wait = Wait(25, 0.2, 0.005)
    mean = sum(1.0 / (0.2 + j * 0.005) for j in range(26))
    step = mean / 2_000
    assert sum(step * (1.0 - wait.within((k + 0.5) * step)) for k in range(40_000)) == pytest.approx(mean, rel=1e-3)


@pytest.mark.parametrize("abandons", [0.0, 1e-10, 1e-6, 0.001, 0.3])
@pytest.mark.parametrize("ahead", [0.0, 0.4, 12.5, 900.0, 40_000.0])
@pytest.mark.parametrize("freed", [1e-4, 0.3, 40.0])
def test_quantiles_grow_and_are_where_the_distribution_says(ahead: float, freed: float, abandons: float) -> None:
    wait = Wait(ahead, freed, abandons)
    found = [wait.quantile(share) for share in (0.01, 0.2, 0.5, 0.8, 0.99)]
    assert found == sorted(found)
    assert found[0] > 0
    for share, seconds in zip((0.01, 0.2, 0.5, 0.8, 0.99), found, strict=True):
        assert wait.within(seconds) == pytest.approx(share, abs=2e-3)


def test_a_place_between_two_lies_between_their_waits() -> None:
    two, between, three = (Wait(ahead, 0.1, 0.01).quantile(0.5) for ahead in (2, 2.5, 3))
    assert two < between < three


def test_patience_at_the_switch_between_both_forms_does_not_jump() -> None:
    below, above = Wait(50, 1.0, 0.99e-9).quantile(0.8), Wait(50, 1.0, 1.01e-9).quantile(0.8)
    assert below == pytest.approx(above, rel=3e-4)


def test_drawn_waits_fall_where_it_says(rng: random.Random) -> None:
    wait = Wait(9, 0.1, 0.01)
    drawn = sorted(sum(rng.expovariate(0.1 + j * 0.01) for j in range(10)) for _ in range(4_000))
    for share in (0.2, 0.5, 0.8):
        quantile = wait.quantile(share)
        below = sum(one <= quantile for one in drawn) / len(drawn)
        assert abs(below - share) < 5 * math.sqrt(share * (1 - share) / len(drawn))


@pytest.mark.parametrize("wrong", [(-1, 1.0, 0.0), (0, 0.0, 0.0), (0, 1.0, -0.1), (math.inf, 1.0, 0.0)])
def test_what_is_no_place_or_rate_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="not negative"):
        Wait(*wrong)
