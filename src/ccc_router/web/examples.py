"""Examples for the OpenAPI document: by the names of fields, so that a field is shown the same way everywhere."""

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

_ID: Final = "3t4q8h2mz9x0v7c5b1n6k8j4ya"
_TIME: Final = "2026-11-23T02:47:00.000Z"

BY_NAME: Final[Mapping[str, object]] = {
    "offer_id": f"of_{_ID}",
    "contact_id": f"ct_{_ID}",
    "case_id": f"cs_{_ID}",
    "case": f"cs_{_ID}",
    "escalation_id": f"es_{_ID}",
    "customer_id": f"cu_{_ID}",
    "incident_id": f"in_{_ID}",
    "message_id": f"ms_{_ID}",
    "delivery_id": f"dl_{_ID}",
    "attachment_id": f"at_{_ID}",
    "attachments": [],
    "reference": "7KQ2-M9ZD-4XA",
    "queue": "sick_maternity",
    "queue_id": "sick_maternity",
    "agent": "an.nguyen",
    "agent_id": "an.nguyen",
    "department": "d_si",
    "topic": "maternity_benefit",
    "province": "01",
    "endpoint": "hotline",
    "language": "vi",
    "disposition": "answered",
    "reason": "lunch",
    "text": "Hồ sơ thai sản của chị đã được tiếp nhận.",
    "summary": "Chậm chi trả trợ cấp thai sản, khách hàng đã nộp đủ hồ sơ.",
    "note": "Đã hướng dẫn nộp hồ sơ qua cổng.",
    "subject": "Trợ cấp thai sản",
    "kind": "phone",
    "value": "+84900000000",
    "evidence": "asked_birth_date_and_code",
    "handle": {"kind": "phone", "value": "+84900000000"},
    "code": "not_found",
    "detail": "There is no such thing, or it is not yours.",
    "message": "Queue without agents.",
    "media_type": "application/pdf",
    "name": "giay-ra-vien.pdf",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "state": None,
    "extend_s": 60,
    "next": None,
    "call_id": "1763866020.42",
    "calling": "•••• 678",
    "called": "19009068",
    "pointer": "/queues/0/requirements",
}


def illustrate(operation: Schema, components: Mapping[str, Schema]) -> None:
    """Give an operation's parameters, body and answers an example each, unless they have one."""
    for parameter in operation.get("parameters", []):
        if "example" not in parameter and "examples" not in parameter:
            shown = _by_name(parameter["name"], parameter["schema"], components)
            if shown is not None:
                parameter["example"] = shown
    bodies = [operation.get("requestBody", {}), *operation.get("responses", {}).values()]
    for media_type, content in (pair for body in bodies for pair in body.get("content", {}).items()):
        if "schema" in content and "example" not in content and "json" in media_type:
            content["example"] = example(content["schema"], components)


def example(schema: Schema, components: Mapping[str, Schema]) -> object:
    """A value that fits the schema."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rsplit("/", 1)[-1]], components)
    if "example" in schema:
        return schema["example"]
    if schema.get("examples"):
        return schema["examples"][0]
    for choice in ("const", "default"):
        if choice in schema:
            return schema[choice]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example(schema[several][0], components)
    return _of_type(schema, components)


def _of_type(schema: Schema, components: Mapping[str, Schema]) -> object:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            required = schema.get("required", [])
            return {
                name: _by_name(name, inner, components)
                for name, inner in fields.items()
                if name in required or name in BY_NAME
            }
        case "array":
            return [example(schema["items"], components)] if "items" in schema else []
        case "string":
            return _TIME if schema.get("format") == "date-time" else "text"
        case "integer":
            return schema.get("minimum", 1)
        case "number":
            return schema.get("minimum", 0.5)
        case "boolean":
            return False
        case _:
            return None


def _by_name(name: str, schema: Schema, components: Mapping[str, Schema]) -> object:
    plain = not ({"$ref", "enum", "const", "example", "examples"} & schema.keys())
    shown = BY_NAME.get(name)
    if plain and shown is not None and _fits(shown, schema):
        return shown
    return example(schema, components)


def _fits(shown: object, schema: Schema) -> bool:
    kinds = {inner.get("type") for inner in schema.get("anyOf", [schema])}
    wanted = (
        "array"
        if isinstance(shown, list)
        else "object"
        if isinstance(shown, dict)
        else "integer"
        if isinstance(shown, int)
        else "string"
    )
    return wanted in kinds
