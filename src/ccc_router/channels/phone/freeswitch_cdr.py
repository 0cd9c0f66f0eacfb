"""FreeSWITCH's mod_json_cdr: one record per leg, in three encodings, not always under the content type it should have.

With ``disable-100-continue`` the module loses its content type, so the body is looked at, never the header. By default the
module percent-encodes every value of ``variables``; the endpoint's option ``encode_values`` (``true`` unless said
otherwise) follows the module's setting, and values are decoded exactly once.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from ccc_router.channels.channel import Keyed, Parsed, Refusal, Request, Unreadable
from ccc_router.channels.phone import access
from ccc_router.channels.phone.freeswitch_event import failure
from ccc_router.channels.phone.wording import (
    Document,
    call_recorded,
    document,
    hashed,
    identifier,
    integer,
    micros,
    part,
    text,
)
from ccc_router.events.facts import CallRecorded
from ccc_router.events.vocabulary import Channel, LegRole
from ccc_router.routing.policy import Endpoint

_FORM: Final = b"cdr="
_UUID: Final = re.compile(r"[?&]?uuid=(?:[ab]_)?([0-9A-Za-z-]{8,64})")


class FreeswitchCdr:
    """The ``freeswitch-cdr`` dialect. A record completes a call we know; it never queues one."""

    channel = Channel.PHONE
    kept_headers = frozenset({"content-type"})

    def verify(
        self, request: Request, _endpoint: Endpoint, secrets: Sequence[str], _now: datetime, /
    ) -> Refusal | None:
        """HTTP Basic, the module's ``cred``."""
        return access.basic(request, secrets)

    def parse(self, request: Request, endpoint: Endpoint, _agents: Mapping[str, str], /) -> Parsed | Unreadable:
        """One fact per record; the leg's id may also come from the ``?uuid=`` that the module appends to the URL."""
        try:
            record = document(_plain(request.body))
        except ValueError:
            return Unreadable("no encoding of JSON")
        if not isinstance(record, dict):
            return Unreadable("not a JSON object")
        variables = part(record, "variables")
        if endpoint.options.get("encode_values", "true").lower() != "false":
            variables = {name: unquote(value) if isinstance(value, str) else value for name, value in variables.items()}
        leg_id = identifier(variables, "uuid") or _from_query(request.query)
        if not leg_id:
            return Unreadable("no uuid")
        if not micros(integer(variables, "end_uepoch")):
            return Parsed(ignored=1)  # it tells no end, so it completes nothing
        key = f"cdr:{hashed(text(record, 'core-uuid'), leg_id)}"
        return Parsed((Keyed(key, _fact(variables, leg_id, endpoint)),))


def _plain(body: bytes) -> bytes:
    """The JSON inside the body, whichever way it is wrapped. Raises ValueError for bad base 64."""
    stripped = body.strip()
    if not stripped.startswith(_FORM):
        return stripped
    wrapped = stripped.removeprefix(_FORM)
    if wrapped.startswith((b"{", b"%7B", b"%7b")):
        return unquote_to_bytes(wrapped)
    try:
        return base64.b64decode(unquote_to_bytes(wrapped), validate=True)
    except binascii.Error as error:
        raise ValueError("bad base 64") from error


def _from_query(query: str) -> str:
    """The module appends ``?uuid=`` even to a URL that has a query already, so the second question mark is looked for too."""
    found = _UUID.search(query)
    return found[1] if found else ""


def _fact(variables: Document, leg_id: str, endpoint: Endpoint) -> CallRecorded:
    call_id = identifier(variables, "ccc_call_id", "call_uuid") or leg_id
    role = LegRole.CUSTOMER if leg_id == call_id else LegRole.AGENT
    answered_at = micros(integer(variables, "answer_uepoch"))
    cause = text(variables, "hangup_cause")
    return call_recorded(
        endpoint, call_id, leg_id,
        role=role,
        started_at=micros(integer(variables, "start_uepoch")),
        answered_at=answered_at,
        ended_at=micros(integer(variables, "end_uepoch")),
        cause=failure(cause) if role is LegRole.AGENT and not answered_at else cause,
        recording=text(variables, "ccc_recording", "record_path")[:500],
    )  # fmt: skip
