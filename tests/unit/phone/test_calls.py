"""I3: the events of a call, in any order and any number of times, give the same legs and readings."""

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.events.facts import CallEvent, CallRecorded
from ccc_router.events.vocabulary import CallEventName as Name
from ccc_router.events.vocabulary import LegRole
from ccc_router.routing import calls
from ccc_router.routing.rows import Call

CUSTOMER, AGENT, OTHER = LegRole.CUSTOMER, LegRole.AGENT, LegRole.OTHER


def event(
    name: Name, at: int, leg: str = "cust", role: LegRole = CUSTOMER, cause: str = "", sequence: int = 0, to: str = ""
) -> CallEvent:
    """One event of call c-1; agent legs carry the offer and phone named after the leg."""
    ours = role is AGENT
    return CallEvent(
        endpoint="hotline", call_id="c-1", leg_id=leg, contact_id="ct_1", case_id="cs_1", event=name, role=role, at=at,
        sequence=sequence, cause=cause, agent=f"phone-{leg}" if ours else "", offer_id=f"of_{leg}" if ours else "",
        new_call_id=to,
    )  # fmt: skip


def reduce(events: Iterable[CallEvent]) -> Call:
    """The call after the events, as the core applies them."""
    call = Call(call_id="c-1", endpoint="hotline")
    for one in events:
        before = msgspec.msgpack.encode(call)
        after = calls.advance(call, one)
        assert msgspec.msgpack.encode(call) == before, "observing must not change the call"
        call = msgspec.structs.replace(
            call, legs={**call.legs, after.leg.leg_id: after.leg}, transferred_to=after.transferred_to,
            recording=after.recording, recording_state=after.recording_state, notice_played=after.notice_played,
        )  # fmt: skip
    return call


def readings(call: Call) -> tuple[object, ...]:
    """Everything the core reads off a call."""
    return (
        sorted((leg.leg_id, msgspec.msgpack.encode(leg), calls.leg_outcome(leg)) for leg in call.legs.values()),
        calls.customer_gone(call), calls.established(call), calls.agent_leg_gone(call), calls.agent_leg_failed(call),
        calls.agent_leg_live(call), calls.held(call), calls.holds(call), calls.first_left(call),
        call.transferred_to, call.recording, call.recording_state, call.notice_played,
    )  # fmt: skip


ANSWERED = [
    event(Name.OFFERED, 10),
    event(Name.QUEUED, 11),
    event(Name.DELIVERED, 20, "a", AGENT),
    event(Name.ESTABLISHED, 30, "a", AGENT),
    event(Name.HELD, 40, "a", AGENT),
    event(Name.RETRIEVED, 50, "a", AGENT),
    event(Name.HELD, 60, "cust"),
    event(Name.CONNECTION_CLEARED, 70, cause="16"),
    event(Name.CONNECTION_CLEARED, 71, "a", AGENT, cause="16"),
]
NOT_ANSWERED = [
    event(Name.OFFERED, 10),
    event(Name.DELIVERED, 20, "a", AGENT),
    event(Name.FAILED, 30, "a", AGENT, cause="busy"),
    event(Name.CONNECTION_CLEARED, 30, "a", AGENT, cause="cancelled"),
    event(Name.CONNECTION_CLEARED, 40),
]
TRANSFERRED = [
    event(Name.OFFERED, 10),
    event(Name.ESTABLISHED, 20, "a", AGENT),
    event(Name.TRANSFERRED, 30, "a", AGENT, to="c-2"),
    event(Name.CONNECTION_CLEARED, 31, "a", AGENT),
    event(Name.ESTABLISHED, 40, "b", AGENT),
    event(Name.CONNECTION_CLEARED, 50, "b", AGENT),
    event(Name.CONNECTION_CLEARED, 51),
]
LEFT_IN_TRANSFER = [
    event(Name.OFFERED, 10),
    event(Name.ESTABLISHED, 20, "a", AGENT),
    event(Name.CONNECTION_CLEARED, 31, "a", AGENT),
    event(Name.DELIVERED, 40, "b", AGENT),
    event(Name.CONNECTION_CLEARED, 50),
    event(Name.CONNECTION_CLEARED, 51, "b", AGENT, cause="cancelled"),
]
SAME_MILLISECOND = [
    event(Name.ESTABLISHED, 20, "a", AGENT),
    event(Name.HELD, 30, sequence=1),
    event(Name.RETRIEVED, 30, sequence=2),
    event(Name.CONNECTION_CLEARED, 40, sequence=4),
    event(Name.CONNECTION_CLEARED, 40, "a", AGENT, sequence=3),
]
HAND_WRITTEN = [ANSWERED, NOT_ANSWERED, TRANSFERRED, LEFT_IN_TRANSFER, SAME_MILLISECOND]

generated = st.lists(
    st.builds(
        event,
        st.sampled_from(list(Name)),
        st.integers(0, 6),
        st.sampled_from(["cust", "a", "b"]),
        st.sampled_from(list(LegRole)),
        st.sampled_from(["", "busy", "no_answer", "16", "0"]),
        st.integers(0, 2),
        st.sampled_from(["", "c-2", "c-3"]),
    ),
    max_size=12,
)


