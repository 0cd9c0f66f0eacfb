"""The closed forms against published tables, against the chain solved number by number, and against played queues."""

import heapq
import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.simulation.bounds.erlang import Demand, Performance, erlang_b, erlang_c, performance, wait_quantile
from ccc_router.simulation.bounds.gamma import palm_sum


@pytest.mark.parametrize(
    ("lines", "erlangs", "blocked"),
    # The usual traffic tables (ITU-D Handbook of Teletraffic Engineering, Erlang B), two digits of load.
    [(10, 4.46, 0.01), (20, 12.03, 0.01), (50, 37.90, 0.01), (100, 84.06, 0.01), (10, 6.22, 0.05), (20, 15.25, 0.05)],
)
def test_erlang_b_as_in_the_traffic_tables(lines: int, erlangs: float, blocked: float) -> None:
    assert erlang_b(lines, erlangs) == pytest.approx(blocked, rel=0.01)


def test_erlang_c_as_other_programs_print_it() -> None:
    """The worked example of pyworkforce's and of R's ErlangC documentation: 100 calls in 30 minutes, 180 s, 14 agents, 20 s."""
    found = performance(14, Demand(100 / 1800, 180), 20)
    assert found.waits == pytest.approx(0.1741319335950498, abs=1e-12)
    assert found.service_level == pytest.approx(0.8883500191794669, abs=1e-12)
    assert found.mean_wait_s == pytest.approx(7.83593701177724, abs=1e-9)
    assert found.occupancy == pytest.approx(0.7142857142857143, abs=1e-12)


def test_erlang_a_as_in_the_published_table() -> None:
    """Garnett, Mandelbaum, Reiman 2002, first table (also Gans, Koole, Mandelbaum 2003): 50 agents, 48 calls a minute of 1 minute each.

    Without abandonment: wait 20.8 s, nine of ten within 58.1 s, utilisation 96 %. With a patience of 2 minutes: 3.1 % abandon, wait
    3.7 s, within 12.5 s, 93 %.
    """
    patient, impatient = Demand(48 / 60, 60), Demand(48 / 60, 60, 120)
    without, with_abandonment = performance(50, patient, 20), performance(50, impatient, 20)
    assert round(without.mean_wait_s, 1) == 20.8
    assert round(wait_quantile(50, patient, 0.9), 1) == 58.1
    assert round(without.occupancy, 2) == 0.96
    assert round(with_abandonment.abandons, 3) == 0.031
    assert round(with_abandonment.mean_wait_s, 1) == 3.7
    assert wait_quantile(50, impatient, 0.9) == pytest.approx(12.5, abs=0.1)
    assert round(with_abandonment.occupancy, 2) == 0.93


def test_the_centres_own_check_of_the_load_profile() -> None:
    """domain.md 2.7: 300 calls an hour of 300 s are 25 Erlangs; 80/20 needs 30 agents, and 29 do not do."""
    demand = Demand(300 / 3600, 300)
    assert demand.erlangs == pytest.approx(25)
    assert performance(30, demand, 20).service_level >= 0.8 > performance(29, demand, 20).service_level


CASES = [
    (1, Demand(0.5, 1.0, 3.0), 0.7),
    (5, Demand(4 / 300, 300, 180), 20.0),
    (5, Demand(8 / 300, 300, 90), 20.0),
    (20, Demand(19 / 240, 240, 120), 30.0),
    (60, Demand(60 * 0.92 / 300, 300, 180), 20.0),
    (60, Demand(60 * 1.05 / 300, 300, 180), 20.0),
]


@pytest.mark.parametrize(("agents", "demand", "threshold"), CASES)
def test_erlang_a_is_the_chain_solved_number_by_number(agents: int, demand: Demand, threshold: float) -> None:
    found, chain = performance(agents, demand, threshold), solve_chain(agents, demand, threshold)
    for field in ("waits", "abandons", "mean_wait_s", "service_level", "service_level_of_answered", "occupancy"):
        assert getattr(found, field) == pytest.approx(getattr(chain, field), rel=1e-6, abs=1e-9), field
    assert found.service_level_late_abandons == pytest.approx(chain.service_level_late_abandons, rel=1e-6)


