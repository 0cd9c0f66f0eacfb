"""What a department receives: a CloudEvents 1.0 document in JSON, thin: ids, clocks and the agent's own words.

Who the customer is is never in it: the department asks for that with its own token, and is told only what it may know.
The schema is published as ``docs/schemas/escalation-notice.v1.json`` and in the OpenAPI document.
"""

from typing import Annotated, Final, Literal

import msgspec

from ..kernel.clock import format_utc
from ..queues.deliveries.port import Delivery

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
SCHEMA: Final = "urn:ccc-router:schema:escalation-notice:1"
_AS_THEY_ARE: Final = ("state", "urgency", "topic", "case_kind", "province", "extension")
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


Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 in UTC, with milliseconds."""


class Notice(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """About which escalation, and how it stands. A field that is missing is empty."""

    escalation_id: str
    case_id: str
    reference: str
    department: Annotated[str, msgspec.Meta(description="The department it lies with.")]
    state: Literal["raised", "acknowledged", "answered", "accepted", "returned", "withdrawn"]
    urgency: Literal["normal", "urgent"] = "normal"
    topic: str = ""
    case_kind: str = ""
    province: str = ""
    acknowledge_by: Time
    answer_by: Time
    overdue: Annotated[Literal["", "acknowledge", "answer"], msgspec.Meta(description="Which deadline has passed.")] = (
        ""
    )
    rung: Annotated[int, msgspec.Meta(description="How far up the ladder it is overdue.")] = 0
    extension: Annotated[
        Literal["", "granted", "refused"], msgspec.Meta(description="The decision on the extension asked for.")
    ] = ""
    summary: Annotated[str, msgspec.Meta(description="What the agent wrote when raising it.")] = ""
    text: Annotated[str, msgspec.Meta(description="What came with this event: a reply, a reason.")] = ""
    note: Annotated[str, msgspec.Meta(description="What the department wrote that forwarded it.")] = ""
    url: Annotated[str, msgspec.Meta(description="Where the whole is, with your token.")] = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvents envelope. `id` is the delivery's id and equals the header `webhook-id`."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: NoticeType
    subject: str
    time: Time
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str = SCHEMA
    traceparent: Annotated[
        str | msgspec.UnsetType,
        msgspec.Meta(description="W3C trace context of the decision (distributed tracing extension)."),
    ] = msgspec.UNSET
    data: Notice


class Texts(msgspec.Struct, frozen=True):
    """What agents and departments wrote, as far as it was not erased."""

    summary: str = ""
    text: str = ""
    note: str = ""


def event_of(delivery: Delivery, texts: Texts, public_url: str) -> Event:
    """The event of a delivery. Ids and clocks are those of the moment when it was decided, not of now.

    Raises msgspec.ValidationError for a delivery that is no notice.
    """
    about = delivery.data
    data = {
        "escalation_id": delivery.escalation_id,
        "case_id": delivery.case_id,
        "reference": about.get("reference", ""),
        "department": about.get("department", delivery.target),
        "acknowledge_by": _time(about, "acknowledge_by"),
        "answer_by": _time(about, "answer_by"),
        "overdue": about.get("clock", ""),
        "rung": int(about.get("rung", "0")),
        "summary": texts.summary[:LONGEST_TEXT],
        "text": texts.text[:LONGEST_TEXT],
        "note": texts.note[:LONGEST_TEXT],
        "url": f"{public_url}/v1/escalations/{delivery.escalation_id}" if public_url else "",
    }
    data |= {name: about[name] for name in _AS_THEY_ARE if name in about}
    event = {
        "id": delivery.id,
        "source": f"urn:ccc-router:{delivery.pool}",
        "type": delivery.type,
        "subject": f"escalation/{delivery.escalation_id}",
        "time": _time(about, "at"),
        "data": data,
    }
    if delivery.traceparent:
        event["traceparent"] = delivery.traceparent
    return msgspec.convert(event, Event)


def body_of(event: Event) -> bytes:
    """The bytes that are signed and sent."""
    return msgspec.json.encode(event)


def _time(about: dict[str, str], name: str) -> str:
    return format_utc(int(about.get(name, "0")))