@given(generated | st.sampled_from(HAND_WRITTEN), st.randoms(use_true_random=False))
def test_i3_any_order_and_number_of_the_events_gives_the_same_call(events: Sequence[CallEvent], order: object) -> None:
    doubled = [*events, *events]
    order.shuffle(doubled)  # type: ignore[attr-defined]
    assert readings(reduce(doubled)) == readings(reduce(events))


def test_an_answered_call_reads_as_it_went() -> None:
    call = reduce(ANSWERED)
    assert calls.established(call)
    assert calls.established(call, offer_id="of_a")
    assert not calls.established(call, offer_id="of_b")
    assert calls.holds(call) == 2
    assert calls.customer_gone(call)
    assert calls.first_left(call) is CUSTOMER
    assert calls.answered_at(call) == 30
    assert calls.leg_outcome(call.legs["a"]) == "answered"


def test_waiting_in_the_queue_is_no_hold_and_a_held_call_reads_as_held() -> None:
    assert not calls.held(reduce([event(Name.OFFERED, 10), event(Name.HELD, 11)]))
    assert calls.held(reduce(ANSWERED[:5]))
    assert not calls.held(reduce(ANSWERED[:6]))
    assert not calls.held(reduce(ANSWERED)), "nobody is on hold after the end"


@pytest.mark.parametrize(
    ("events", "left"),
    [
        (NOT_ANSWERED, CUSTOMER),
        (TRANSFERRED, AGENT),
        (LEFT_IN_TRANSFER, CUSTOMER),
        (SAME_MILLISECOND, AGENT),
        (ANSWERED[:7], None),
        (TRANSFERRED[:6], AGENT),
        ([event(Name.CONNECTION_CLEARED, 5)], CUSTOMER),
        ([], None),
    ],
)
def test_who_left_first(events: Sequence[CallEvent], left: LegRole | None) -> None:
    assert calls.first_left(reduce(events)) is left


@pytest.mark.parametrize(
    ("name", "cause", "outcome"),
    [
        (Name.DELIVERED, "", "ringing"),
        (Name.FAILED, "busy", "busy"),
        (Name.FAILED, "declined", "declined"),
        (Name.FAILED, "no_answer", "no_answer"),
        (Name.FAILED, "", "failed"),
        (Name.CONNECTION_CLEARED, "", "cancelled"),
        (Name.CONNECTION_CLEARED, "16", "cancelled"),
        (Name.ESTABLISHED, "", "answered"),
    ],
)
def test_what_became_of_an_agent_leg(name: Name, cause: str, outcome: str) -> None:
    call = reduce([event(Name.DELIVERED, 10, "a", AGENT), event(name, 20, "a", AGENT, cause)])
    assert calls.leg_outcome(call.legs["a"]) == outcome
    assert calls.agent_leg_failed(call, offer_id="of_a") == (outcome not in ("ringing", "answered"))


def test_an_agent_leg_is_gone_only_when_it_was_answered_and_left() -> None:
    assert not calls.agent_leg_gone(reduce(NOT_ANSWERED))
    assert calls.agent_leg_gone(reduce(TRANSFERRED[:4]))
    assert not calls.agent_leg_gone(reduce(TRANSFERRED[:5])), "agent b talks"
    assert calls.agent_leg_gone(reduce(TRANSFERRED[:5]), offer_id="of_a")
    assert calls.agent_leg_live(reduce(TRANSFERRED[:5]), offer_id="of_b")


def test_a_phone_names_a_leg_only_where_no_offer_does() -> None:
    """The same phone may have had the call before; a leg that names its offer is that offer's alone."""
    with_offer = event(Name.ESTABLISHED, 30, "a", AGENT)
    without = msgspec.structs.replace(with_offer, offer_id="")
    assert not calls.established(reduce([with_offer]), offer_id="of_later", agent="phone-a")
    assert calls.established(reduce([without]), offer_id="of_later", agent="phone-a")
    assert not calls.established(reduce([without]), offer_id="of_later", agent="phone-b")


def test_a_record_completes_the_call_and_takes_nothing_away() -> None:
    record = CallRecorded(
        endpoint="hotline", call_id="c-1", leg_id="cust", contact_id="ct_1", case_id="cs_1", started_at=12, ended_at=75,
        recording="rec-9",
    )  # fmt: skip
    after = calls.advance(reduce(ANSWERED), record)
    assert (after.leg.offered_at, after.leg.cleared_at) == (10, 70)
    assert (after.recording, after.cdr) == ("rec-9", True)


def test_hold_moves_are_bounded() -> None:
    moves = [event(Name.ESTABLISHED, 1, "a", AGENT), *(event(Name.HELD, at) for at in range(2, 500))]
    assert len(reduce(moves).legs["cust"].moves) == calls.MOVES_KEPT
