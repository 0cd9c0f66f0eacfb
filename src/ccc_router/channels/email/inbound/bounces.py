"""Reports about mails of ours: delivery reports (RFC 3464), receipts (RFC 8098), and bounces of servers that know neither.

A report counts only when it names a mail that we signed: by its own address (the envelope sender of our mails is signed), or by
the Message-ID in the part that came back.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from ccc_router.channels.email.inbound.refs import Issued, Threading
from ccc_router.channels.email.mime.headers import Headers, message_ids
from ccc_router.channels.email.mime.mail import Mail
from ccc_router.channels.email.mime.tree import Part, headers_of

_ID_IN_TEXT: Final = re.compile(r"<t\.[0-9a-z.]{3,100}@[^<>@\s]{1,255}>", re.IGNORECASE)
_STATUS: Final = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY_CODE: Final = re.compile(r"(?<![\d.])([45])[0-5]\d(?![\d.])")
_SEARCHED: Final = 64 * 1024


class Bounce(NamedTuple):
    """What became of one of our messages. ``permanent``: the address will not work tomorrow either.

    ``case_id`` is "" when only the address the report came to told which message it is about.
    """

    message_id: str
    case_id: str
    receipt: Literal["delivered", "read", "failed"]
    permanent: bool


class NotOurs(NamedTuple):
    """A report, but about nothing of ours, or one that changes nothing (a delay)."""


def report_of(
    mail: Mail, envelope_from: str | None, recipients: Iterable[str], threading: Threading
) -> Bounce | NotOurs | None:
    """What the mail reports, or None when it is no report at all."""
    addresses = [*recipients, *(one.address for one in mail.recipients)]
    returned = next((one for one in map(threading.bounced, addresses) if one), "")
    if mail.kind == "multipart/report" and mail.reports:
        return _standard(mail, returned, threading)
    if not _is_bounce(mail, envelope_from):
        return None  # a person, even if he wrote to the address where bounces go
    about = _about(_ID_IN_TEXT.findall(mail.full_text[:_SEARCHED]), returned, threading)
    if about is None:
        # A null sender alone proves no bounce: forms and scanners have it too. Those become automatic messages.
        return NotOurs() if _is_daemons(mail) else None
    return Bounce(about.message_id, about.case_id, "failed", _is_permanent(mail.full_text[:_SEARCHED]))


def _standard(mail: Mail, returned: str, threading: Threading) -> Bounce | NotOurs:
    about = _about(_returned_ids(mail.reports), returned, threading)
    if about is None:
        return NotOurs()
    fields = [headers for part in mail.reports for headers in _groups(part)]
    disposition = next((one.raw("disposition") for one in fields if one.has("disposition")), "")
    if disposition:
        shown = "displayed" in disposition.lower()
        return Bounce(about.message_id, about.case_id, "read", permanent=False) if shown else NotOurs()
    actions = {one.token("action"): one for one in fields if one.has("action")}
    if "failed" in actions:
        failed = actions["failed"]
        status = failed.raw("status").strip() or failed.text("diagnostic-code")
        return Bounce(about.message_id, about.case_id, "failed", _is_permanent(status))
    if "delivered" in actions:
        return Bounce(about.message_id, about.case_id, "delivered", permanent=False)
    return NotOurs()


def _groups(part: Part) -> Iterator[Headers]:
    """A report is blocks of fields: one about the mail, one for each recipient."""
    if part.media_type in {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}:
        return
    for block in part.content.replace(b"\r\n", b"\n").split(b"\n\n")[:200]:
        if block.strip():
            yield Headers(headers_of(block.lstrip(b"\n")))


def _returned_ids(parts: Iterable[Part]) -> Iterator[str]:
    """The ids that may name our mail: of the mail that came back, and of the report's own fields."""
    for part in parts:
        for field in headers_of(part.content[:_SEARCHED].lstrip(b"\r\n")):
            if field.name in {"message-id", "original-message-id", "x-original-message-id"}:
                yield from message_ids(field.value)
        for group in _groups(part):
            for name in ("original-message-id", "x-original-message-id"):
                yield from group.ids(name)


def _about(ids: Iterable[str], returned: str, threading: Threading) -> Issued | None:
    """Which mail of ours is meant: by its Message-ID, else by the address the report came to (which names no case)."""
    issued = next((found for one in ids if (found := threading.issued(one))), None)
    return issued or (Issued("", returned) if returned else None)


def _is_bounce(mail: Mail, envelope_from: str | None) -> bool:
    return envelope_from == "" or mail.headers.raw("return-path") == "<>" or _is_daemons(mail)


def _is_daemons(mail: Mail) -> bool:
    sender = mail.sender.address.lower().partition("@")[0]
    return sender in {"mailer-daemon", "postmaster", "mail-daemon"} or mail.headers.has("x-failed-recipients")


def _is_permanent(text: str) -> bool:
    """5.x.x or a 5yz answer says for good; without any code a bounce is believed to be for good."""
    found = _STATUS.search(text) or _REPLY_CODE.search(text)
    return found is None or found[1] == "5"
