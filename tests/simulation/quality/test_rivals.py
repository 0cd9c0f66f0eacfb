"""The models of what others do, each seen doing what its vendor documents, and the world they are played in."""

import heapq
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from quality.__main__ import POLICIES
from quality.figures import of_runs, pooled_bound
from quality.play import Match, play
from quality.playing import play_all
from quality.rivals import AsteriskLeastRecent, LongestIdleFifo, ModCallcenter, TaskRouter
from quality.scenarios import HOUR_MS, QUEUES, SCENARIOS, Agent, Contact
from tests.support import tree
from tests.support.matches import matches_of

GEN, CARD, PETI = QUEUES.index("gen"), QUEUES.index("card"), QUEUES.index("peti")
LONG = 10_000_000


def call(at_ms: int, queue: int = GEN, handling_ms: int = 60_000, patience_ms: int = LONG) -> Contact:
    return Contact(at_ms, queue, patience_ms, handling_ms)


def matches(kind: type[LongestIdleFifo], contacts: Sequence[Contact], *agents: Agent) -> list[tuple[int, int, int]]:
    """(when, contact, agent) in order of time."""
    return matches_of(kind(agents), contacts, agents)


def test_longest_idle_takes_turns_and_the_oldest_goes_first() -> None:
    both = Agent((GEN, CARD))
    contacts = [call(1_000), call(2_000, CARD), call(3_000, CARD), call(4_000, GEN), call(5_000, CARD)]
    assert matches(LongestIdleFifo, contacts, both, both) == [
        (1_000, 0, 0), (2_000, 1, 1), (61_000, 2, 0), (62_000, 3, 1), (121_000, 4, 0),
    ]  # fmt: skip


def test_longest_idle_is_not_the_first_on_the_list() -> None:
    both = Agent((GEN,))
    found = matches(LongestIdleFifo, [call(1_000), call(2_000, handling_ms=10_000), call(100_000)], both, both)
    assert found[2] == (100_000, 2, 1)


def test_mod_callcenter_goes_by_the_members_wait_over_all_queues() -> None:
    found = matches(ModCallcenter, [call(0), call(1_000, CARD), call(2_000, GEN)], Agent((GEN, CARD)))
    assert [contact for _, contact, _ in found] == [0, 1, 2]


def test_asterisk_does_not_let_a_newcomer_pass_whose_turn_it_is_not() -> None:
    """Freed at 61,000; the newcomer of 61,500 finds a free agent and waits, for the one ahead looks at 61,900."""
    found = matches(AsteriskLeastRecent, [call(1_000), call(1_900), call(61_500)], Agent((GEN,)))
    assert [contact for _, contact, _ in found] == [0, 1, 2]


def test_taskrouter_takes_the_priority_first_then_the_oldest() -> None:
    contacts = [call(1_000), call(2_000), call(3_000, PETI)]
    assert [contact for _, contact, _ in matches(TaskRouter, contacts, Agent((GEN, PETI)))] == [0, 2, 1]
    assert [contact for _, contact, _ in matches(LongestIdleFifo, contacts, Agent((GEN, PETI)))] == [0, 1, 2]


def test_mod_callcenter_looks_every_tenth_of_a_second_and_goes_by_level() -> None:
    """The generalist is idle longer, but card is his second level; at the tick after 61,030 the oldest member gets the freed agent."""
    contacts = [call(1_010, CARD, 60_020), call(1_050, CARD, 90_000), call(2_000, CARD), call(2_010, GEN)]
    found = matches(ModCallcenter, contacts, Agent((GEN, CARD)), Agent((CARD,)))
    assert found == [(1_100, 0, 1), (1_100, 1, 0), (61_200, 2, 1), (91_200, 3, 0)]


def test_asterisk_callers_look_once_a_second_and_the_queues_do_not_agree_on_an_order() -> None:
    """Freed at 61,000: the caller of gen came first, at 2,900, but the caller of card looks first: at 61,100 (2,100 + 59 s)."""
    agent = Agent((GEN, CARD))
    contacts = [call(1_000), call(1_900), call(2_100, CARD)]
    assert matches(AsteriskLeastRecent, contacts, agent) == [(1_000, 0, 0), (61_100, 2, 0), (121_900, 1, 0)]


def test_asterisk_prefers_the_lower_penalty_and_keeps_turns_in_a_queue() -> None:
    """The own trade first, though idle for less; in one queue the second caller waits for his turn even if he looks first."""
    found = matches(AsteriskLeastRecent, [call(1_000, CARD), call(2_000, CARD)], Agent((GEN, CARD)), Agent((CARD,)))
    assert found == [(1_000, 0, 1), (2_000, 1, 0)]
    in_turn = matches(AsteriskLeastRecent, [call(1_000), call(1_900), call(2_100)], Agent((GEN,)))
    assert in_turn == [(1_000, 0, 0), (61_900, 1, 0), (122_100, 2, 0)]