def solve_chain(agents: int, demand: Demand, threshold: float) -> Performance:
    """M/M/n+M from its balance equations on a truncated line, and the fate of one who finds k waiting by Runge and Kutta."""
    lam, mu, theta = demand.arrivals_per_s, 1 / demand.handling_s, 1 / demand.patience_s
    weight, weights = 1.0, [1.0]
    for state in range(1, agents + 600):
        weight *= lam / (min(state, agents) * mu + max(0, state - agents) * theta)
        weights.append(weight)
    whole = math.fsum(weights)
    share = [weight / whole for weight in weights]
    waiting = share[agents:]
    queue = math.fsum(k * p for k, p in enumerate(waiting))
    abandons = theta * queue / lam
    answered, gone = fates(len(waiting), agents * mu, theta, threshold)
    in_time = math.fsum(share[:agents]) + math.fsum(p * u for p, u in zip(waiting, answered, strict=True))
    gone_in_time = math.fsum(p * u for p, u in zip(waiting, gone, strict=True))
    busy = math.fsum(min(state, agents) * p for state, p in enumerate(share))
    return Performance(
        math.fsum(waiting),
        abandons,
        queue / lam,
        in_time,
        in_time / (1 - abandons),
        in_time / (1 - gone_in_time),
        busy / agents,
    )


def fates(places: int, service: float, theta: float, until: float) -> tuple[list[float], list[float]]:
    """For k ahead: share answered, share gone by `until`: ``u_k' = (nμ + kθ)(u_(k-1) - u_k) - θ(u_k - end)``."""

    def slope(u: list[float], served: float, gone: float) -> list[float]:
        ahead = [served, *u[:-1]]
        return [(service + k * theta) * (ahead[k] - u[k]) + theta * (gone - u[k]) for k in range(places)]

    fastest = service + (places + 1) * theta
    steps = max(200, math.ceil(2 * until * fastest))
    h = until / steps

    def run(served: float, gone: float) -> list[float]:
        u = [0.0] * places
        for _ in range(steps):
            a = slope(u, served, gone)
            b = slope([x + h / 2 * y for x, y in zip(u, a, strict=True)], served, gone)
            c = slope([x + h / 2 * y for x, y in zip(u, b, strict=True)], served, gone)
            d = slope([x + h * y for x, y in zip(u, c, strict=True)], served, gone)
            u = [x + h / 6 * (p + 2 * q + 2 * r + s) for x, p, q, r, s in zip(u, a, b, c, d, strict=True)]
        return u

    return run(1.0, 0.0), run(0.0, 1.0)


@pytest.mark.parametrize(("agents", "demand", "threshold"), CASES[1:4])
def test_a_played_queue_keeps_to_the_formula(agents: int, demand: Demand, threshold: float) -> None:
    """Twenty seeded runs; the formula lies in the 99.9 % interval of their mean (t with 19 degrees of freedom: 3.88)."""
    found = performance(agents, demand, threshold)
    runs = [play(agents, demand, threshold, seed) for seed in range(20)]
    for index, expected in enumerate((found.service_level, found.abandons, found.mean_wait_s)):
        values = [run[index] for run in runs]
        error = statistics.stdev(values) / math.sqrt(len(values))
        assert abs(statistics.fmean(values) - expected) < 3.88 * error


def play(agents: int, demand: Demand, threshold: float, seed: int) -> tuple[float, float, float]:
    """First come first served with patience: share answered in time, share abandoned, mean wait; 4,000 customers after 400."""
    dice = random.Random(seed)
    free = [0.0] * agents
    now, in_time, gone, waited = 0.0, 0, 0, 0.0
    for number in range(4_400):
        now += dice.expovariate(demand.arrivals_per_s)
        patience, handling = dice.expovariate(1 / demand.patience_s), dice.expovariate(1 / demand.handling_s)
        wait = max(0.0, free[0] - now)  # in order of arrival, who abandons never takes an agent
        if wait <= patience:
            heapq.heapreplace(free, now + wait + handling)
        if number >= 400:
            in_time += wait <= min(patience, threshold)
            gone += wait > patience
            waited += min(wait, patience)
    return in_time / 4_000, gone / 4_000, waited / 4_000


@pytest.mark.parametrize("agents", [1, 10, 200])
@pytest.mark.parametrize("load", [0.5, 0.9])
def test_endless_patience_is_erlang_c(agents: int, load: float) -> None:
    endless = performance(agents, Demand(agents * load / 300, 300), 20)
    nearly = performance(agents, Demand(agents * load / 300, 300, 1e10), 20)
    assert nearly.waits == pytest.approx(endless.waits, rel=1e-4)
    assert nearly.mean_wait_s == pytest.approx(endless.mean_wait_s, rel=1e-4)
    assert nearly.service_level == pytest.approx(endless.service_level, rel=1e-4)
    assert endless.waits == pytest.approx(erlang_c(agents, agents * load))


