"""Our own neutral dialect: call events by their CSTA names, one JSON object or an array, signed as Standard Webhooks.

The fields are those of the public contract (docs/phone.md). A switch of any make speaks it through a small forwarder.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from ccc_router.channels.channel import Keyed, Parsed, Refusal, Request, Unreadable
from ccc_router.channels.phone import access
from ccc_router.channels.phone.numbers import number_of
from ccc_router.channels.phone.wording import (
    Document,
    call_event,
    caller,
    document,
    identifier,
    integer,
    moment,
    objects,
    part,
    text,
)
from ccc_router.events.facts import CallEvent, Private
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole
from ccc_router.kernel.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from ccc_router.routing.policy import Endpoint

_NAMES: Final = {name.value.lower(): name for name in CallEventName}
_ROLES: Final = {role.value: role for role in LegRole}
_CAUSES: Final = {
    "busy": "busy", "user_busy": "busy", "no_answer": "no_answer", "noanswer": "no_answer", "timeout": "no_answer",
    "declined": "declined", "call_rejected": "declined", "rejected": "declined", "cancelled": "cancelled",
    "canceled": "cancelled", "call_cancelled": "cancelled", "failed": "failed", "dest_not_obtainable": "failed",
    "unregistered": "failed",
}  # fmt: skip


class Csta:
    """The ``csta`` dialect."""

    channel = Channel.PHONE
    kept_headers = frozenset({ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER})

    def verify(self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], now: datetime, /) -> Refusal | None:
        """Standard Webhooks: HMAC-SHA256 over id, time and raw body; five minutes of tolerance."""
        return access.standard_webhooks(request, secrets, now)

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """Every event that names a known CSTA event is a fact; a body with an event that lacks its ids is unreadable."""
        try:
            events = objects(document(request.body))
        except ValueError:
            return Unreadable("not JSON objects")
        facts: list[Keyed] = []
        for event in events:
            name = text(event, "event")
            if not name or not identifier(event, "event_id") or not identifier(event, "call_id"):
                return Unreadable("event, event_id or call_id missing")
            if name.lower() in _NAMES and not _calls_nobody_back(event):
                facts.append(Keyed(f"csta:{identifier(event, 'event_id')}", _fact(event, request, endpoint)))
        return Parsed(tuple(facts), ignored=len(events) - len(facts))


def _fact(event: Document, request: Request, endpoint: Endpoint) -> CallEvent:
    call_id = identifier(event, "call_id")
    recording = part(event, "recording")
    cause, topic = text(event, "cause"), identifier(event, "topic")
    return call_event(
        endpoint, call_id, identifier(event, "leg_id", "call_id"), _NAMES[text(event, "event").lower()],
        at=moment(text(event, "at")) or request.received_at,
        role=_role(event),
        private=_who(event),
        sequence=integer(event, "sequence"),
        cause=_CAUSES.get(cause.lower().replace(" ", "_"), cause[:60]),
        agent=text(event, "agent")[:100],
        offer_id=identifier(event, "offer_id"),
        queue=identifier(event, "queue"),
        language=text(event, "language")[:20],
        topic=endpoint.topics.get(topic, topic),  # a switch without a catalogue of topics tells the key that was pressed
        new_call_id=identifier(event, "new_call_id"),
        transferred_to=text(event, "transferred_to")[:100],
        recording=text(recording, "ref")[:500],
        recording_state=text(recording, "state")[:40],
        notice_played=recording.get("notice_played") is True,
        outbound=_outbound(event),
        not_before=moment(text(event, "not_before")),
    )  # fmt: skip


def _role(event: Document) -> LegRole:
    """A leg with an agent or an offer is the agent's, unless the switch says otherwise."""
    given = _ROLES.get(text(event, "role").lower())
    if given is not None:
        return given
    return LegRole.AGENT if text(event, "agent", "offer_id") else LegRole.CUSTOMER


def _outbound(event: Document) -> bool:
    return event.get("outbound") is True or text(event, "direction").lower() == "outbound"


def _calls_nobody_back(event: Document) -> bool:
    """A caller who hides his number and gives none cannot be called back: he waits on."""
    return text(event, "event").lower() == "callback" and not _who(event).address


def _who(event: Document) -> Private:
    """The customer is whoever is not the centre: of a call the centre makes, the one it calls. Another number may be given to call back."""
    calling, called = text(event, "calling"), text(event, "called")
    if _outbound(event):
        return caller(called, calling)
    who = caller(calling, called, text(event, "calling_name"))
    given = number_of(text(event, "callback_number"))
    return msgspec.structs.replace(who, address=given) if given else who
