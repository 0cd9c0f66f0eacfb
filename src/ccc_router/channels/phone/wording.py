"""Vendor documents into our words: lenient reading of what a switch sends, and facts about calls made of it."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from ccc_router.channels.phone.numbers import number_of
from ccc_router.events.facts import CallEvent, CallRecorded, Handle, Private
from ccc_router.events.vocabulary import CallEventName, LegRole
from ccc_router.kernel.clock import VIETNAM, to_ms
from ccc_router.kernel.ids import contact_of_call, derive
from ccc_router.kernel.text import clean, clean_name
from ccc_router.routing.policy import Endpoint

Document = Mapping[str, object]

LONGEST_ID: Final = 200
_EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01: a smaller number is seconds, or no time at all
_LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)


def document(body: bytes) -> object:
    """The JSON value of a body. Raises ValueError for what is not JSON, also for nesting that no switch makes."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def objects(value: object) -> list[Document]:
    """The objects of one object or of an array of them. Raises ValueError when there is none, or something else between."""
    given: list[object] = value if isinstance(value, list) else [value]
    found: list[Document] = [one for one in given if isinstance(one, dict)]
    if not found or len(found) != len(given):
        raise ValueError("neither an object nor an array of objects")
    return found


def part(given: Document, name: str) -> Document:
    """The object under ``name``, an empty one when there is none."""
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def text(given: Document, *names: str) -> str:
    """The first of the fields that holds anything, as clean text; numbers as their digits. "" when there is none."""
    for name in names:
        value = given.get(name)
        if isinstance(value, str) and value.strip():
            return clean(value.strip())
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
            return str(value)
    return ""


def identifier(given: Document, *names: str) -> str:
    """`text` for an id: a long one becomes its digest, so it still names one thing."""
    value = text(given, *names)
    return value if len(value) <= LONGEST_ID else hashlib.sha256(value.encode()).hexdigest()


def integer(given: Document, name: str) -> int:
    """The field as an integer, also when it is written as text; 0 for anything else, also for numbers of absurd size."""
    value = given.get(name)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 53:
        return 0
    return value


def moment(value: str) -> int:
    """A time in milliseconds: ISO 8601 (without a zone: Vietnam's), or the form of mail headers. 0 when it is none."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            found = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError):
            return 0
    if found.tzinfo is None:
        found = found.replace(tzinfo=VIETNAM)
    try:
        return plausible(to_ms(found.astimezone(UTC)))
    except (OverflowError, ValueError):
        return 0


def plausible(ms: int) -> int:
    """The time if it lies in this century, else 0."""
    return ms if _EARLIEST_MS <= ms < _LATEST_MS else 0


def micros(value: int) -> int:
    """Microseconds since the epoch, as FreeSWITCH writes them, in milliseconds; 0 for "never"."""
    return plausible(value // 1000)


def hashed(*parts: str) -> str:
    """A short digest of parts that together say which event it was."""
    digest = hashlib.sha256()
    for one in parts:
        digest.update(f"{len(one)}:{one}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:40]


def caller(calling: str, called: str, name: str = "") -> Private:
    """Who calls, apart from the fact: the handle to look up, and where a call back goes. Caller ID proves nothing: not verified."""
    number = number_of(calling)
    return Private(
        handles=(Handle("phone", number),) if number else (),
        name=clean_name(name),
        address=number,
        extra={"calling": number, "called": number_of(called)},
    )


def call_event(
    endpoint: Endpoint, call_id: str, leg_id: str, event: CallEventName, *, at: int, role: LegRole,
    private: Private | None = None, sequence: int = 0, cause: str = "", agent: str = "", offer_id: str = "",
    queue: str = "", language: str = "", topic: str = "", new_call_id: str = "", transferred_to: str = "",
    recording: str = "", recording_state: str = "", notice_played: bool = False, outbound: bool = False,
    not_before: int = 0,
) -> CallEvent:  # fmt: skip
    """The fact; contact and case derive from the call, so that every order of its events meets the same contact (I3). A call made for a
    contact names it."""
    return CallEvent(
        endpoint=endpoint.id, call_id=call_id, leg_id=leg_id, contact_id=_contact_of(endpoint.id, call_id),
        case_id=derive("cs", endpoint.id, "call", call_id), event=event, role=role, at=at, private=private,
        sequence=sequence, cause=cause, agent=agent, offer_id=offer_id, queue=queue, language=language, topic=topic,
        new_call_id=new_call_id, transferred_to=transferred_to, recording=recording, recording_state=recording_state,
        notice_played=notice_played, outbound=outbound, not_before=not_before,
    )  # fmt: skip


def _contact_of(endpoint_id: str, call_id: str) -> str:
    return contact_of_call(call_id) or derive("ct", endpoint_id, "call", call_id)


def call_recorded(
    endpoint: Endpoint, call_id: str, leg_id: str, *, role: LegRole, started_at: int, answered_at: int, ended_at: int,
    cause: str = "", recording: str = "",
) -> CallRecorded:  # fmt: skip
    """The fact that a detail record tells; ids as in `call_event`.

    Records come to an endpoint of their own; its option ``calls_of`` names the endpoint whose calls they are.
    """
    of = endpoint.options.get("calls_of") or endpoint.id
    return CallRecorded(
        endpoint=of, call_id=call_id, leg_id=leg_id, contact_id=_contact_of(of, call_id),
        case_id=derive("cs", of, "call", call_id), role=role, at=ended_at, started_at=started_at,
        answered_at=answered_at, ended_at=ended_at, cause=cause, recording=recording,
    )  # fmt: skip
