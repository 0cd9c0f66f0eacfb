"""What a department receives: a CloudEvents 1.0 document in JSON, thin: ids, clocks and the agent's own words.

Who the customer is is never in it: the department asks for that with its own token, and is told only what it may know.
The schema is published as ``docs/schemas/escalation-notice.v1.json`` and in the OpenAPI document.
"""

from typing import Final, Literal

import msgspec

from ..kernel.clock import format_utc
from ..queues.deliveries.port import Delivery

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
SCHEMA: Final = "urn:ccc-router:schema:escalation-notice:1"
LONGEST_TEXT: Final = 4_000
"""Characters of a text in a notice; the whole is at ``GET /v1/escalations/{id}``."""

NoticeType = Literal[
    "ccc.escalation.raised.v1",
    "ccc.escalation.reminded.v1",
    "ccc.escalation.overdue.v1",
    "ccc.escalation.withdrawn.v1",
    "ccc.escalation.reply.v1",
    "ccc.escalation.rejected.v1",
]


class Notice(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``data`` of the event. Times are RFC 3339 in UTC. ``summary`` is what the agent wrote when raising it, ``text`` what came
    with this event (a reply, a reason), ``note`` what the department that forwarded it wrote.
    """

    escalation_id: str
    case_id: str
    reference: str
    department: str
    state: str
    urgency: str = "normal"
    topic: str = ""
    case_kind: str = ""
    province: str = ""
    acknowledge_by: str
    answer_by: str
    overdue: str = ""
    rung: int = 0
    extension: str = ""
    summary: str = ""
    text: str = ""
    note: str = ""
    url: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvents envelope. ``id`` is the delivery's id and equals the header ``webhook-id``."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str = "application/json"
    dataschema: str = SCHEMA
    data: Notice


class Texts(msgspec.Struct, frozen=True):
    """What agents and departments wrote, as far as it was not erased."""

    summary: str = ""
    text: str = ""
    note: str = ""


def event_of(delivery: Delivery, texts: Texts, public_url: str) -> Event:
    """The event of a delivery. Ids and clocks are those of the moment when it was decided, not of now."""
    about = delivery.data
    return Event(
        id=delivery.id,
        source=f"urn:ccc-router:{delivery.pool}",
        type=delivery.type,
        subject=f"escalation/{delivery.escalation_id}",
        time=_time(about, "at"),
        data=Notice(
            escalation_id=delivery.escalation_id,
            case_id=delivery.case_id,
            reference=about.get("reference", ""),
            department=about.get("department", delivery.target),
            state=about.get("state", ""),
            urgency=about.get("urgency", "normal"),
            topic=about.get("topic", ""),
            case_kind=about.get("case_kind", ""),
            province=about.get("province", ""),
            acknowledge_by=_time(about, "acknowledge_by"),
            answer_by=_time(about, "answer_by"),
            overdue=about.get("clock", ""),
            rung=int(about.get("rung", "0")),
            extension=about.get("extension", ""),
            summary=texts.summary[:LONGEST_TEXT],
            text=texts.text[:LONGEST_TEXT],
            note=texts.note[:LONGEST_TEXT],
            url=f"{public_url}/v1/escalations/{delivery.escalation_id}" if public_url else "",
        ),
    )


def body_of(event: Event) -> bytes:
    """The bytes that are signed and sent."""
    return msgspec.json.encode(event)


def _time(about: dict[str, str], name: str) -> str:
    return format_utc(int(about.get(name, "0")))
