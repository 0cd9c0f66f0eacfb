"""jambonz call status hooks: JSON, signed over time and body; the time is set once and kept over the sender's retries."""

import re
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
    objects,
    part,
    text,
)
from ccc_router.events.facts import CallEvent, Private
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole
from ccc_router.kernel import signing
from ccc_router.routing.policy import Endpoint

SIGNATURE: Final = "jambonz-signature"
TOLERANCE_S: Final = 300  # five tries with their pauses and timeouts take up to two minutes
_HEADER: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)
_STATUSES: Final[dict[str, tuple[CallEventName, str]]] = {
    "trying": (CallEventName.OFFERED, ""),
    "queued": (CallEventName.QUEUED, ""),
    "ringing": (CallEventName.DELIVERED, ""),
    "early-media": (CallEventName.DELIVERED, ""),
    "in-progress": (CallEventName.ESTABLISHED, ""),
    "busy": (CallEventName.FAILED, "busy"),
    "no-answer": (CallEventName.FAILED, "no_answer"),
    "failed": (CallEventName.FAILED, "failed"),
    "completed": (CallEventName.CONNECTION_CLEARED, ""),
}


class Jambonz:
    """The ``jambonz`` dialect. A call with a ``parent_call_sid`` is another leg of that call."""

    channel = Channel.PHONE
    kept_headers = frozenset({SIGNATURE})

    def verify(self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], now: datetime, /) -> Refusal | None:
        """HMAC-SHA256 over ``t.body``. A GET is refused: it would be signed over a body that is never sent."""
        header = request.headers.get(SIGNATURE)
        if not header:
            return access.basic(request, secrets) if "authorization" in request.headers else access.MISSING
        given = _HEADER.fullmatch(header.strip())
        if given is None or request.method != "POST" or abs(now.timestamp() - int(given[1])) > TOLERANCE_S:
            return access.WRONG
        signed = f"{given[1]}.".encode() + request.body
        return access.any_of(
            secrets, lambda secret: signing.same(given[2], signing.hex_digest(secret.encode(), signed))
        )

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """One event per hook; statuses we do not know are ignored."""
        try:
            events = objects(document(request.body))
        except ValueError:
            return Unreadable("not a JSON object")
        facts: list[Keyed] = []
        for event in events:
            sid, status = identifier(event, "call_sid"), text(event, "call_status").lower()
            if not sid or not status:
                return Unreadable("call_sid or call_status missing")
            if status in _STATUSES:
                key = hashed(sid, status, text(event, "sip_status"))
                facts.append(Keyed(f"jambonz:{key}", _fact(event, sid, status, request, endpoint)))
        return Parsed(tuple(facts), ignored=len(events) - len(facts))


def _fact(event: Document, sid: str, status: str, request: Request, endpoint: Endpoint) -> CallEvent:
    """jambonz tells no time of its own, so the time is that of its signature, which its retries keep, else of receipt."""
    name, cause = _STATUSES[status]
    parent = identifier(event, "parent_call_sid")
    outbound = text(event, "direction").lower() == "outbound" and not parent
    stamp = _HEADER.fullmatch(request.headers.get(SIGNATURE, "").strip())
    return call_event(
        endpoint, parent or sid, sid, name,
        at=int(stamp[1]) * 1000 if stamp else request.received_at,
        role=LegRole.AGENT if parent else LegRole.CUSTOMER,
        private=None if parent else _who(event, outbound),
        sequence=list(_STATUSES).index(status),
        cause=cause or (text(event, "sip_status") if name is CallEventName.CONNECTION_CLEARED else ""),
        agent=text(event, "to")[:100] if parent else "",
        offer_id=identifier(part(event, "customer_data"), "offer_id") if parent else "",
        outbound=outbound,
    )  # fmt: skip


def _who(event: Document, outbound: bool) -> Private:
    calling, called = text(event, "from"), text(event, "to")
    return caller(called, calling) if outbound else caller(calling, called, text(event, "caller_name"))
