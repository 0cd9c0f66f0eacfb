"""The JSON schemas of what is on the topics, made from the types that write it: `python -m tests.support.topic_schemas` writes them anew."""

import functools
import json
import operator
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from ccc_router.events.envelope import Input
from ccc_router.events.facts import AnyFact
from ccc_router.events.kafka import entries as journal
from ccc_router.events.kafka import record
from ccc_router.queues.batch import Parked
from ccc_router.routing.applying import APPLIERS
from ccc_router.routing.decisions import Decision

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schemas"
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def every_decision() -> list[type[Decision]]:
    """The decisions of this core, by their names."""
    return sorted(APPLIERS, key=lambda kind: kind.__name__)


def documents() -> dict[str, dict[str, Any]]:
    """Each file's name and what is in it. What the journal holds of an input is all but its erasable part."""
    told: Any = functools.reduce(operator.or_, every_decision())
    inbox = _document("A record of ccc.inbox.v1.<pool>", record.Event, (AnyFact,))
    inbox["$defs"]["Data"]["properties"]["body"]["anyOf"].append({"type": "null"})
    entry = _document("A record of ccc.journal.v1", journal.Event, (Input, Parked, told))
    for part in entry["$defs"].values():
        part.get("properties", {}).pop("private", None)
    for name in ("Private", "Attachment", "Handle"):
        if f'"#/$defs/{name}"' not in json.dumps({one: part for one, part in entry["$defs"].items() if one != name}):
            del entry["$defs"][name]
    found: dict[str, dict[str, Any]] = json.loads(
        json.dumps({"inbox-record.v1.json": inbox, "journal-entry.v1.json": entry})
    )
    return found


def _document(title: str, event: type, bodies: tuple[Any, ...]) -> dict[str, Any]:
    """The event's schema; what is embedded as bytes gets that of the types it was written from."""
    (_, *told), parts = msgspec.json.schema_components(
        (event, *bodies), ref_template="#/$defs/{name}", schema_hook=lambda _: {"$comment": "any JSON"}
    )
    parts["Data"]["properties"]["body"] = {"anyOf": [one for schema in told for one in schema.get("anyOf", [schema])]}
    return {"$schema": _DRAFT, **parts.pop("Event"), "title": title, "$defs": parts}


if __name__ == "__main__":
    for name, document in documents().items():
        (FOLDER / name).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{FOLDER / name}\n")
