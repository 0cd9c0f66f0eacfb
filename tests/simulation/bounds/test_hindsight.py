"""The bound with hindsight: exact where it says so, never below what anybody could do, and not empty talk."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.simulation.bounds.hindsight import hindsight
from ccc_router.simulation.bounds.solving import Programme, maximum
from ccc_router.simulation.bounds.window import Agents, Arrival, alike, pooled

QUEUES = ("a", "b")
arrivals = st.builds(
    Arrival,
    at_ms=st.integers(0, 12),
    queue=st.sampled_from(QUEUES),
    handling_ms=st.integers(0, 9),
    within_ms=st.integers(0, 4),
)
hours = st.sampled_from([((0, 100),), ((0, 5),), ((4, 100),), ((0, 3), (8, 14))])
paces = st.dictionaries(st.sampled_from(QUEUES), st.sampled_from([500, 1000, 1500]), min_size=1)
groups = st.builds(Agents, pace=paces, at_work=hours, places=st.integers(1, 2))
windows = st.tuples(st.lists(arrivals, max_size=5), st.lists(groups, min_size=1, max_size=2))


def best_by_trying(left: Sequence[Arrival], free: tuple[tuple[int, Agents], ...]) -> int:
    """Every order, every agent, every subset: each schedule can be moved to the left until it is one of these."""
    best = 0
    for number, contact in enumerate(left):
        others = (*left[:number], *left[number + 1 :])
        for place, (since, agent) in enumerate(free):
            start = earliest(contact, since, agent)
            if start is None:
                continue
            until = start + contact.handling_ms * agent.pace[contact.queue] // 1000
            best = max(best, 1 + best_by_trying(others, (*free[:place], (until, agent), *free[place + 1 :])))
    return best


def earliest(contact: Arrival, since: int, agent: Agents) -> int | None:
    """When a free agent can start the contact in time."""
    if contact.queue not in agent.pace:
        return None
    for begin, end in agent.at_work:
        start = max(contact.at_ms, since, begin)
        if start < end and start <= contact.at_ms + contact.within_ms:
            return start
    return None


def places(agents: Sequence[Agents]) -> tuple[tuple[int, Agents], ...]:
    return tuple((0, one) for one in agents for _ in range(one.places))


@settings(max_examples=150, deadline=None)
@given(windows)
def test_at_slots_of_a_millisecond_it_is_the_optimum(window: tuple[list[Arrival], list[Agents]]) -> None:
    """Of contacts that take any time at all; one of no length is bounded, but may be counted in the midst of another."""
    contacts, agents = [replace(one, handling_ms=one.handling_ms + 2) for one in window[0]], window[1]
    found = hindsight(contacts, agents, slot_ms=1, integral=True)
    assert found.in_time_at_most == best_by_trying(contacts, places(agents))


@settings(max_examples=150, deadline=None)
@given(windows, st.integers(1, 8), st.integers(1, 20), st.integers(1, 3))
def test_no_slot_part_or_pooling_makes_it_less_than_the_optimum(
    window: tuple[list[Arrival], list[Agents]], slot_ms: int, part_ms: int, groups_at_most: int
) -> None:
    contacts, agents = window
    found = hindsight(contacts, agents, slot_ms=slot_ms, part_ms=part_ms, groups_at_most=groups_at_most)
    assert best_by_trying(contacts, places(agents)) <= found.in_time_at_most <= len(contacts)


def a_window(seed: int, load: float) -> tuple[list[Arrival], list[Agents]]:
    """Twenty minutes of four queues, twelve agents of two skills, some of whom come late or go early; times in ms."""
    dice = random.Random(seed)
    contacts, now = [], 0.0
    while True:
        now += dice.expovariate(12 * load / 120_000)
        if now > 1_200_000:
            break
        handling, patience = dice.expovariate(1 / 120_000), dice.expovariate(1 / 90_000)
        contacts.append(Arrival(int(now), str(dice.choice((0, 0, 1, 2, 3))), int(handling), int(min(20_000, patience))))
    shifts = [((0, 2_000_000),), ((300_000, 2_000_000),), ((0, 500_000), (800_000, 2_000_000))]
    agents = [Agents({str(q): 1000 for q in dice.sample(range(4), 2)}, dice.choice(shifts)) for _ in range(12)]
    return contacts, agents


def greedy(contacts: Sequence[Arrival], agents: Sequence[Agents], pick: str) -> int:
    """A policy without hindsight, over seconds: who is free takes whoever waits and can still be answered in time."""
    free = [0] * len(agents)
    waiting: list[Arrival] = []
    coming = sorted(contacts, key=lambda one: one.at_ms)
    answered = 0
    for now in range(0, 1_300_000, 250):
        while coming and coming[0].at_ms <= now:
            waiting.append(coming.pop(0))
        waiting = [one for one in waiting if now <= one.at_ms + one.within_ms]
        waiting.sort(key=lambda one: one.handling_ms if pick == "shortest" else one.at_ms)
        for contact in tuple(waiting):
            able = [
                number
                for number, agent in enumerate(agents)
                if free[number] <= now and contact.queue in agent.pace and any(b <= now < e for b, e in agent.at_work)
            ]
            if able:
                free[min(able, key=lambda number: free[number])] = now + contact.handling_ms
                waiting.remove(contact)
                answered += 1
    return answered


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pick", ["first", "shortest"])
def test_no_policy_beats_it(seed: int, pick: str) -> None:
    contacts, agents = a_window(seed, load=0.9 + 0.3 * (seed % 3))
    reached = greedy(contacts, agents, pick)
    found = hindsight(contacts, agents, slot_ms=20_000)
    assert reached <= found.in_time_at_most
    assert hindsight(contacts, agents, slot_ms=5_000, groups_at_most=3).in_time_at_most >= reached


def test_it_says_something_in_an_overload() -> None:
    """At twice the load nobody answers everybody in time; smaller slots and more groups say so more sharply, never less."""
    contacts, agents = a_window(3, load=2.0)
    coarse = hindsight(contacts, agents, slot_ms=20_000, groups_at_most=1)
    fine = hindsight(contacts, agents, slot_ms=5_000, groups_at_most=12)
    assert greedy(contacts, agents, "shortest") <= fine.in_time_at_most <= coarse.in_time_at_most
    assert fine.service_level_at_most < 0.85


def test_a_scarce_skill_is_seen_unless_everything_is_pooled() -> None:
    """Three contacts at once for the one who knows b: one is answered; one pool of all agents could answer all three."""
    contacts = [Arrival(0, "b", 60_000, 20_000)] * 3
    agents = [Agents({"a": 1000}, ((0, 100_000),), places=5), Agents({"b": 1000}, ((0, 100_000),))]
    assert hindsight(contacts, agents).in_time_at_most == 1
    assert hindsight(contacts, agents, groups_at_most=1).in_time_at_most == 3


def test_who_is_alike_is_one_group_and_the_smallest_is_united_first() -> None:
    day = ((0, 10),)
    found = alike([Agents({"a": 1000}, day), Agents({"a": 1000}, day, 2), Agents({"a": 900, "b": 1000}, day)])
    assert [(one.places, dict(one.pace)) for one in found] == [(3, {"a": 1000}), (1, {"a": 900, "b": 1000})]
    assert [(one.places, dict(one.pace)) for one in pooled(found, 1)] == [(4, {"a": 900, "b": 1000})]


def test_an_empty_window_is_perfect() -> None:
    assert hindsight([], [Agents({"a": 1000}, ((0, 1),))]).service_level_at_most == 1.0


def test_nobody_able_answers_nobody() -> None:
    assert hindsight([Arrival(0, "b", 1, 1)], [Agents({"a": 1000}, ((0, 10),))]).in_time_at_most == 0


def test_slots_are_positive() -> None:
    with pytest.raises(ValueError, match="millisecond"):
        hindsight([], [], slot_ms=0)


def test_a_programme_rounds_down_to_whole_contacts() -> None:
    """A triangle of pairs, each pair at most one: 1.5 as a linear programme, one as whole numbers."""
    programme = Programme()
    corners = [programme.variable() for _ in range(3)]
    for leave_out in corners:
        programme.at_most(1, [corner for corner in corners if corner != leave_out])
    assert maximum(programme) == 1
    assert maximum(programme, integral=True) == 1
