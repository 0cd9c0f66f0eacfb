"""Every interleaving of the offer protocol, small casts, whole: I2, I4, I5, I6, I7, I8, I9, I12, I13 in each state, and an end from each.

Not drawn but enumerated (tests/support/offer_model.py): whatever a few people, one call and one letter can do in any order, with an
engine that takes over, and with every input said twice, at each point.
"""

import sys
from copy import deepcopy

import pytest

from ccc_router.events.vocabulary import OfferState
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from tests.support.offer_model import CALL, LETTER, Model, check_lost_agents, check_offers_end_once
from tests.support.world import World

_ASKED = ("assigned", "requeued")
_SEEN = ("sees",)
_PAUSED = ("not_ready",)
_LEAVES = ("signed_out",)
_LOST = ("lost", "back")
_DECLINED = ("declines",)


@pytest.mark.parametrize(
    ("agents", "contacts", "without", "least"),
    [
        pytest.param(("an",), (LETTER,), (), 600, id="one-letter-everything"),
        pytest.param(("an",), (CALL,), _ASKED, 2_500, id="one-call-everything-but-supervisors"),
        pytest.param(
            ("an", "binh"), (LETTER,), (*_ASKED, *_SEEN, *_PAUSED, *_LEAVES, *_DECLINED), 2_000, id="two-agents-lost"
        ),
        pytest.param(("an", "binh"), (LETTER,), (*_SEEN, *_PAUSED, *_LEAVES, *_LOST), 500, id="two-agents-supervised"),
        pytest.param(
            ("an", "binh"), (LETTER,), (*_ASKED, *_SEEN, *_PAUSED, *_DECLINED, *_LOST), 100, id="two-agents-log-out"
        ),
        pytest.param(
            ("an", "binh"), (CALL,), (*_ASKED, *_SEEN, *_PAUSED, *_LEAVES, *_LOST), 1_500, id="two-agents-a-call"
        ),
        pytest.param(
            ("an",), (CALL, LETTER), (*_ASKED, *_SEEN, *_PAUSED, *_LEAVES, *_LOST), 2_500, id="a-call-and-a-letter"
        ),
    ],
)
def test_i4_to_i9_in_every_interleaving(
    agents: tuple[str, ...], contacts: tuple[str, ...], without: tuple[str, ...], least: int
) -> None:
    """R-10: ``least``: fewer states than that and the model has lost moves, so it would prove less than it says."""
    graph = Model(agents, contacts, without).search()
    sys.stdout.write(f"{len(graph.followers)} states, {graph.moves} transitions\n")
    assert len(graph.followers) >= least
    assert [graph.path(state) for state in graph.without_an_end()[:1]] == []


@pytest.mark.parametrize(
    ("agents", "contacts", "without", "least"),
    [
        pytest.param(("an",), (LETTER,), _ASKED, 450, id="one-agent"),
        pytest.param(
            ("an", "binh"), (LETTER,), (*_ASKED, *_SEEN, *_PAUSED, *_LEAVES, *_DECLINED, *_LOST), 100, id="two-agents"
        ),
        pytest.param(
            ("an",), (CALL, LETTER), (*_ASKED, *_SEEN, *_PAUSED, *_LEAVES, *_LOST, *_DECLINED, "answered", "fails"), 500, id="a-call"
        ),
    ],
)  # fmt: skip
def test_r7_i12_what_is_taken_and_not_begun_in_every_interleaving(
    agents: tuple[str, ...], contacts: tuple[str, ...], without: tuple[str, ...], least: int
) -> None:
    """The same search where a contact that is taken must be begun: I2, I4 to I9, I12, I13, and every state can end."""
    graph = Model(agents, contacts, without, begins=True).search()
    sys.stdout.write(f"{len(graph.followers)} states, {graph.moves} transitions\n")
    assert len(graph.followers) >= least
    assert [graph.path(state) for state in graph.without_an_end()[:1]] == []


def test_the_search_finds_a_state_that_cannot_end() -> None:
    """The search is worth something only if it can fail: without the expiry of offers and without people nobody ever ends."""
    silent = ("due", "accepts", "declines", "completed", "signed_out", "not_ready", "lost", "assigned")
    graph = Model(("an",), (LETTER,), silent).search()
    assert graph.without_an_end()


def test_i7_the_model_notices_a_lost_agent_with_an_offer() -> None:
    world = World()
    world.sign_in("an")
    world.write()
    agent = world.state.agents["an"]
    check_lost_agents(world.state)
    agent.lost = True
    with pytest.raises(AssertionError, match="I7"):
        check_lost_agents(world.state)


def test_i6_the_model_notices_an_offer_that_ends_twice_or_never() -> None:
    world = World()
    world.sign_in("an")
    world.write()
    before = deepcopy(world.state)
    offer = next(iter(before.offers.values()))
    ended = d.OfferEnded(offer.id, OfferState.EXPIRED, "timer")
    after = deepcopy(before)
    after.offers.clear()
    check_offers_end_once(before, Step([ended], None, None), after)
    with pytest.raises(AssertionError, match="I6"):
        check_offers_end_once(before, Step([ended, ended], None, None), after)
    with pytest.raises(AssertionError, match="I6"):
        check_offers_end_once(before, Step([], None, None), after)
