"""Calls: how the events of a call become its legs, and what can be read off them.

The events of a call come late, twice and in any order (I3). A leg is therefore a join: earliest times, a set of
hold moves, the strongest cause. Joining is commutative, associative and idempotent, so the order cannot matter.
Where two times are equal the switch's ``sequence`` decides, then a fixed rule named at the function.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from ..events.facts import CallEvent, CallRecorded
from ..events.vocabulary import CallEventName, LegRole
from .rows import Call, Leg

Outcome = Literal["answered", "no_answer", "busy", "declined", "failed", "cancelled", "ringing"]

HELD, RETRIEVED = "held", "retrieved"
MOVES_KEPT = 200
"""Hold moves kept per leg, the newest; a bound on what a faulty switch can make a row grow to."""

_FAILURES: dict[str, Outcome] = {
    "busy": "busy",
    "declined": "declined",
    "no_answer": "no_answer",
    "cancelled": "cancelled",
    "failed": "failed",
}
_STRENGTH = {cause: strength for strength, cause in enumerate(_FAILURES)}
_ROLE_STRENGTH = {LegRole.CUSTOMER: 0, LegRole.OTHER: 1, LegRole.AGENT: 2}


class Advanced(msgspec.Struct, frozen=True):
    """A leg and the call's own fields after an event; the fields of ``decisions.CallAdvanced``."""

    leg: Leg
    transferred_to: str = ""
    recording: str = ""
    recording_state: str = ""
    notice_played: bool = False
    cdr: bool = False


def observe(call: Call | None, event: CallEvent) -> Leg:
    """The leg of ``event`` after it; a new leg, ``call`` stays as it is. An event without a time counts as the earliest."""
    at = max(event.at, 1)
    seen = _leg_of(call, event.leg_id)
    leg = msgspec.structs.replace(
        seen,
        role=_stronger_role(seen.role, event.role),
        agent=max(seen.agent, event.agent),
        offer_id=max(seen.offer_id, event.offer_id),
        cause=stronger_cause(seen.cause, event.cause),
        recorded=_later_recording(seen, at, event.recording, event.recording_state),
        notice_played=seen.notice_played or event.notice_played,
    )
    match event.event:
        case CallEventName.OFFERED:
            leg.offered_at = _earliest(seen.offered_at, at)
        case CallEventName.QUEUED:
            leg.queued_at = _earliest(seen.queued_at, at)
        case CallEventName.DELIVERED:
            leg.delivered_at = _earliest(seen.delivered_at, at)
        case CallEventName.ESTABLISHED:
            leg.established_at = _earliest(seen.established_at, at)
        case CallEventName.HELD:
            leg.moves = _with_move(seen, (at, event.sequence, HELD))
        case CallEventName.RETRIEVED:
            leg.moves = _with_move(seen, (at, event.sequence, RETRIEVED))
        case CallEventName.TRANSFERRED:
            leg.transfer = max(seen.transfer, (at, event.sequence, event.transferred_to or event.new_call_id))
        case CallEventName.FAILED:
            leg.failed_at = _earliest(seen.failed_at, at)
        case CallEventName.CONNECTION_CLEARED:
            leg.cleared_at, leg.cleared_sequence = _first_end(seen, at, event.sequence)
        case CallEventName.CALL_BACK:
            leg.callback = max(seen.callback, (at, event.not_before))
    return leg


def observe_record(call: Call | None, record: CallRecorded) -> Leg:
    """The leg of a call detail record after it: the record fills in times, it takes none away."""
    seen = _leg_of(call, record.leg_id)
    leg = msgspec.structs.replace(
        seen,
        role=_stronger_role(seen.role, record.role),
        cause=stronger_cause(seen.cause, record.cause),
        recorded=_later_recording(seen, max(record.ended_at, 1), record.recording, ""),
    )
    if record.started_at:
        leg.offered_at = _earliest(seen.offered_at, record.started_at)
    if record.answered_at:
        leg.established_at = _earliest(seen.established_at, record.answered_at)
    leg.cleared_at, leg.cleared_sequence = _first_end(seen, max(record.ended_at, record.at, 1), 0)
    return leg


