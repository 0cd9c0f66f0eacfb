"""What the checker reads it reads as it was written: the journal's own words, its chain, and a history that broke off."""

from itertools import pairwise
from pathlib import Path

import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.commands import AcceptOffer
from ccc_router.events.envelope import Input
from ccc_router.events.facts import TimerFired
from ccc_router.events.journal import Head, Written, append
from ccc_router.events.vocabulary import Channel, ContactState, DeliveryKind, OfferReason, OfferState, Role
from ccc_router.routing import decisions as d
from soak.checking.entries import Batch, Chain, Row, step_of
from soak.checking.model import Model
from soak.history import Begun, Ended, Noted, Recorder, read
from soak.report import quantiles, split
from soak.schedule import draw


def test_the_journals_own_bytes_are_read_with_every_field_the_check_needs() -> None:
    """A field that was renamed would be read as empty, and the check would see nothing."""
    given = Input(
        7, 1_000, AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id="of_1"), source="agent:an", key="aa"
    )
    decisions = [
        d.ContactOpened("ct_1", "cs_1", "cu_1", Channel.PORTAL, "site", "general", 5),
        d.OfferMade("of_1", "ct_1", "an", OfferReason.NEW, 1, 99),
        d.OfferEnded("of_1", OfferState.ACCEPTED, "an"),
        d.ContactEnded("ct_1", ContactState.CLOSED, "an"),
        d.DeliveryOwed(
            "dl_1", DeliveryKind.WEBHOOK, "lane", "policy", escalation_id="es_1", type="ccc.escalation.raised.v1"
        ),
        d.DeliveryEnded("dl_1", "sent"),
        d.InvariantViolated("I4", "ct_1", "here"),
        d.AgentMarkedLost("an", 5),
    ]
    read_given, made = step_of(b"\n".join([canonical(given), *map(canonical, decisions)]))
    assert (read_given.position, read_given.at, read_given.source, read_given.key) == (7, 1_000, "agent:an", "aa")
    assert (read_given.body.kind, read_given.body.actor, read_given.body.actor_role) == ("AcceptOffer", "an", "agent")
    opened, offered, ended, over, owed, sent, violated, lost = made
    assert (opened.contact_id, opened.channel) == ("ct_1", "portal")
    assert (offered.offer_id, offered.contact_id, offered.agent_id) == ("of_1", "ct_1", "an")
    assert (ended.offer_id, ended.state) == ("of_1", "accepted")
    assert (over.contact_id, over.state) == ("ct_1", "closed")
    assert (owed.delivery_id, owed.delivery, owed.target, owed.escalation_id) == ("dl_1", "webhook", "policy", "es_1")
    assert owed.type == "ccc.escalation.raised.v1"
    assert (sent.delivery_id, sent.state) == ("dl_1", "sent")
    assert (violated.invariant, violated.ref, violated.what) == ("I4", "ct_1", "here")
    assert lost.agent_id == "an"
    fired = step_of(canonical(Input(8, 1_001, TimerFired(timer="offer", ref="of_1", due=1_001)))).given.body
    assert (fired.kind, fired.timer, fired.ref, fired.due) == ("TimerFired", "offer", "of_1", 1_001)


def test_the_model_knows_decisions_by_their_own_words() -> None:
    tags = {
        str(getattr(d, name).__struct_config__.tag)
        for name in d.__all__
        if hasattr(getattr(d, name), "__struct_config__")
    }
    assert Model().kinds <= tags


def rows_of(*bodies: bytes) -> tuple[Batch, list[Row]]:
    """A batch at the beginning of a journal."""
    written = [Written(number, number, 1_000 + number, body) for number, body in enumerate(bodies, 1)]
    head, (first, last, previous, hashed), _ = append(Head(), written, 2)
    assert head.position == len(bodies)
    batch = Batch(first[0], last[0], previous[0], hashed[0])  # type: ignore[index]
    return batch, [Row(*one, 2) for one in written]


def test_a_chain_as_it_was_written_holds() -> None:
    """I13, I16."""
    batch, rows = rows_of(b"{}", b'{"a":1}')
    assert list(Chain().follow(batch, rows)) == []


@pytest.mark.parametrize("fault", ["changed", "removed", "earlier", "unchained"])
def test_a_chain_that_was_touched_does_not(fault: str) -> None:
    """I13, I16."""
    batch, rows = rows_of(b"{}", b'{"a":1}', b"{}")
    match fault:
        case "changed":
            rows[1] = rows[1]._replace(body=b'{"a":2}')
        case "removed":
            del rows[1]
        case "earlier":
            rows[2] = rows[2]._replace(at=1)
        case _:
            batch = batch._replace(previous=b"another")
    assert list(Chain().follow(batch, rows))


def test_a_history_is_read_as_it_was_recorded_also_when_it_broke_off(tmp_path: Path) -> None:
    path = tmp_path / "history"
    record = Recorder(path)
    op = record.begin("facts", "tracked", ("csta:e", [1, 2]))
    record.end(op, "ok", (200, [2, 0, 0]))
    record.note("webhook", ("policy", "dl_1"))
    record.close()
    with path.open("ab") as file:
        file.write(b'["b",1.0,2,"fac')
    begun, ended, noted = read(path)
    assert isinstance(begun, Begun)
    assert (begun.op, begun.kind, begun.who, begun.what) == (1, "facts", "tracked", ["csta:e", [1, 2]])
    assert isinstance(ended, Ended)
    assert (ended.op, ended.end, ended.told) == (1, "ok", [200, [2, 0, 0]])
    assert ended.at >= begun.at
    assert isinstance(noted, Noted)


def test_the_seed_brings_the_same_faults_again_and_another_brings_others() -> None:
    one, again, other = (draw(seed, 600, ("serve", "engine", "deliver"), kafka=True) for seed in (5, 5, 6))
    assert one == again != other
    assert {(step.fault, step.target) for step in one} >= {
        ("kill", "leader"),
        ("kill", "serve"),
        ("kill", "kafka"),
        ("kill", "postgres"),
    }


def test_a_leader_is_spared_now_and_then_for_longer_than_an_agents_lease() -> None:
    """I7: else no agent would ever be lost in a soak."""
    at, taken = 0.0, [0.0]
    for step in draw(3, 900, ("up",), kafka=False):
        at += step.pause_s
        if step.target in {"leader", "postgres"}:
            taken.append(at)
    assert max(after - before for before, after in pairwise(taken)) > 35


def test_no_faults_of_kafka_without_one() -> None:
    assert not [step for step in draw(1, 900, ("up",), kafka=False) if step.target == "kafka"]


def test_commands_that_touch_a_window_are_told_apart_from_those_that_do_not() -> None:
    inside, outside = split([(0, 5), (8, 12), (15, 16), (19, 30), (31, 33)], [(20, 25), (10, 14)])
    assert (sorted(inside), sorted(outside)) == ([4, 11], [1, 2, 5])
    assert quantiles(outside) == {"count": 3, "p50": 2, "p99": 2, "most": 5}
