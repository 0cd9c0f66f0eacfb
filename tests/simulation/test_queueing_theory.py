"""One queue, equal agents, nobody gives up: the waits must be those of Erlang's formula (M/M/n)."""

from math import factorial
from random import Random

from ccc_router.events.vocabulary import Channel
from ccc_router.simulation.comparing import estimate
from ccc_router.simulation.measures import measure, thresholds_of
from ccc_router.simulation.workloads.workload import Arrival, Window, Workload
from ccc_router.simulation.world.living import World
from tests.support.simulated import HOUR, START, everybody, one_queue

AGENTS, AN_HOUR, HANDLING_S, HOURS = 8, 80, 300.0, 20
"""6.7 Erlang for eight agents: every second caller waits."""


def erlang_c() -> tuple[float, float]:
    """(share who wait, mean wait in seconds), from the sum itself."""
    load = AN_HOUR * HANDLING_S / 3600
    waiting = load**AGENTS / factorial(AGENTS) * AGENTS / (AGENTS - load)
    share = waiting / (sum(load**k / factorial(k) for k in range(AGENTS)) + waiting)
    return share, share * HANDLING_S / (AGENTS - load)


def _run(seed: int) -> tuple[float, float, float]:
    """(mean wait in s, share who wait, occupancy) of one long run behind its warm-up."""
    dice, catalogue = Random(seed), one_queue(AGENTS)
    at, arrivals, until = float(START), [], START + HOURS * HOUR
    while (at := at + dice.expovariate(AN_HOUR) * HOUR) < until:
        handling = int(1000 * dice.expovariate(1 / HANDLING_S))
        arrivals.append(Arrival(int(at), Channel.PHONE, handling, queue="only"))
    window = Window(START, until, START + 2 * HOUR)
    run = World(catalogue, Workload(window, tuple(arrivals), everybody(catalogue, until))).go()
    found = measure(run, thresholds_of(catalogue))
    counted = [stay for stay in run.stays if stay.arrived_at >= window.measured_from_ms]
    waited = sum(stay.waited_ms(until) > 0 for stay in counted) / len(counted)
    return found.total.mean_wait_ms / 1000, waited, found.occupancy


def test_mean_wait_share_who_wait_and_occupancy_are_those_of_erlang_c() -> None:
    runs = [_run(seed) for seed in range(8)]
    share, mean_s = erlang_c()
    expected = (mean_s, share, AN_HOUR * HANDLING_S / 3600 / AGENTS)
    for wanted, found in zip(expected, map(estimate, zip(*runs, strict=True)), strict=True):
        assert found.half_width is not None
        assert abs(found.mean - wanted) <= 1.5 * found.half_width, (wanted, found)
        assert found.half_width < 0.4 * wanted  # an interval so wide that anything lies in it would prove nothing
