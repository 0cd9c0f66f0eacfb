"""What a catalogue may say of other pools: every fault by its path (DESIGN 11)."""

import msgspec
import pytest

from ccc_router.queues.catalogue import faults_of
from ccc_router.routing.policy import Catalogue, Endpoint, OverflowRule, Queue
from tests.support.pools import HELP, HOME, help_catalogue, home_catalogue

Found = list[tuple[str, str]]


def faults(catalogue: Catalogue, others: dict[str, Catalogue] | None = None, pool: str = HOME) -> Found:
    return [(one.path, one.code) for one in faults_of(catalogue, pool=pool, others=others)]


def changed(catalogue: Catalogue, endpoint: str, **changes: object) -> Catalogue:
    """With one endpoint changed."""
    known = tuple(msgspec.structs.replace(one, **changes) if one.id == endpoint else one for one in catalogue.endpoints)
    return msgspec.structs.replace(catalogue, endpoints=known)


def test_two_pools_that_fit_have_no_fault() -> None:
    home = home_catalogue()
    there = help_catalogue(home)
    assert faults(home, {HELP: there}) == faults(there, {HOME: home}, HELP) == []
    assert faults(home) == [], "nothing is known of other pools: nothing is said of them"


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        (OverflowRule("cards", after_wait_s=1, pool="Đà Nẵng"), "pool", "bad_pool"),
        (OverflowRule("cards", after_wait_s=1, pool=HOME), "pool", "own_pool"),
        (OverflowRule("cards", after_wait_s=1, pool="hue"), "pool", "unknown_pool"),
        (OverflowRule("gone", after_wait_s=1, pool=HELP), "to", "unknown_queue"),
        (OverflowRule("cards", after_wait_s=1, pool=HELP, if_on_target=True), "if_on_target", "unknowable"),
        (OverflowRule("danang-cards", after_wait_s=1), "to", "unknown_queue"),
    ],
)
def test_a_rule_that_leads_nowhere(rule: OverflowRule, path: str, code: str) -> None:
    home = home_catalogue(rule)
    found = faults(home, {HELP: help_catalogue(home)})
    assert (f"/queues/0/overflow_when/0/{path}", code) in found
    assert len(found) == 1 + (code == "bad_pool"), "of a bad name also that nobody has it"


@pytest.mark.parametrize(
    "theirs",
    [
        {"shared_from": ""},
        {"shared_from": "hue"},
        {"id": "another"},
        {"control_url": ""},
        {"channel": "portal"},
    ],
)
def test_who_takes_over_can_answer_by_the_way_the_customer_came(theirs: dict[str, object]) -> None:
    """Call control included: without it nobody there could be offered the call."""
    home = home_catalogue()
    there = changed(help_catalogue(home), "hotline", **theirs)
    assert faults(home, {HELP: there}) == [("/queues/0/overflow_when/0/pool", "not_shared")]
    assert ("/endpoints", "in_use") in faults(there, {HOME: home}, HELP), "nor may that be put in force there"


def test_the_queue_there_serves_every_channel() -> None:
    home = home_catalogue()
    there = help_catalogue(home)
    queues = tuple(
        msgspec.structs.replace(one, channels=("phone", "email", "portal", "internal")) for one in there.queues
    )
    there = msgspec.structs.replace(there, queues=queues)
    assert faults(home, {HELP: there}) == [("/queues/0/overflow_when/0/to", "wrong_channel")]


def test_a_queue_that_others_overflow_to_stays() -> None:
    home = home_catalogue()
    there = help_catalogue(home)
    only: tuple[Queue, ...] = tuple(one for one in there.queues if one.id == "general")
    there = msgspec.structs.replace(there, queues=only, topics=())
    assert ("/queues", "in_use") in faults(there, {HOME: home}, HELP)


def test_an_endpoint_is_shared_by_another_pool() -> None:
    own = changed(home_catalogue(), "page", shared_from=HOME)
    assert ("/endpoints/2/shared_from", "own_pool") in faults(own)
    assert ("/endpoints/2/shared_from", "bad_pool") in faults(changed(home_catalogue(), "page", shared_from="a b"))


def test_what_came_from_a_third_pool_can_be_answered_in_the_second() -> None:
    """A shared endpoint is shared on under the name of the pool that takes in by it."""
    home = home_catalogue()
    third = Endpoint("far-page", "fanpage", home.endpoints[0].name, "general", shared_from="hue")
    home = msgspec.structs.replace(home, endpoints=(*home.endpoints, third))
    there = help_catalogue(home)
    assert faults(home, {HELP: there}) == [("/queues/0/overflow_when/0/pool", "not_shared")]
    assert faults(home, {HELP: changed(there, "far-page", shared_from="hue")}) == []
