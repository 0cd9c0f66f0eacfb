"""The port through which something owed leaves: a delivery, what an attempt may come to, and who makes the attempt.

A delivery is made at least once. Its id is the same on every attempt, so a receiver that keeps ids sees it once (I10).
"""

from typing import Protocol

import msgspec

from ccc_router.events.vocabulary import ControlCommand, DeliveryKind
from ccc_router.kernel.tracing import Attributes


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One thing owed, as its row stands when it is handed to a sender.

    ``target`` is whom it goes to in the words of its kind (an endpoint, a department). Texts and addresses are not here:
    senders read them from the erasable rows. ``attempt`` is 1 for the first try. ``body`` are the bytes fixed at the first
    attempt, if its kind fixes any. ``interrupted``: the attempt before was cut (it took too long, or its worker stopped or died), so
    it may have arrived. ``traceparent`` is the trace of the decision that owes it ("": not recorded). Times are ms since the epoch;
    ``not_after`` 0 means no end.
    """

    pool: str
    id: str
    kind: DeliveryKind
    lane: str
    target: str
    contact_id: str = ""
    case_id: str = ""
    escalation_id: str = ""
    message_id: str = ""
    type: str = ""
    command: ControlCommand | None = None
    data: dict[str, str] = {}
    attempt: int = 1
    interrupted: bool = False
    body: bytes | None = None
    created_at: int = 0
    not_after: int = 0
    traceparent: str = ""


class Sent(msgspec.Struct, frozen=True):
    """The other side has it. ``external_id`` is what it calls it."""

    external_id: str = ""


class Retry(msgspec.Struct, frozen=True):
    """Not this time. ``after_ms`` is when the other side wants to be asked again; without one the kind's schedule decides.

    ``aside``: the other side is well and refuses this one; the rest of its lane need not wait for it, but what is about the same
    escalation does.
    """

    reason: str
    after_ms: int | None = None
    aside: bool = False


class Postponed(msgspec.Struct, frozen=True):
    """No attempt was made (a breaker is open, the sender has no room); ask again in ``after_ms``. It counts as none."""

    reason: str
    after_ms: int


class Failed(msgspec.Struct, frozen=True):
    """It can never arrive."""

    reason: str


class Parked(msgspec.Struct, frozen=True):
    """A person has to look at it before it is sent again (under its old id)."""

    reason: str
    gone: bool = False


class Unknown(msgspec.Struct, frozen=True):
    """Sent, but nobody can say whether it arrived, and a repetition could double it."""

    reason: str


Attempted = Sent | Retry | Postponed | Failed | Parked | Unknown


def told_of(delivery: Delivery, outcome: Attempted) -> Attributes:
    """What a trace holds of an attempt."""
    return {
        "ccc.pool": delivery.pool, "ccc.delivery": delivery.id, "ccc.kind": delivery.kind.value, "ccc.attempt": delivery.attempt,
        "ccc.outcome": type(outcome).__name__.lower(), "ccc.reason": getattr(outcome, "reason", ""),
    }  # fmt: skip


class Sender(Protocol):
    """Makes one attempt. It never raises for what the other side does; what it raises anyway counts as ``Retry``.

    ``reason`` is a short stable code such as ``http_503`` or ``connect_timeout``: never an address, a text or a response.
    An attempt that takes longer than the kind's limit is cancelled and counts as ``Retry('timeout')``.
    """

    async def send(self, delivery: Delivery) -> Attempted:
        """Try to hand ``delivery`` over, once."""
        ...
