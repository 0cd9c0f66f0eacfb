"""Whether the address in From is proven: only by our own mail server's DMARC statement (RFC 8601), never by the mail itself."""

import re
from typing import Final, Literal

from ccc_router.channels.email.mailbox import Mailbox
from ccc_router.channels.email.mime.mail import Mail

Verdict = Literal["pass", "fail", "none"]

_COMMENT: Final = re.compile(r"\([^()]{0,500}\)")
_RESULT: Final = re.compile(r"dmarc\s*=\s*([a-z]{1,20})((?:\s[^;]{0,500})?)")
_HEADER_FROM: Final = re.compile(r"header\.from\s*=\s*\"?([^\s;\"]{1,255})")


def dmarc(mail: Mail, mailbox: Mailbox, *, trusted_hop: bool) -> Verdict:
    """What our server says of the domain in From.

    Believed is only the topmost statement under our ``authserv_id``, when the mail came over a trusted hop, and (unless configured
    otherwise) stands above our own Received fields, where no sender can write.
    """
    if not trusted_hop or not mailbox.authserv_id:
        return "none"
    statement = _statement(mail, mailbox)
    found = _RESULT.search(statement)
    if found is None:
        return "none"
    if found[1] != "pass":
        return "fail" if found[1] in {"fail", "permerror"} else "none"
    proven = _HEADER_FROM.search(found[2])
    domain = mail.sender.address.lower().rpartition("@")[2]
    # One From only: with two of them a reader may be shown another than the one that was checked.
    single = sum(1 for _ in mail.headers.all("from")) == 1 and len(mail.headers.addresses("from")) == 1
    aligned = proven is not None and _ascii(proven[1].rpartition("@")[2]) == _ascii(domain)
    return "pass" if single and domain and aligned else "none"


def _statement(mail: Mail, mailbox: Mailbox) -> str:
    received = 0
    for field in mail.headers.fields:
        if field.name == "received":
            received += 1
            if received >= mailbox.own_hops and not mailbox.results_anywhere:
                return ""
        elif field.name == "authentication-results":
            text = _COMMENT.sub(" ", field.value.decode("latin-1").lower())
            name, _, rest = text.partition(";")
            if name.split()[:1] == [mailbox.authserv_id]:
                return rest
    return ""


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError:
        return domain
