"""The production core among the rivals: what it is told, that every match is its own offer, and that it is the policy we say it is."""

import pytest

from ccc_router.events.commands import AcceptOffer
from ccc_router.events.vocabulary import ContactState, Role
from ccc_router.queues.catalogue import faults_of
from ccc_router.routing.policy import Rules
from ccc_router.simulation.comparing import estimate
from quality.figures import differences
from quality.model import AGENTS_BY, CONTACTS_BY, Model
from quality.ours import Ours, catalogue
from quality.play import Run, play
from quality.scenarios import QUEUES, SCENARIOS, Agent, Contact
from tests.support.matches import matches_of

GEN, CARD, PETI, UI = (QUEUES.index(queue) for queue in ("gen", "card", "peti", "ui"))
LONG = 10_000_000
EXTRA_MS = 1000 * Rules().max_extra_wait_s


def call(at_ms: int, queue: int = GEN, handling_ms: int = 60_000, patience_ms: int = LONG) -> Contact:
    return Contact(at_ms, queue, patience_ms, handling_ms)


def test_the_settings_are_those_of_a_catalogue_that_says_nothing_and_the_catalogue_is_without_fault() -> None:
    for scenario in SCENARIOS:
        made = catalogue(scenario.staff(), Rules())
        assert not list(faults_of(made))
        assert (len(made.queues), len(made.agents)) == (12, scenario.agents)
    assert Ours([Agent((GEN,))]).state.book.rules == Rules()


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_it_matches_as_the_order_in_a_few_lines_does(number: int) -> None:
    """Match for match, person by person, without the classes, heaps and lists of the core: from the part of the day where it is busy."""
    scenario = SCENARIOS[number]
    agents, day = scenario.staff(), scenario.arrivals(3)
    day = day[len(day) // 4 :][:700]
    ours = matches_of(Ours(agents), day, agents)
    assert ours == matches_of(Model(agents, "scarce", "rank", EXTRA_MS), day, agents)
    assert any(at > day[contact].at_ms for at, contact, _ in ours)  # somebody had to wait
    longest_idle = matches_of(Model(agents, "idle", "rank", 0), day, agents)
    assert ours != longest_idle


def test_by_rank_and_with_another_bound_too() -> None:
    scenario = SCENARIOS[3]
    agents, day = scenario.staff(), scenario.arrivals(4)[:900]
    by_rank = matches_of(Ours(agents, Rules(contact_order="rank")), day, agents)
    assert by_rank == matches_of(Model(agents, "scarce", "rank", 0), day, agents)
    longer = matches_of(Ours(agents, Rules(max_extra_wait_s=90)), day, agents)
    assert longer == matches_of(Model(agents, "scarce", "rank", 90_000), day, agents)
    assert by_rank != longer


def test_every_match_is_an_offer_of_the_core_that_its_agent_holds() -> None:
    """After each match the core's own rows say that the agent has the call, and that he was offered it then."""
    agents = [Agent((GEN, CARD)), Agent((CARD,))]

    class Checked(Ours):
        def _taken(self) -> list[tuple[int, int]]:
            taken = super()._taken()
            for contact, agent in taken:
                row = self.state.contacts[f"ct_{contact:08d}"]
                assert (row.state, row.agent_id, row.attempt) == (ContactState.ACTIVE, f"a{agent:04d}", 1)
                assert self.state.agents[row.agent_id].assignments == (row.id,)
            assert not self.state.offers
            return taken

    found = matches_of(Checked(agents), [call(1_000, CARD), call(2_000, CARD), call(3_000), call(3_500)], agents)
    assert found == [(1_000, 0, 1), (2_000, 1, 0), (62_000, 2, 0), (122_000, 3, 0)]


@pytest.mark.parametrize(
    ("rules", "first"),
    [(Rules(), 2), (Rules(max_extra_wait_s=29), 1), (Rules(contact_order="rank"), 1)],
)
def test_who_can_still_be_in_time_goes_before_who_is_late_by_no_more_than_the_bound(rules: Rules, first: int) -> None:
    """The agent is freed at 61 s: 1 waits for 50 s and is late by 30, 2 for 10 s."""
    agents = [Agent((GEN, CARD))]
    found = matches_of(Ours(agents, rules), [call(1_000), call(11_000, CARD), call(51_000)], agents)
    assert [contact for _, contact, _ in found] == [0, first, 3 - first]


@pytest.mark.parametrize(("busy", "chosen"), [(CARD, 1), (PETI, 0)])
def test_who_alone_of_those_free_could_take_something_else_is_kept_for_it(busy: int, chosen: int) -> None:
    """0 also does card, as 2 does; 1 also petitions, as 3 does. Who of 2 and 3 is busy decides whom the general call leaves."""
    agents = [Agent((GEN, CARD)), Agent((GEN, PETI)), Agent((CARD,)), Agent((PETI,))]
    found = matches_of(Ours(agents), [call(1_000, busy), call(2_000)], agents)
    assert found == [(1_000, 0, 2 if busy == CARD else 3), (2_000, 1, chosen)]


def test_nobody_is_left_and_abandoned_calls_take_nobody_s_time() -> None:
    policy, agents = Ours([Agent((GEN,))]), [Agent((GEN,))]
    contacts = [call(1_000), call(2_000, patience_ms=5_000), call(3_000)]
    assert matches_of(policy, contacts, agents) == [(1_000, 0, 0), (61_000, 2, 0)]
    assert not policy.state.waiting.lines
    assert policy.state.agents["a0000"].assignments == ()
    assert policy.state.contacts == {}  # the calls lingered for late events, and their timers fired


def test_what_the_core_refuses_ends_the_play() -> None:
    class Hasty(Ours):
        def arrived(self, now_ms: int, contact: int, queue: int) -> list[tuple[int, int]]:
            self._give(now_ms, AcceptOffer(actor="a0000", actor_role=Role.AGENT, offer_id="of_none"))
            return []

    with pytest.raises(AssertionError, match="offer_over"):
        play(Hasty([Agent((GEN,))]), [call(1_000)], [Agent((GEN,))], 0)


@pytest.mark.parametrize("agents_by", AGENTS_BY)
@pytest.mark.parametrize("contacts_by", CONTACTS_BY)
def test_every_order_of_the_sweep_ends_every_contact(agents_by: str, contacts_by: str) -> None:
    scenario = SCENARIOS[3]
    agents, day = scenario.staff(), scenario.arrivals(1)[:500]
    run = play(Model(agents, agents_by, contacts_by, EXTRA_MS), day, agents, 0)
    assert len(run.waits_s) == 500
    assert run.service_level > 0.5


def test_differences_are_paired_by_run() -> None:
    """Both differ much from run to run, but always by the same: the interval is about the difference alone."""
    base = [Run(level, 0.1, [1.0, 3.0]) for level in (0.2, 0.5, 0.8)]
    better = [Run(level + 0.1, 0.1, [1.0, 1.0]) for level in (0.2, 0.5, 0.8)]
    found = differences(better, base)
    assert found["service_level"].mean == pytest.approx(0.1)
    assert found["service_level"].half_width == pytest.approx(0, abs=1e-9)
    assert found["mean_wait_s"] == estimate([-1.0, -1.0, -1.0])
    assert found["p99_wait_s"].mean == -2
