"""Twilio-style status callbacks (also what compatible clouds send): a form, signed over the public URL and its fields."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ccc_router.channels.channel import Keyed, Parsed, Refusal, Request, Unreadable
from ccc_router.channels.phone import access
from ccc_router.channels.phone.wording import call_event, caller, hashed, identifier, integer, moment, text
from ccc_router.events.facts import Private
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole
from ccc_router.kernel import signing
from ccc_router.routing.policy import Endpoint

SIGNATURE: Final = "x-twilio-signature"
TOKEN: Final = "i-twilio-idempotency-token"  # noqa: S105 - the name of a header
_MOST_FIELDS: Final = 500
_STATUSES: Final[dict[str, tuple[CallEventName, str]]] = {
    "initiated": (CallEventName.OFFERED, ""),
    "queued": (CallEventName.QUEUED, ""),
    "ringing": (CallEventName.DELIVERED, ""),
    "in-progress": (CallEventName.ESTABLISHED, ""),
    "answered": (CallEventName.ESTABLISHED, ""),
    "busy": (CallEventName.FAILED, "busy"),
    "no-answer": (CallEventName.FAILED, "no_answer"),
    "failed": (CallEventName.FAILED, "failed"),
    "canceled": (CallEventName.FAILED, "cancelled"),
    "completed": (CallEventName.CONNECTION_CLEARED, ""),
}


class Twilio:
    """The ``twilio`` dialect. A call with a ``ParentCallSid`` is another leg of that call."""

    channel = Channel.PHONE
    kept_headers = frozenset({SIGNATURE, TOKEN, "content-type"})

    def verify(
        self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], _now: datetime, /
    ) -> Refusal | None:
        """Base 64 of HMAC-SHA1 over the URL and the sorted distinct fields; the URL with and without its port."""
        given = request.headers.get(SIGNATURE)
        if not given:
            return access.MISSING
        fields = "".join(name + value for name, value in sorted(set(_fields(request.body))))
        signed = [(url + fields).encode("utf-8", "surrogatepass") for url in _urls(request.url)]
        return access.any_of(secrets, lambda secret: sum(_signs(secret, one, given) for one in signed) > 0)

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """One event per callback; a status we do not know is ignored."""
        form = dict(_fields(request.body))
        sid, status = identifier(form, "CallSid"), text(form, "CallStatus").lower()
        if not sid or not status:
            return Unreadable("CallSid or CallStatus missing")
        if status not in _STATUSES:
            return Parsed(ignored=1)
        event, cause = _STATUSES[status]
        parent = identifier(form, "ParentCallSid")
        outbound = text(form, "Direction").lower().startswith("outbound")
        fact = call_event(
            endpoint, parent or sid, sid, event,
            at=moment(text(form, "Timestamp")) or request.received_at,
            role=LegRole.AGENT if parent else LegRole.CUSTOMER,
            private=None if parent else _who(form, outbound),
            sequence=integer(form, "SequenceNumber"),
            cause=cause or (text(form, "SipResponseCode") if event is CallEventName.CONNECTION_CLEARED else ""),
            agent=text(form, "To")[:100] if parent else "",
            recording=identifier(form, "RecordingSid"),
            outbound=outbound and not parent,
        )  # fmt: skip
        sequence = text(form, "SequenceNumber")
        return Parsed((Keyed(f"twilio:{hashed(sid, status, sequence)}", fact),))


def _who(form: Mapping[str, str], outbound: bool) -> Private:
    calling, called = text(form, "From"), text(form, "To")
    return caller(called, calling) if outbound else caller(calling, called, text(form, "CallerName"))


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []


def _signs(secret: str, signed: bytes, given: str) -> bool:
    return signing.same(given, base64.b64encode(signing.digest(secret.encode(), signed, "sha1")))


def _urls(url: str) -> list[str]:
    """The URL as it came, and with its port left out or written out: proxies and vendors disagree on which was meant."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [url]
    host = parts.netloc.rpartition(":")[0] if port else parts.netloc
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    variants = [url, urlunsplit(parts._replace(netloc=host))]
    if standard and not port:
        variants.append(urlunsplit(parts._replace(netloc=f"{host}:{standard}")))
    return variants
