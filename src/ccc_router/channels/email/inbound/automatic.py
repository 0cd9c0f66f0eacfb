"""Mail that machines wrote (RFC 3834 and what programs did before it): it is never acknowledged and reopens nothing."""

import re
from collections.abc import Iterator
from typing import Final

from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.mailbox import Mailbox
from ccc_router.channels.email.mime.mail import Mail

LOOP_HEADER: Final = "x-ccc-loop"
_ROBOTS: Final = re.compile(
    r"(?:mailer-daemon|mail-daemon|postmaster|daemon|no-?reply|do-?not-?reply|donotreply|bounces?|auto-?reply|khong-?tra-?loi)"
    r"(?:[+\-._=].*)?",
    re.IGNORECASE,
)
_LIST_FIELDS: Final = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "list-help",
    "list-owner",
    "list-subscribe",
    "mailing-list",
)
_AUTO_FIELDS: Final = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-reply-from",
    "x-mail-autoreply",
    "x-fc-machinegenerated",
)
# Old servers announce an absence in the subject alone. What follows must end the phrase: people write such words too.
_AUTO_SUBJECT: Final = re.compile(
    r"(?:auto(?:matic)?[ -]?(?:reply|response)|autoreply|out of (?:the )?office(?: (?:auto)?reply)?|(?:thư )?trả lời tự động|"
    r"tự động trả lời|undeliver(?:ed|able)(?: mail)?(?: returned to sender)?|delivery status notification(?: \(\w{1,20}\))?|"
    r"mail delivery (?:failed|subsystem)|returned mail|failure notice)\s*(?:[:\-–]|$)",
    re.IGNORECASE,
)
_QUIET: Final = {"all", "oof", "autoreply", "dr", "rn", "nrn"}


def reasons(mail: Mail, envelope_from: str | None, mailbox: Mailbox, threading: Threading) -> tuple[str, ...]:
    """Why the mail counts as a machine's, as short codes; nothing for a person's mail.

    ``envelope_from`` is "" for the null sender of bounces, None when the way in does not tell.
    """
    return (*_told_by_fields(mail, envelope_from), *_told_by_sender(mail, mailbox, threading))


def _told_by_fields(mail: Mail, envelope_from: str | None) -> Iterator[str]:
    headers = mail.headers
    if headers.has("auto-submitted") and headers.token("auto-submitted") != "no":
        yield "auto_submitted"
    if envelope_from == "" or headers.raw("return-path") == "<>":
        yield "null_sender"
    if headers.token("precedence") in {"bulk", "list", "junk", "auto_reply"}:
        yield "precedence"
    if any(map(headers.has, _LIST_FIELDS)):
        yield "list"
    if _QUIET & {one.strip().lower() for one in headers.raw("x-auto-response-suppress").split(",")}:
        yield "suppress"
    if any(map(headers.has, _AUTO_FIELDS)):
        yield "autoreply_field"


def _told_by_sender(mail: Mail, mailbox: Mailbox, threading: Threading) -> Iterator[str]:
    if mail.kind == "multipart/report":
        yield "report"
    if _ROBOTS.fullmatch(mail.sender.address.rpartition("@")[0]):
        yield "robot"
    if mailbox.owns(mail.sender.address):
        yield "own_address"
    if _AUTO_SUBJECT.match(mail.subject):
        yield "subject"
    if any(threading.is_loop(value.decode("latin-1")) for value in mail.headers.all(LOOP_HEADER)):
        yield "loop"
    if threading.issued(mail.message_id):
        yield "own_mail"
