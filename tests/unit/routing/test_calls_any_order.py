"""I3: the events of a call, in any order and doubled, bring the contact to the same end."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.events.facts import CallEvent
from ccc_router.events.vocabulary import CallEventName as E
from ccc_router.events.vocabulary import ContactState, LegRole
from ccc_router.kernel.ids import derive
from ccc_router.routing.calls import established, first_left, holds, leg_outcome
from tests.support.world import START, World

Fixed = tuple[E, str, int]

TRACKED: list[Fixed] = [
    (E.OFFERED, "cust", 0),
    (E.QUEUED, "cust", 1),
    (E.DELIVERED, "a1", 2),
    (E.FAILED, "a1", 9),
    (E.DELIVERED, "a2", 10),
    (E.ESTABLISHED, "a2", 12),
    (E.HELD, "a2", 20),
    (E.RETRIEVED, "a2", 25),
    (E.CONNECTION_CLEARED, "cust", 30),
    (E.CONNECTION_CLEARED, "a2", 31),
]
ABANDONED: list[Fixed] = [
    (E.OFFERED, "cust", 0),
    (E.DELIVERED, "a1", 2),
    (E.CONNECTION_CLEARED, "cust", 5),
    (E.FAILED, "a1", 6),
]


def fact(endpoint: str, one: Fixed) -> CallEvent:
    name, leg, second = one
    return CallEvent(
        at=START + 1000 * second, endpoint=endpoint, call_id="c1", leg_id=leg,
        contact_id=derive("ct", endpoint, "call", "c1"), case_id=derive("cs", endpoint, "call", "c1"),
        event=name, role=LegRole.CUSTOMER if leg == "cust" else LegRole.AGENT,
    )  # fmt: skip


def end_of(endpoint: str, events: list[Fixed]) -> tuple[object, ...]:
    world = World()
    for one in events:
        world.give(fact(endpoint, one))
        world.wait(1)
    contact = world.contact(derive("ct", endpoint, "call", "c1"))
    call = contact.call
    assert call is not None
    legs = {leg.leg_id: leg_outcome(leg) for leg in call.legs.values() if leg.role is not LegRole.CUSTOMER}
    rows = {leg_id: msgspec.json.encode(leg) for leg_id, leg in sorted(call.legs.items())}
    return contact.state, established(call), first_left(call), holds(call), legs, rows


@settings(max_examples=300, deadline=None)
@given(order=st.permutations(TRACKED + TRACKED))
def test_a_tracked_call_ends_the_same_in_every_order(order: list[Fixed]) -> None:
    end = end_of("tracked", list(order))
    assert end == end_of("tracked", TRACKED)
    assert end[0] is ContactState.CLOSED
    assert end[3] == 1


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(ABANDONED + ABANDONED))
def test_an_abandoned_call_ends_the_same_in_every_order(order: list[Fixed]) -> None:
    for endpoint in ("tracked", "hotline"):
        end = end_of(endpoint, list(order))
        assert end == end_of(endpoint, ABANDONED)
        assert end[0] is ContactState.ABANDONED


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(TRACKED + TRACKED))
def test_a_controlled_call_the_switch_answered_by_itself_ends_the_same_in_every_order(order: list[Fixed]) -> None:
    assert end_of("hotline", list(order)) == end_of("hotline", TRACKED)