@pytest.mark.parametrize("agents", [1, 10, 200])
@pytest.mark.parametrize("load", [0.5, 1.2])
def test_no_patience_is_erlang_b(agents: int, load: float) -> None:
    found = performance(agents, Demand(agents * load / 300, 300, 1e-9), 20)
    assert found.abandons == pytest.approx(erlang_b(agents, agents * load), rel=1e-6)
    assert found.service_level == pytest.approx(1 - found.abandons, rel=1e-9)


@pytest.mark.parametrize("patience", [1.0, 180.0, 1e4, 1e7])
@pytest.mark.parametrize("load", [0.5, 0.99, 1.0, 1.01, 3.0])
def test_ten_thousand_agents_stay_finite_and_in_balance(patience: float, load: float) -> None:
    """What is answered is what agents do: occupancy·n·μ = λ(1 - P(abandon)), and it is never more than all of them."""
    found = performance(10_000, Demand(10_000 * load / 300, 300, patience), 20)
    assert 0 <= found.abandons <= 1
    assert 0 <= found.service_level <= found.service_level_late_abandons <= 1
    assert found.occupancy <= 1 + 1e-9
    assert found.abandons >= 1 - 1 / load - 1e-9


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 400), st.floats(0.05, 3.0), st.floats(1.0, 1e5), st.floats(0.0, 300.0))
def test_another_agent_never_does_harm(agents: int, load: float, patience: float, threshold: float) -> None:
    demand = Demand(agents * load / 300, 300, patience)
    fewer, more = performance(agents, demand, threshold), performance(agents + 1, demand, threshold)
    assert more.service_level >= fewer.service_level - 1e-9
    assert more.abandons <= fewer.abandons + 1e-9
    assert more.mean_wait_s <= fewer.mean_wait_s + 1e-6
    assert fewer.service_level <= 1 - fewer.abandons + 1e-9


@settings(max_examples=100, deadline=None)
@given(st.floats(1.0, 400.0), st.floats(0.0, 4.0))
def test_the_integral_is_what_a_quadrature_finds(a: float, excess: float) -> None:
    """``∫₀¹ s^(a-1) e^(y(1-s)) ds`` with s = x² (tames the end at 0), by Simpson's rule around its peak, beside both branches."""
    y = a * excess
    steps = 10_000
    peak = max(0.0, 1.0 - (2 * a - 1) / (2 * y)) if y > 0 else 0.0
    top = (2 * a - 1) * math.log(math.sqrt(1 - peak) or 1e-300) + y * peak

    def f(x: float) -> float:
        return 2 * math.exp((2 * a - 1) * math.log(x) + y * (1 - x * x) - top) if x > 0 else 0.0

    h = 1 / steps
    area = h / 3 * math.fsum((1 if i in (0, steps) else 4 if i % 2 else 2) * f(i * h) for i in range(steps + 1))
    assert palm_sum(a, y).log_integral == pytest.approx(math.log(area) + top, abs=1e-4)


def test_both_branches_meet() -> None:
    """Just below and just above the border between series and fraction, the integral goes on as its derivative says."""
    for a in (0.3, 5.0, 60.0, 1e4, 1e8):
        border = a + max(5.0 * math.sqrt(a), 200.0)
        below, above = palm_sum(a, border * (1 - 1e-9)), palm_sum(a, border * (1 + 1e-9))
        # d ln I/dy = share of the waiting who abandon (integration by parts); see PalmSum.
        expected = below.ended_by_patience * border * 2e-9
        assert above.log_integral - below.log_integral == pytest.approx(expected, abs=1e-9 + 1e-3 * expected)
        assert above.ended_by_patience == pytest.approx(below.ended_by_patience, rel=1e-5)


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Demand(0.0, 300)
    with pytest.raises(ValueError, match="at least one agent"):
        performance(0, Demand(1, 1), 20)


def test_more_load_than_agents_without_abandonment_has_no_end() -> None:
    found = performance(10, Demand(11 / 300, 300), 20)
    assert (found.waits, found.service_level, found.mean_wait_s) == (1.0, 0.0, math.inf)
    assert wait_quantile(10, Demand(11 / 300, 300), 0.5) == math.inf
