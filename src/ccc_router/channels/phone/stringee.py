"""Stringee's call events: JSON, signed with HMAC-SHA1 over the body."""

import base64
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
    objects,
    part,
    plausible,
    text,
)
from ccc_router.events.facts import CallEvent
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole
from ccc_router.kernel import signing
from ccc_router.routing.policy import Endpoint

SIGNATURE: Final = "x-stringee-signature"
_CUSTOMER: Final = {
    "created": CallEventName.OFFERED,
    "started": CallEventName.OFFERED,
    "ended": CallEventName.CONNECTION_CLEARED,
}
_AGENT: Final = {
    "ringing": CallEventName.DELIVERED,
    "answered": CallEventName.ESTABLISHED,
    "agentended": CallEventName.CONNECTION_CLEARED,
}
_CAUSES: Final = {
    "486": "busy",
    "600": "busy",
    "603": "declined",
    "403": "declined",
    "408": "no_answer",
    "480": "no_answer",
}


class Stringee:
    """The ``stringee`` dialect. One id stands for the whole call; whoever was rung and answered is its agent leg."""

    channel = Channel.PHONE
    kept_headers = frozenset({SIGNATURE})

    def verify(
        self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], _now: datetime, /
    ) -> Refusal | None:
        """Base 64 of HMAC-SHA1 over the raw body; a GET is signed over path and query and tells no event."""
        given = request.headers.get(SIGNATURE)
        if not given:
            return access.MISSING
        return access.any_of(
            secrets,
            lambda secret: signing.same(given, base64.b64encode(signing.digest(secret.encode(), request.body, "sha1"))),
        )

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """One event per callback; an end before the answer also tells why nobody answered."""
        try:
            events = objects(document(request.body))
        except ValueError:
            return Unreadable("not a JSON object")
        facts: list[Keyed] = []
        ignored = 0
        for event in events:
            call_id, status = identifier(event, "call_id"), text(event, "call_status").lower()
            if not call_id or not status:
                return Unreadable("call_id or call_status missing")
            key = f"stringee:{hashed(call_id, status, text(event, 'timestamp_ms'))}"
            told = _facts(event, status, request, endpoint)
            facts.extend(Keyed(f"{key}:{fact.leg_id[-5:]}:{fact.event}", fact) for fact in told)
            ignored += not told
        return Parsed(tuple(facts), ignored)


def _facts(event: Document, status: str, request: Request, endpoint: Endpoint) -> list[CallEvent]:
    call_id = identifier(event, "call_id")
    at = plausible(integer(event, "timestamp_ms")) or request.received_at
    source, target = part(event, "from"), part(event, "to")
    outbound = text(source, "type").lower() == "internal"
    ours, theirs = (source, target) if outbound else (target, source)
    cause = _CAUSES.get(text(event, "endCallCause")[:3], text(event, "endCallCause")[:60])
    facts: list[CallEvent] = []
    if status in _CUSTOMER:
        who = caller(text(theirs, "number"), text(ours, "number"))
        customer = call_event(
            endpoint, call_id, call_id, _CUSTOMER[status], at=at, role=LegRole.CUSTOMER, private=who,
            cause=cause if status == "ended" else "", outbound=outbound,
        )  # fmt: skip
        facts.append(customer)
    if status in _AGENT:
        agent = call_event(
            endpoint, call_id, f"{call_id}:agent", _AGENT[status], at=at, role=LegRole.AGENT,
            agent=text(ours, "alias", "number")[:100],
        )  # fmt: skip
        facts.append(agent)
    return facts