def advance(call: Call | None, fact: CallEvent | CallRecorded) -> Advanced:
    """What ``decisions.CallAdvanced`` is to say of the call after ``fact``."""
    if isinstance(fact, CallRecorded):
        leg, cdr = observe_record(call, fact), True
    else:
        leg, cdr = observe(call, fact), False
    legs = [leg, *(other for other in _legs(call) if other.leg_id != leg.leg_id)]
    recorded = max((one.recorded for one in legs), default=(0, "", ""))
    return Advanced(
        leg=leg,
        transferred_to=max(one.transfer for one in legs)[2],
        recording=recorded[1],
        recording_state=recorded[2],
        notice_played=any(one.notice_played for one in legs),
        cdr=cdr or (call is not None and call.cdr),
    )


def customer_leg(call: Call) -> Leg | None:
    """The customer's leg: of several (a call picked up by another phone of his) the last to leave, so the call ends with it."""
    legs = [leg for leg in _legs(call) if leg.role is LegRole.CUSTOMER]
    return max(legs, key=lambda leg: (not _left_at(leg), _left_at(leg), leg.leg_id), default=None)


def customer_gone(call: Call) -> bool:
    """Whether the customer has left: the call is over."""
    leg = customer_leg(call)
    return leg is not None and _left_at(leg) != NOT_LEFT


def customer_spoke(call: Call) -> bool:
    """Whether the customer's own leg was ever answered: of a call the centre makes, he took it."""
    return any(leg.established_at for leg in _legs(call) if leg.role is LegRole.CUSTOMER)


def callback_asked(call: Call) -> tuple[int, int]:
    """The newest choice to be called back: (source time, not before); (0, 0): there is none."""
    return max((leg.callback for leg in _legs(call)), default=(0, 0))


def established(call: Call, offer_id: str = "", agent: str = "") -> bool:
    """Whether a leg that is not the customer's was ever answered; of that offer, or that agent's phone, when one is given."""
    return any(leg.established_at for leg in _side(call, offer_id, agent))


def rang(call: Call, offer_id: str, agent: str) -> bool:
    """Whether there is a leg of that offer, or of that agent's phone: the switch did call him, whatever became of it."""
    return any(True for _ in _side(call, offer_id, agent))


def agent_leg_live(call: Call, offer_id: str = "", agent: str = "") -> bool:
    """Whether such a leg was answered and has not left."""
    return any(leg.established_at and _left_at(leg) == NOT_LEFT for leg in _side(call, offer_id, agent))


def agent_leg_failed(call: Call, offer_id: str = "", agent: str = "") -> bool:
    """Whether there is such a leg, and all of them ended without an answer."""
    legs = list(_side(call, offer_id, agent))
    return bool(legs) and all(_left_at(leg) != NOT_LEFT and not leg.established_at for leg in legs)


def agent_leg_gone(call: Call, offer_id: str = "", agent: str = "") -> bool:
    """Whether such a leg was answered, and all that were have left."""
    legs = [leg for leg in _side(call, offer_id, agent) if leg.established_at]
    return bool(legs) and all(_left_at(leg) != NOT_LEFT for leg in legs)


def held(call: Call) -> bool:
    """Whether a leg that is still there was put on hold last. Waiting before the first answer is no hold."""
    return any(_on_hold(leg, answered_at(call)) for leg in _legs(call) if _left_at(leg) == NOT_LEFT)


def holds(call: Call) -> int:
    """How often somebody was put on hold after the first answer, whichever phone or bridge did it."""
    return sum(1 for leg in _legs(call) for begins in _hold_begins(leg, answered_at(call)) if begins)


def answered_at(call: Call) -> int:
    """When a leg that is not the customer's was first answered, source time; 0: never."""
    return min((leg.established_at for leg in _side(call, "", "") if leg.established_at), default=0)


