"""Comparing catalogues: the same customers under both, nothing between equals, and the worse one is found out."""

import json
from pathlib import Path

import msgspec
import pytest

from ccc_router.queues.catalogue import as_document
from ccc_router.routing.policy import Catalogue
from ccc_router.simulation.command import Asked, simulate
from ccc_router.simulation.comparing import compare, estimate, student_t
from ccc_router.simulation.experiment import described, try_out
from ccc_router.simulation.measures import jain, quantile
from ccc_router.simulation.report.table import lines_of
from ccc_router.simulation.workloads.description import Description
from ccc_router.simulation.world.living import World
from tests.support.simulated import a_day, demo

MORNING = Description(hours=10)


def specialists() -> Catalogue:
    """The demo's agents, each with the first of his queues and the general one: nobody helps a neighbour."""
    catalogue = demo()
    agents = tuple(
        msgspec.structs.replace(
            agent,
            profiles=tuple(one for at, one in enumerate(agent.profiles) if at == 0 or one.queue == "general"),
        )
        for agent in catalogue.agents
    )
    return msgspec.structs.replace(catalogue, agents=agents)


def test_both_policies_meet_the_same_customers() -> None:
    """Common random numbers: whoever comes, when, for what and with which patience does not depend on who answers."""
    made = a_day(hours=10)
    runs = [World(catalogue, made).go() for catalogue in (demo(), specialists())]
    first, second = (
        [(stay.number, stay.arrived_at, stay.channel, stay.queue) for stay in run.stays if not stay.again]
        for run in runs
    )
    assert first == second
    answered = [[stay.answered_at for stay in run.stays if not stay.again] for run in runs]
    assert answered[0] != answered[1]
    held = [
        {
            stay.number: stay.ended_at - stay.answered_at
            for stay in run.stays
            if stay.channel.value == "phone" and stay.answered_at and stay.ended_at and not stay.again
        }
        for run in runs
    ]
    both = held[0].keys() & held[1].keys()
    assert len(both) > 50
    assert all(held[0][number] == held[1][number] for number in both)


def test_a_catalogue_compared_with_itself_differs_by_exactly_nothing() -> None:
    same = demo()
    found = try_out([("a", same), ("b", same)], described(MORNING, [same, same], 1), 3, 1).comparison
    for compared in (*found.measures.values(), *found.queues.values()):
        assert compared.difference.mean == 0.0
        assert compared.difference.half_width == 0.0
        assert not compared.difference.surely_differs


def test_a_worse_catalogue_is_found_out() -> None:
    pair = [("today", demo()), ("specialists", specialists())]
    found = try_out(pair, described(MORNING, [one for _, one in pair], 1), 3, 1).comparison
    assert found.measures["service_level"].difference.surely_differs
    assert found.measures["service_level"].difference.mean < -0.03
    assert found.measures["mean_wait_ms"].difference.mean > 0


def test_one_replication_gives_no_interval_and_claims_nothing() -> None:
    found = estimate([0.4])
    assert found.half_width is None
    assert not found.surely_differs


def test_unequal_numbers_of_replications_are_refused() -> None:
    with pytest.raises(ValueError, match="replications"):
        compare([], [try_out([("a", demo())], described(Description(hours=1), [demo()], 1), 1, 1).first[0]])


@pytest.mark.parametrize(
    ("freedom", "point"), [(1, 12.706), (4, 2.776), (30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980)]
)
def test_student_t_is_that_of_the_printed_tables(freedom: int, point: float) -> None:
    assert abs(student_t(freedom) - point) < 0.0006


def test_an_interval_is_that_of_the_textbook() -> None:
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.half_width == pytest.approx(2.7764 * (2.5 / 5) ** 0.5)


def test_fairness_and_quantiles() -> None:
    assert jain([0.5, 0.5, 0.5]) == pytest.approx(1.0)
    assert jain([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    assert jain([]) == 1.0
    assert quantile(list(range(1, 101)), 0.95) == 95.0
    assert quantile([7], 0.99) == 7.0
    assert quantile([], 0.5) == 0.0


def test_the_command_writes_table_json_and_page(tmp_path: Path) -> None:
    """The JSON says what the table says; the page needs nothing from elsewhere; the kept workload gives the same run again."""
    paths = []
    for name, catalogue in (("today", demo()), ("specialists", specialists())):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(as_document(catalogue)), encoding="utf-8")
    out, page, kept = tmp_path / "out.json", tmp_path / "out.html", tmp_path / "w.jsonl"
    asked = Asked(catalogues=tuple(paths), hours=10, replications=2, json=out, report=page, keep=kept)
    lines = list(lines_of(simulate(asked)))
    document = json.loads(out.read_bytes())
    level = document["comparison"]["measures"]["service_level"]
    told = next(line for line in lines if line.startswith("service level / mức") and "%" in line)
    assert f"{100 * level['first']['mean']:.1f} " in told
    assert f"{100 * level['difference']['mean']:+.1f} " in told
    html = page.read_text(encoding="utf-8")
    assert html.count("<svg") == 2 + 4  # differences and queues, and the day of each channel
    assert "http" not in html
    assert all(word in html for word in ("today", "specialists", "Mức phục vụ", "Service level by queue"))

    again = tmp_path / "again.json"
    simulate(Asked(catalogues=tuple(paths), workload=kept, replications=1, json=again))
    assert json.loads(again.read_bytes())["first"][0] == document["first"][0]
