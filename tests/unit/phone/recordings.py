"""The recordings of a real Asterisk and what was read out of them by hand (tests/fixtures/asterisk/README.md)."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from ccc_router.channels.channel import Keyed, Parsed, Request
from ccc_router.channels.phone.ari.board import Board
from ccc_router.channels.phone.ari.seen import Seen
from ccc_router.channels.phone.asterisk_ari import AsteriskAri
from ccc_router.channels.phone.wording import moment
from ccc_router.events.facts import CallEvent
from ccc_router.routing import calls
from ccc_router.routing.policy import Endpoint
from ccc_router.routing.rows import Call
from tests.support.channel_case import an_endpoint

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "asterisk"
NAMES: Final = sorted(path.stem for path in (FOLDER / "expected").glob("*.json"))


def expectation(name: str) -> dict[str, Any]:
    """The hand-written expectation of a recording."""
    found: dict[str, Any] = json.loads((FOLDER / "expected" / f"{name}.json").read_text())
    return found


def events(name: str) -> list[dict[str, Any]]:
    """The events of a recording as the switch sent them, in the order they arrived."""
    found = []
    with gzip.open(FOLDER / f"{name}.jsonl.gz", "rt") as lines:
        for line in map(json.loads, lines):
            if line["src"] == "ari":
                found.append(line["d"])
            elif line["src"] == "ws-rx" and isinstance(line["d"].get("msg"), dict):
                found.append(line["d"]["msg"])
    return found


def endpoint(options: Mapping[str, str]) -> Endpoint:
    """The switch of the recordings."""
    return an_endpoint("phone", "lab", "asterisk-ari", **options)


def request(body: object) -> Request:
    """A delivery of it."""
    return Request(path="/v1/channels/phone/lab/events", body=json.dumps(body).encode(), received_at=1)


def told(order: Iterable[Mapping[str, Any]], switch: Endpoint) -> Iterator[Keyed]:
    """The facts in the order in which they are told while the events come in this order, each fact once."""
    board, known = Board(), set()
    for event in order:
        parsed = AsteriskAri().parse(request(event), switch, {})
        assert isinstance(parsed, Parsed), event
        seen = [msgspec.json.decode(one.body, type=Seen) for one in parsed.sightings]
        for one in seen:
            board.add(one)
        for keyed in [*parsed.facts, *board.facts(switch, {one.leg for one in seen})]:
            if keyed.key not in known:
                known.add(keyed.key)
                yield keyed


def reduced(facts: Iterable[Keyed]) -> dict[str, Call]:
    """The calls after the facts, by call id."""
    found: dict[str, Call] = {}
    for keyed in facts:
        fact = keyed.fact
        if isinstance(fact, CallEvent):
            call = found.setdefault(fact.call_id, Call(call_id=fact.call_id, endpoint=fact.endpoint))
            after = calls.advance(call, fact)
            call.legs = {**call.legs, after.leg.leg_id: after.leg}
            call.transferred_to = after.transferred_to
    return found


def callers(facts: Iterable[Keyed]) -> dict[str, str]:
    """By call id the number that called."""
    return {
        keyed.fact.call_id: keyed.fact.private.address
        for keyed in facts
        if isinstance(keyed.fact, CallEvent) and keyed.fact.private is not None
    }


def outcome(facts: Sequence[Keyed]) -> list[dict[str, Any]]:
    """What the expectations say, read off the facts."""
    numbers = callers(facts)
    return [read_call(call, numbers.get(call_id, "")) for call_id, call in sorted(reduced(facts).items())]


def read_call(call: Call, number: str) -> dict[str, Any]:
    """One call in the form of the expectations."""
    customer, left = calls.customer_leg(call), calls.first_left(call)
    return {
        "call": call.call_id,
        "calling": number,
        "ended_at": customer.cleared_at if customer else 0,
        "established": calls.established(call),
        "first_left": left.value if left else None,
        "holds": calls.holds(call),
        "legs": {
            leg.leg_id: calls.leg_outcome(leg)
            for leg in call.legs.values()
            if customer and leg.leg_id != customer.leg_id
        },
        "transferred_to": call.transferred_to,
    }


def expected(calls_expected: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The expectation in the form of `outcome`."""
    return sorted(
        ({"transferred_to": "", **one, "ended_at": moment(one["ended_at"])} for one in calls_expected),
        key=lambda one: one["call"],
    )
