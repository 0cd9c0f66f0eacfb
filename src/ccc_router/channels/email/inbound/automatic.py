"""Mail that machines wrote (RFC 3834 and what programs did before it).

Two degrees, because automatic mail that belongs to no case is deflected and read by nobody. ``machine``: surely no person wrote
it: an answer, a bounce, our own mail come back. ``quiet``: a person may have written it, but an acknowledgement could go to
many or start a loop: a list (which may only be the group address that forwards to us), bulk mail, a robot's address.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.email.mailbox import Mailbox
from ccc_router.channels.email.mime.mail import Mail

LOOP_HEADER: Final = "X-CCC-Loop"
_DAEMONS: Final = re.compile(r"mailer-daemon|mail-daemon|postmaster", re.IGNORECASE)
_ROBOTS: Final = re.compile(
    r"(?:no-?reply|do-?not-?reply|bounces?|auto-?reply|khong-?tra-?loi|notifications?|daemon)(?:[+\-._=].*)?",
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
    "x-autoresponder",
)
# Old servers announce an absence in the subject alone. What follows must end the phrase: people write such words too.
_AUTO_SUBJECT: Final = re.compile(
    r"(?:auto(?:matic)?[ -]?(?:reply|response)|autoreply|out of (?:the )?office(?: (?:auto)?reply)?|(?:thư )?trả lời tự động|"
    r"tự động trả lời|undeliver(?:ed|able)(?: mail)?(?: returned to sender)?|delivery status notification(?: \(\w{1,20}\))?|"
    r"mail delivery (?:failed|subsystem)|returned mail|failure notice)\s*(?:[:\-–]|$)",
    re.IGNORECASE,
)
_QUIET: Final = {"all", "oof", "autoreply", "dr", "rn", "nrn"}


class Signs(NamedTuple):
    """Why a mail counts as a machine's, and why else it is not acknowledged; short codes."""

    machine: tuple[str, ...]
    quiet: tuple[str, ...]


def signs(mail: Mail, envelope_from: str | None, mailbox: Mailbox, threading: Threading, *, form: bool) -> Signs:
    """The signs of a mail. ``envelope_from`` is "" for the null sender of bounces, None when the way in does not tell.

    ``form``: a web form sent it in our name for a person whom it names in Reply-To, so that being generated is no wonder.
    """
    machine = tuple(_machine(mail, envelope_from, threading))
    quiet = tuple(_quiet(mail, mailbox))
    if form and mail.headers.token("auto-submitted") == "auto-generated":
        return Signs(tuple(one for one in machine if one != "auto_submitted"), (*quiet, "form"))
    return Signs(machine, quiet)


def _machine(mail: Mail, envelope_from: str | None, threading: Threading) -> Iterator[str]:
    headers = mail.headers
    if headers.has("auto-submitted") and headers.token("auto-submitted") != "no":
        yield "auto_submitted"
    if envelope_from == "" or headers.raw("return-path") == "<>":
        yield "null_sender"
    if any(map(headers.has, _AUTO_FIELDS)) or headers.token("precedence") == "auto_reply":
        yield "autoreply_field"
    if mail.kind == "multipart/report":
        yield "report"
    if _DAEMONS.fullmatch(mail.sender.address.rpartition("@")[0]):
        yield "daemon"
    if _AUTO_SUBJECT.match(mail.subject):
        yield "subject"
    if any(threading.is_loop(value.decode("latin-1")) for value in headers.all(LOOP_HEADER.lower())):
        yield "loop"
    if threading.issued(mail.message_id):
        yield "own_mail"


def _quiet(mail: Mail, mailbox: Mailbox) -> Iterator[str]:
    headers = mail.headers
    if headers.token("precedence") in {"bulk", "list", "junk"}:
        yield "precedence"
    if any(map(headers.has, _LIST_FIELDS)):
        yield "list"
    if _QUIET & {one.strip().lower() for one in headers.raw("x-auto-response-suppress").split(",")}:
        yield "suppress"
    if _ROBOTS.fullmatch(mail.sender.address.rpartition("@")[0]):
        yield "robot"
    if mailbox.owns(mail.sender.address):
        yield "own_address"