def test_with_one_skill_for_all_it_is_a_queue_computed_by_hand() -> None:
    """First come first served over one day: every wait as a heap of agents gives it, who abandons taking none."""
    scenario = SCENARIOS[3]
    contacts = scenario.arrivals(3)[:1500]
    agents = [Agent(tuple(range(len(QUEUES))))] * 20
    free, expected = [0] * 20, []
    for contact in contacts:
        wait = max(0, free[0] - contact.at_ms)
        if wait < contact.patience_ms:
            heapq.heapreplace(free, contact.at_ms + wait + contact.handling_ms)
        expected.append(min(wait, contact.patience_ms) / 1000)
    assert list(play(LongestIdleFifo(agents), contacts, agents, 0).waits_s) == expected
    assert max(expected) > 60


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_ends_every_contact_once(name: str) -> None:
    """Answered and gone are all that came; the world refuses a second start, a busy agent and one who is not able."""
    scenario = SCENARIOS[1]
    agents, contacts = scenario.staff(), scenario.arrivals(1)[:1500]
    run = play(POLICIES[name](agents), contacts, agents, 0)
    assert len(run.waits_s) == 1500
    answered = sum(wait < contact.patience_ms / 1000 for wait, contact in zip(run.waits_s, contacts, strict=True))
    assert round(run.abandoned * 1500) == 1500 - answered
    assert 0.5 < run.service_level < 1


def test_a_policy_that_gives_away_what_it_must_not_is_stopped() -> None:
    class Wrong(LongestIdleFifo):
        def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
            return ((contact, 0),)

    with pytest.raises(AssertionError, match="agent 0 cannot take contact 1"):
        play(Wrong([Agent((GEN,))]), [call(0), call(1)], [Agent((GEN,))], 0)
    with pytest.raises(AssertionError, match="agent 0 cannot take contact 0"):
        play(Wrong([Agent((GEN,))]), [call(0, CARD)], [Agent((GEN,))], 0)


def test_the_pooled_queue_played_is_erlang_a() -> None:
    """60 x 0.92 with every agent able to do everything, three runs: within 2.5 points of service level, 1 of abandonment."""
    scenario = SCENARIOS[0]
    agents = [Agent(tuple(range(len(QUEUES))))] * scenario.agents
    bound = pooled_bound(scenario)
    runs = [play(LongestIdleFifo(agents), scenario.arrivals(seed), agents, scenario.warm_ms) for seed in (1, 2, 3)]
    assert sum(run.service_level for run in runs) / 3 == pytest.approx(bound.service_level, abs=0.025)
    assert sum(run.abandoned for run in runs) / 3 == pytest.approx(bound.abandoned, abs=0.01)


def test_arrivals_are_the_same_for_every_policy_and_the_surge_is_sixfold() -> None:
    day = SCENARIOS[4]
    assert day.arrivals(1) == day.arrivals(1) != day.arrivals(2)
    assert day.rate(10 * HOUR_MS) == pytest.approx(6 * day.rate(9 * HOUR_MS))
    by_hour = [sum(one.at_ms // HOUR_MS == hour for one in day.arrivals(1)) for hour in (9, 10)]
    assert by_hour[1] / by_hour[0] == pytest.approx(6, rel=0.15)


def test_every_queue_has_an_agent_who_serves_it() -> None:
    for scenario in SCENARIOS:
        assert set().union(*(agent.skills for agent in scenario.staff())) == set(range(len(QUEUES)))


def test_the_bound_is_better_than_what_anybody_does_at_the_usual_load() -> None:
    """Played in processes of their own, as `make quality` does."""
    found = play_all(POLICIES, ["60x2@0.92"], 1, jobs=1)["60x2@0.92"]
    assert list(found) == list(POLICIES)
    assert all(of_runs(runs).abandoned > pooled_bound(SCENARIOS[1]).abandoned for runs in found.values())


def test_it_writes_the_file_the_issue_asks_for(tmp_path: Path) -> None:
    out = tmp_path / "quality.json"
    command = (sys.executable, "-m", "quality", "--runs", "1", "--scenario", "60x2@0.92", "--out", out)
    subprocess.run(command, cwd=tree.ROOT, check=True, capture_output=True)
    whole = json.loads(out.read_text(encoding="utf-8"))
    assert [scenario.name for scenario in SCENARIOS] == [
        "60x4@0.92",
        "60x2@0.92",
        "120x3@0.95",
        "60x3@1.05",
        "surge_day",
    ]
    assert list(whole) == ["60x2@0.92"]
    assert list(whole["60x2@0.92"]) == [
        "pooled_bound",
        "default",
        "longest_idle_fifo",
        "asterisk_leastrecent",
        "mod_callcenter",
        "taskrouter",
    ]
    keys = {"service_level", "abandoned", "mean_wait_s", "p95_wait_s", "p99_wait_s"}
    assert all(set(one) == keys for found in whole.values() for one in found.values())
