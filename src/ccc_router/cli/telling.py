"""An entry of the journal as a person reads it, and as it is stored."""

from typing import Final

import msgspec

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.kafka.entries import contact_of, data_of
from ccc_router.kernel.clock import local

_LONGEST: Final = 48
_FIRST_TIME: Final = 10**12
"""A whole number from here on is a time (ms since 1970): 2001 and later."""
_TOLD_ALREADY: Final = frozenset({"kind", "contact_id", "position", "at", "body", "resolved", "received_at", "digest"})


def as_line(entry: Entry) -> str:
    """Position, time in Vietnam, kind, contact and what else is said; what followed from an input is set in.

    ``  1204  22/11/2026 15:26:40.000  OfferMade  ct_…  offer_id=of_… agent_id=an.nguyen``
    """
    said = msgspec.json.decode(entry.body)
    inner = said.get("body")
    parts = {**(inner if isinstance(inner, dict) else {}), **said}
    kind = entry.kind if entry.form == "input" else f"  {entry.kind}"
    told = [
        f"{name}={_short(value, entry.at)}"
        for name, value in parts.items()
        if name not in _TOLD_ALREADY and _tells(value)
    ]
    when = local(entry.at)
    time = f"{when:%d/%m/%Y %H:%M:%S}.{entry.at % 1000:03d}"
    return "  ".join((f"{entry.position:>10}", time, f"{kind:<24}", contact_of(entry) or "-", " ".join(told))).rstrip()


def as_stored(entry: Entry) -> str:
    """The entry as the topic has it too: one JSON object, its body byte for byte what the journal's hash covers."""
    return canonical(data_of(entry)).decode()


def _tells(value: object) -> bool:
    return isinstance(value, str | bool | int | float | list) and value not in ("", [])


def _short(value: object, at: int) -> str:
    if isinstance(value, list):
        return f"[{len(value)}]"
    if isinstance(value, int) and not isinstance(value, bool) and value >= _FIRST_TIME:
        today = local(value).date() == local(at).date()
        return f"{local(value):%H:%M:%S}" if today else f"{local(value):%d/%m/%Y-%H:%M:%S}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
