"""The country of pools: whoever came is counted once wherever he was answered, and helping helps."""

import functools
from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest

from ccc_router.queues.catalogue import faults_of
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import OverflowRule, Rules
from ccc_router.simulation.workloads.description import flat
from ccc_router.simulation.workloads.synthetic import synthetic
from ccc_router.simulation.world.living import World
from ccc_router.simulation.world.several import Country
from ccc_router.simulation.world.stays import Outcome, Run
from quality.country import POPULATION, Line, Play, catalogue, describe, helpers_of, lines, lived

FEW = {"a": 2000, "b": 1000, "c": 1000, "d": 1500, "e": 4000, "f": 4000}


def a_play(helpers: str, **changes: object) -> Play:
    fields = {"a_day": 9_000, "hours": 0.25, "warm_up_hours": 0.1, "crisis": "b", "factor": 3.0, "people": FEW}
    return Play(helpers, **(fields | changes))  # type: ignore[arg-type]


@functools.cache
def played(helpers: str, factor: float = 3.0) -> tuple[Country, Mapping[str, Run], list[Line]]:
    """What became of it; several tests look at it."""
    play = a_play(helpers, factor=factor)
    country, runs, _ = lived(play)
    return country, runs, lines(play, country, runs)


def test_every_catalogue_fits_the_others() -> None:
    """Apart from the endpoints, which the simulator plays itself, it could be put in force."""
    play = Play("neighbours")
    assert len(POPULATION) == 34
    for pool in ("lai-chau", "tp-hcm"):
        found = faults_of(catalogue(play, pool), pool=pool)
        assert found == []
        assert len({pool, *helpers_of(play, pool)}) == 5
        assert len({pool, *helpers_of(Play("large"), pool)}) == 5


@pytest.mark.parametrize("helpers", ["none", "neighbours", "large"])
def test_i18_who_came_is_counted_once_wherever_he_was(helpers: str) -> None:
    country, runs, found = played(helpers)
    everybody = found[-1]
    assert everybody.handed_over == everybody.taken == sum(country.moved.values())
    assert (everybody.taken > 0) == (helpers != "none")
    for pool, run in runs.items():
        came = [(stay.number, stay.again) for stay in run.stays]
        assert len(came) == len(set(came)), pool
        assert {number for number, _ in came} == set(range(len({number for number, _ in came}))), (
            f"{pool}: nobody is lost"
        )
        assert run.refused == 0
        assert all(stay.outcome is not Outcome.OTHER for stay in run.stays)


def test_who_gave_up_elsewhere_calls_his_own_pool_again() -> None:
    country, runs, _ = played("neighbours", 6.0)
    again = Counter(pool for pool, run in runs.items() for stay in run.stays if stay.again)
    assert again["b"] > 0
    assert sum(many for (home, _), many in country.moved.items() if home == "b") > 0


def test_a_crisis_is_easier_with_help_and_the_country_no_worse() -> None:
    alone, helped = played("none")[2], played("large")[2]
    assert alone[0].where == helped[0].where == "b"
    assert helped[0].abandoned < alone[0].abandoned
    assert helped[0].mean_wait_s < alone[0].mean_wait_s
    assert helped[-1].abandoned <= alone[-1].abandoned


def test_the_same_seed_is_the_same_country() -> None:
    play = a_play("large")
    assert lines(play, *lived(play)[:2]) == played("large")[2]


def test_a_world_without_others_sees_those_handed_over_leave() -> None:
    """`ccc-router simulate` with such a catalogue: they are counted as ended otherwise (I18)."""
    play = a_play("neighbours", factor=6.0)
    made = catalogue(play, "b")
    gone: list[str] = []

    def watch(_: object, done: object) -> None:
        gone.extend(one.contact_id for one in done.decisions if isinstance(one, d.ContactHandedOver))  # type: ignore[attr-defined]

    run = World(made, synthetic(describe(play, "b"), made, 1), watch, pool="b").go()
    assert len(gone) == sum(stay.outcome is Outcome.OTHER for stay in run.stays) > 0


def test_r21_through_several_pools_nobody_comes_back_to_one() -> None:
    """Three pools that all give away what comes while nobody is signed in, to each other in a circle and as often as they may."""
    country = Country()
    for here, there in (("a", "b"), ("b", "c"), ("c", "a")):
        made = catalogue(a_play("none"), here)
        rule = OverflowRule("card", pool=there, when=("nobody",))
        queues = tuple(msgspec.structs.replace(one, overflow_when=(rule,)) for one in made.queues)
        made = msgspec.structs.replace(made, queues=queues, rules=Rules(handovers=9))
        coming = flat(1.0, 2400 if here == "a" else 0.0001, languages={"vi": 100.0})
        nobody_works = msgspec.structs.replace(synthetic(coming, made, 1), shifts=())
        country.worlds[here] = World(made, nobody_works, pool=here, abroad=country)
    runs = country.go()
    came = len([stay for stay in runs["a"].stays if not stay.again])
    assert came > 50
    assert set(country.moved) == {("a", "b"), ("b", "c")}, "the last one keeps it"
    assert country.moved["a", "b"] == country.moved["b", "c"] == len(runs["a"].stays)
