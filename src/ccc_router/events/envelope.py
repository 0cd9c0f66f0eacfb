"""How inputs and entries are wrapped: what the inbox holds, what the engine stamps, what the journal keeps."""

from typing import Literal

import msgspec

from .commands import AnyCommand
from .facts import AnyFact

AnyInput = AnyFact | AnyCommand


class CaseFound(msgspec.Struct, frozen=True, omit_defaults=True):
    """A closed case that an input belongs to, as its row stands (``routing.rows.Case`` as a document)."""

    row: dict[str, object]


class Resolved(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the look-ups said; written into the input's entry so that replay looks nothing up.

    ``customer_id``: whose it is (``customer_new``: nobody knew the handle). ``case_id``/``contact_id``: what the refs point to ("" if
    nothing). ``contact_state``: state of a contact that is known but no longer in memory. ``case``: a case no longer in memory.
    ``handed_to`` is the pool whose that contact or case is by now.
    """

    customer_id: str = ""
    customer_new: bool = False
    case_id: str = ""
    contact_id: str = ""
    contact_state: str = ""
    case: CaseFound | None = None
    handed_to: str = ""


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """An input with its engine time and the journal position of its entry: the only thing ``decide`` gets besides the state.

    ``at`` is engine time, ``received_at`` our clock's time of receipt (both ms). ``traceparent`` is kept so that a trace survives the
    journal; no decision reads it.
    """

    position: int
    at: int
    body: AnyInput
    resolved: Resolved = Resolved()
    source: str = ""
    key: str = ""
    digest: str = ""
    received_at: int = 0
    traceparent: str = ""


class Appended(msgspec.Struct, frozen=True):
    """The answer to an append: durable now, or durable since an earlier time (``duplicate``)."""

    key: str
    duplicate: bool


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One journal row: an input, or a decision that followed the input at position ``cause``. ``body`` is canonical JSON, hash-chained as stored."""

    pool: str
    position: int
    at: int
    form: Literal["input", "decision"]
    kind: str
    cause: int
    core_version: int
    body: bytes
