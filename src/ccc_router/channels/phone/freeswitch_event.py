"""FreeSWITCH events as a forwarder posts them: the JSON of the event socket, one object or an array (docs/freeswitch.md).

Every value is text. The call is the A leg's: ``Channel-Call-UUID`` is the same on both legs. A controller that makes legs of
its own names call and offer in the channel variables ``ccc_call_id`` and ``ccc_offer_id``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from ccc_router.channels.channel import Keyed, Parsed, Refusal, Request, Unreadable
from ccc_router.channels.phone import access
from ccc_router.channels.phone.wording import (
    Document,
    call_event,
    caller,
    document,
    hashed,
    identifier,
    integer,
    micros,
    objects,
    text,
)
from ccc_router.events.facts import CallEvent, Private
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole
from ccc_router.kernel.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from ccc_router.routing.policy import Endpoint

QUEUE_INFO: Final = "callcenter::info"
_CUSTOMER: Final = {
    "CHANNEL_CREATE": CallEventName.OFFERED,
    "CHANNEL_PARK": CallEventName.QUEUED,
    "CHANNEL_HOLD": CallEventName.HELD,
    "CHANNEL_UNHOLD": CallEventName.RETRIEVED,
    "CHANNEL_HANGUP": CallEventName.CONNECTION_CLEARED,
    "CHANNEL_HANGUP_COMPLETE": CallEventName.CONNECTION_CLEARED,
}
_AGENT: Final = {
    "CHANNEL_PROGRESS": CallEventName.DELIVERED,
    "CHANNEL_PROGRESS_MEDIA": CallEventName.DELIVERED,
    "CHANNEL_ANSWER": CallEventName.ESTABLISHED,
    "CHANNEL_HOLD": CallEventName.HELD,
    "CHANNEL_UNHOLD": CallEventName.RETRIEVED,
    "CHANNEL_HANGUP": CallEventName.CONNECTION_CLEARED,
    "CHANNEL_HANGUP_COMPLETE": CallEventName.CONNECTION_CLEARED,
}
_CAUSES: Final = {
    "USER_BUSY": "busy",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "PROGRESS_TIMEOUT": "no_answer",
    "CALL_REJECTED": "declined",
    "ORIGINATOR_CANCEL": "cancelled",
    "LOSE_RACE": "cancelled",
    "PICKED_OFF": "cancelled",
    "NORMAL_CLEARING": "cancelled",
    "MANAGER_REQUEST": "cancelled",
}


class FreeswitchEvent:
    """The ``freeswitch-event`` dialect."""

    channel = Channel.PHONE
    kept_headers = frozenset({ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER})

    def verify(self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], now: datetime, /) -> Refusal | None:
        """HTTP Basic, or Standard Webhooks where the forwarder signs."""
        return access.either(request, secrets, now)

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """Events of other kinds, and those of no channel, are ignored."""
        try:
            events = objects(document(request.body))
        except ValueError:
            return Unreadable("not JSON objects")
        facts: list[Keyed] = []
        for event in events:
            name = text(event, "Event-Name")
            if not name:
                return Unreadable("Event-Name missing")
            fact = _fact(event, name, request, endpoint)
            if fact is not None:
                facts.append(Keyed(f"fs:{_key(event)}", fact))
        return Parsed(tuple(facts), ignored=len(events) - len(facts))


def failure(cause: str) -> str:
    """Our word for why a leg that nobody answered ended; ``failed`` for causes of the network."""
    return _CAUSES.get(cause.upper(), "failed" if cause else "")


def _key(event: Document) -> str:
    core, sequence = text(event, "Core-UUID"), text(event, "Event-Sequence")
    if core and sequence:
        return f"{core[:40]}:{sequence}"
    return hashed(*(f"{name}={value}" for name, value in sorted(event.items())))


def _fact(event: Document, name: str, request: Request, endpoint: Endpoint) -> CallEvent | None:
    at = micros(integer(event, "Event-Date-Timestamp")) or request.received_at
    sequence = integer(event, "Event-Sequence")
    if name == "CUSTOM":
        return _queued(event, at, sequence, endpoint)
    leg_id = identifier(event, "Unique-ID")
    call_id = identifier(event, "variable_ccc_call_id", "Channel-Call-UUID", "variable_call_uuid", "Unique-ID")
    if not leg_id:
        return None
    role = LegRole.CUSTOMER if leg_id == call_id else LegRole.AGENT
    kind = (_CUSTOMER if role is LegRole.CUSTOMER else _AGENT).get(name)
    if kind is None:
        return None
    cause = text(event, "Hangup-Cause", "variable_hangup_cause")
    if role is LegRole.CUSTOMER:
        outbound = text(event, "Call-Direction").lower() == "outbound"
        return call_event(
            endpoint, call_id, leg_id, kind, at=at, role=role, private=_who(event, outbound), sequence=sequence,
            cause=cause, queue=identifier(event, "variable_ccc_queue"), outbound=outbound,
        )  # fmt: skip
    if kind is CallEventName.CONNECTION_CLEARED and text(event, "Caller-Channel-Answered-Time") in ("", "0"):
        kind, cause = CallEventName.FAILED, failure(cause)
    return call_event(
        endpoint, call_id, leg_id, kind, at=at, role=role, sequence=sequence, cause=cause,
        agent=text(event, "variable_ccc_agent", "variable_dialed_user", "Caller-Destination-Number")[:100],
        offer_id=identifier(event, "variable_ccc_offer_id"),
    )  # fmt: skip


def _who(event: Document, outbound: bool) -> Private:
    calling, called = text(event, "Caller-Caller-ID-Number"), text(event, "Caller-Destination-Number")
    name = text(event, "Caller-Caller-ID-Name")
    return caller(called, calling) if outbound else caller(calling, called, "" if name == calling else name)


def _queued(event: Document, at: int, sequence: int, endpoint: Endpoint) -> CallEvent | None:
    """mod_callcenter says that a member waits."""
    call_id = identifier(event, "CC-Member-Session-UUID")
    if text(event, "Event-Subclass") != QUEUE_INFO or text(event, "CC-Action") != "member-queue-start" or not call_id:
        return None
    return call_event(
        endpoint, call_id, call_id, CallEventName.QUEUED, at=at, role=LegRole.CUSTOMER, sequence=sequence,
        private=caller(text(event, "CC-Member-CID-Number"), ""),
    )  # fmt: skip
