"""The fewest agents: against counting up one by one, and by playing the day."""

import math
from collections.abc import Sequence
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.routing.policy import QueueProfile
from ccc_router.simulation.bounds.erlang import Demand, performance
from ccc_router.simulation.staffing.played import Day, Setting, all_alike
from ccc_router.simulation.staffing.required import Reached, Target, by_formula, by_playing, rostered, steady


@settings(max_examples=150, deadline=None)
@given(
    st.floats(0.01, 60.0),
    st.floats(1.0, 2_000.0),
    st.booleans(),
    st.floats(0.5, 0.99),
    st.floats(0.01, 1.0),
    st.floats(0.5, 1.0),
)
def test_counting_up_finds_the_same(
    erlangs: float, patience: float, endless: bool, share: float, abandons: float, occupancy: float
) -> None:
    demand = Demand(erlangs / 300, 300, math.inf if endless else patience)
    target = Target(share, 20, abandons, occupancy)
    found = by_formula(demand, target)
    assert target.met_by(steady(found, demand, target))
    assert not any(target.met_by(steady(fewer, demand, target)) for fewer in range(1, found))


def test_the_load_profile_needs_thirty() -> None:
    """domain.md 2.7: 300 calls an hour of 300 s for 80/20; people who hang up after 3 minutes need fewer, a limit on occupancy more."""
    assert by_formula(Demand(300 / 3600, 300), Target.parse("80/20")) == 30
    assert by_formula(Demand(300 / 3600, 300, 180), Target.parse("80/20")) < 30
    assert by_formula(Demand(300 / 3600, 300), Target.parse("80/20", occupancy_at_most=0.75)) == 34
    fewest = by_formula(Demand(300 / 3600, 300, 180), Target(0.5, 20, abandons_at_most=0.01))
    abandons = [performance(agents, Demand(300 / 3600, 300, 180), 20).abandons for agents in (fewest - 1, fewest)]
    assert abandons[1] <= 0.01 < abandons[0]


def served(agents: Sequence[int], loads: Sequence[float], left_over: float) -> list[Reached]:
    """A day in which an agent answers 10 of an interval's load; of the rest a share calls again in the next."""
    found, left = [], 0.0
    for count, load in zip(agents, loads, strict=True):
        asked = load + left
        answered = min(1.0, 10 * count / asked) if asked else 1.0
        found.append(Reached(answered, 0.0, 0.0, answered))
        left = left_over * asked * (1 - answered)
    return found


_LOADS = st.lists(st.sampled_from([0.0, 3.0, 40.0, 55.0, 200.0, 800.0]), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(_LOADS, st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 20))
def test_a_played_day_meets_its_target_in_every_interval(
    loads: list[float], share: float, left_over: float, more: int
) -> None:
    """From a guess that is right or too high; where nothing is left over for the next interval, no agent is too many."""
    target = Target(share, 20)
    fewest = [math.ceil(share * load / 10) for load in loads]
    agents, reached = by_playing(
        lambda tried: served(tried, loads, left_over), target, [count + more if count else 0 for count in fewest]
    )
    assert reached == served(agents, loads, left_over)
    assert [count > 0 for count in agents] == [load > 0 for load in loads]
    assert all(target.met_by(one) for one, load in zip(reached, loads, strict=True) if load)
    assert left_over or agents == fewest


def test_agents_are_added_where_an_interval_falls_short() -> None:
    agents, _ = by_playing(lambda tried: served(tried, [400.0, 40.0], 1.0), Target.parse("80/20"), [1, 1])
    assert agents[0] >= 32
    assert served(agents, [400.0, 40.0], 1.0)[1].service_level >= 0.8


def test_a_target_nobody_can_meet_ends_the_search() -> None:
    with pytest.raises(ValueError, match="not met"):
        by_playing(lambda tried: [Reached(0.5, 0.0, 0.0, 0.0) for _ in tried], Target.parse("80/20"), [3, 0])


def test_a_steady_day_played_with_the_production_core_agrees_with_the_formula() -> None:
    """Four hours of 100 calls an hour of a minute, nobody gives up: on average Erlang C's agents or one beside."""
    setting = Setting(all_alike(), 30, 60.0, math.inf, replications=4, seed=3)
    contacts = [50.0 if place < 8 else 0.0 for place in range(48)]
    target = Target.parse("80/20")
    exact = by_formula(Demand(100 / 3600, 60), target)
    day = Day(setting, contacts)
    found, reached = by_playing(lambda agents: day.reached(agents, 20), target, [exact] * 8 + [0] * 40)
    assert abs(sum(found[:8]) / 8 - exact) <= 1
    assert all(target.met_by(one) for one in reached[:8])


def test_who_knows_only_some_topics_is_worth_less_than_the_formula_thinks() -> None:
    """Two trades of which nobody knows both need more agents than the formula, which pools them."""
    trades = msgspec.structs.replace(
        all_alike(),
        queues=tuple(msgspec.structs.replace(all_alike().queues[0], id=name) for name in ("left", "right")),
        topics=tuple(
            msgspec.structs.replace(all_alike().topics[0], id=name, queue=name, share_permille=500) for name in ("left", "right")
        ),
        agents=tuple(
            msgspec.structs.replace(all_alike().agents[0], id=name, profiles=(QueueProfile(queue=name),))
            for name in ("left", "right")
        ),
    )  # fmt: skip
    contacts = [50.0 if place < 4 else 0.0 for place in range(48)]
    near = [3 if load else 0 for load in contacts]
    needed = []
    for catalogue in (all_alike(), trades):
        day = Day(Setting(catalogue, 30, 60.0, 180.0, replications=3), contacts)
        needed.append(sum(by_playing(partial(day.reached, threshold_s=20), Target.parse("80/20"), near)[0]))
    assert needed[0] < needed[1]


def test_the_roster_covers_who_is_away() -> None:
    assert rostered(30, 0.0) == 30
    assert rostered(21, 0.3) == 30
    assert rostered(22, 0.3) == 32
    assert rostered(0, 0.3) == 0
    with pytest.raises(ValueError, match="shrinkage"):
        rostered(1, 1.0)


@pytest.mark.parametrize("text", ["80", "100/20", "0/20", "80/-1", "x/20"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Target.parse(text)
