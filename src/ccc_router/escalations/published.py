"""The published form of what departments receive: the JSON schema, and the webhooks of the OpenAPI document."""

from typing import Any, Final, get_args

import msgspec

from ..kernel.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from .payload import SCHEMA, Event, NoticeType

_EXAMPLE: Final = {
    "specversion": "1.0",
    "id": "dl_0123456789abcdefghjkmnpqrs",
    "source": "urn:ccc-router:main",
    "type": "ccc.escalation.raised.v1",
    "subject": "escalation/es_0123456789abcdefghjkmnpqrs",
    "time": "2026-11-23T01:20:00.000Z",
    "datacontenttype": "application/json",
    "dataschema": SCHEMA,
    "data": {
        "escalation_id": "es_0123456789abcdefghjkmnpqrs",
        "case_id": "cs_0123456789abcdefghjkmnpqrs",
        "reference": "7K3M-Q2XZ-9F1",
        "department": "D_HI",
        "state": "raised",
        "urgency": "normal",
        "topic": "hi_card",
        "case_kind": "question",
        "province": "79",
        "acknowledge_by": "2026-11-23T03:20:00.000Z",
        "answer_by": "2026-11-25T10:00:00.000Z",
        "summary": "Thẻ BHYT báo không còn giá trị khi đi khám.",
        "url": "https://ccc.example.gov.vn/v1/escalations/es_0123456789abcdefghjkmnpqrs",
    },
}
_MEANINGS: Final = {
    "raised": "A case is handed to you.",
    "reminded": "Most of the time to answer is used up.",
    "overdue": "A deadline has passed. Also sent up the ladder.",
    "withdrawn": "It is not needed any more.",
    "reply": "The centre wrote, or decided on the extension you asked for.",
    "rejected": "Your answer does not solve it; `answer_by` is the new deadline.",
}


def schemas() -> dict[str, dict[str, Any]]:
    """The components of the OpenAPI document: the event and its data."""
    _, components = msgspec.json.schema_components([Event], ref_template="#/components/schemas/{name}")
    renamed = {"EscalationEvent" if name == "Event" else f"Escalation{name}": one for name, one in components.items()}
    event = renamed["EscalationEvent"]
    event["properties"]["data"] = {"$ref": "#/components/schemas/EscalationNotice"}
    event["title"], renamed["EscalationNotice"]["title"] = "EscalationEvent", "EscalationNotice"
    return renamed


def webhooks() -> dict[str, dict[str, Any]]:
    """The calls departments receive, by type."""
    return {kind: {"post": _operation(kind)} for kind in get_args(NoticeType)}


def document() -> dict[str, Any]:
    """The schema as a file of its own (docs/schemas/escalation-notice.v1.json)."""
    parts = schemas()
    event = parts.pop("EscalationEvent")
    event["properties"]["data"] = {"$ref": "#/$defs/EscalationNotice"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **event, "$defs": parts}


def _operation(kind: str) -> dict[str, Any]:
    headers = {
        ID_HEADER: "The delivery's id: the same on every attempt.",
        TIMESTAMP_HEADER: "Unix seconds of this attempt.",
        SIGNATURE_HEADER: "Signatures (Standard Webhooks, `v1,`), separated by spaces.",
    }
    return {
        "tags": ["escalations"],
        "operationId": kind.replace(".", "_"),
        "summary": _MEANINGS[kind.split(".")[2]],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {
                    "schema": {"$ref": "#/components/schemas/EscalationEvent"},
                    "example": _EXAMPLE | {"type": kind},
                }
            },
        },
        "responses": {
            "2XX": {"description": "Received. What you do about it comes through the API."},
            "410": {"description": "Send nothing here any more; an administrator has to enable it again."},
            "default": {"description": "Not received: it comes again, later and later, for three days."},
        },
    }