def first_left(call: Call) -> LegRole | None:
    """Who ended the call: ``None`` while it lives.

    The customer, if when he left an answered leg was still there or another was still ringing (a transfer), or if nobody ever
    answered. Else whoever of the answered legs left last before him. Equal times without a sequence count for the customer.
    """
    customer = customer_leg(call)
    others = list(_side(call, "", ""))
    if customer is None or not any(leg.established_at for leg in others):
        return LegRole.CUSTOMER if customer_gone(call) else None
    last = max(others, key=lambda leg: (_left(leg), leg.leg_id))
    if _left(last) < _left(customer):
        return max((leg for leg in others if leg.established_at), key=lambda leg: (_left(leg), leg.leg_id)).role
    return LegRole.CUSTOMER if customer_gone(call) else None


def leg_outcome(leg: Leg) -> Outcome:
    """What became of a leg that somebody was called on."""
    if leg.established_at:
        return "answered"
    if _left_at(leg) == NOT_LEFT:
        return "ringing"
    return _FAILURES.get(leg.cause, "failed" if leg.failed_at else "cancelled")


def stronger_cause(one: str, other: str) -> str:
    """Of two causes the one that says more: a known failure in fixed order, then any text by its letters."""
    if not one or not other:
        return one or other
    return min(one, other, key=lambda cause: (_STRENGTH.get(cause, len(_STRENGTH)), cause))


NOT_LEFT = 1 << 62
"""Later than any time: a leg that is still there."""


def _left_at(leg: Leg) -> int:
    return _left(leg)[0]


def _left(leg: Leg) -> tuple[int, int]:
    """When the leg ended: cleared, or failed before any answer."""
    if leg.cleared_at:
        return leg.cleared_at, leg.cleared_sequence
    if leg.failed_at and not leg.established_at:
        return leg.failed_at, 0
    return NOT_LEFT, 0


def _legs(call: Call | None) -> list[Leg]:
    return list(call.legs.values()) if call is not None else []


def _side(call: Call, offer_id: str, agent: str) -> Iterator[Leg]:
    """The legs that are not the customer's; only those of the offer or of the agent's phone when one is given.

    Asked for both, a leg that names its offer is that offer's alone: the same phone may have had the call before.
    """
    for leg in _legs(call):
        if leg.role is LegRole.CUSTOMER:
            continue
        by_phone = agent != "" and leg.agent == agent and not (offer_id and leg.offer_id)
        if not (offer_id or agent) or (offer_id and leg.offer_id == offer_id) or by_phone:
            yield leg


def _leg_of(call: Call | None, leg_id: str) -> Leg:
    seen = call.legs.get(leg_id) if call is not None else None
    return seen if seen is not None else Leg(leg_id=leg_id)


def _stronger_role(one: LegRole, other: LegRole) -> LegRole:
    return max(one, other, key=_ROLE_STRENGTH.__getitem__)


def _earliest(seen: int, at: int) -> int:
    return min(seen, at) if seen else at


def _first_end(seen: Leg, at: int, sequence: int) -> tuple[int, int]:
    end = (at, sequence)
    return min((seen.cleared_at, seen.cleared_sequence), end) if seen.cleared_at else end


def _later_recording(seen: Leg, at: int, recording: str, state: str) -> tuple[int, str, str]:
    return max(seen.recorded, (at, recording, state)) if recording or state else seen.recorded


def _with_move(seen: Leg, move: tuple[int, int, str]) -> tuple[tuple[int, int, str], ...]:
    return tuple(sorted({*seen.moves, move})[-MOVES_KEPT:])


def _hold_begins(leg: Leg, since: int) -> Iterator[bool]:
    """For each hold move after ``since`` whether it begins a hold (holding twice is one hold)."""
    on_hold = False
    for at, _, word in leg.moves:
        if since and at >= since:
            yield word == HELD and not on_hold
            on_hold = word == HELD


def _on_hold(leg: Leg, since: int) -> bool:
    return bool(since and leg.moves and leg.moves[-1][0] >= since and leg.moves[-1][2] == HELD)
