"""When two deliveries are the same mail: equal bytes apart from what our own servers wrote on top, for the same mailbox.

A Message-ID is no identity: it can be forged, copied and forgotten. The same mail over SMTP, HTTP and IMAP has one key, because
line ends, the mbox line, our trace fields and the plus-part of the recipient do not count.
"""

import hashlib
import re
from typing import Final

from ccc_router.channels.email.mailbox import Mailbox

# Written by the last server, which is ours, at each delivery anew.
_OURS: Final = {
    b"return-path", b"delivered-to", b"x-original-to", b"envelope-to", b"x-envelope-to", b"x-envelope-from", b"received-spf",
    b"x-ccc-envelope-from", b"x-ccc-envelope-to", b"x-uid", b"status", b"x-status", b"x-mozilla-status",
}  # fmt: skip
_LONGEST_BLOCK: Final = 256 * 1024
_BLANK: Final = re.compile(rb"\n\n")
_FIELD: Final = re.compile(rb"\n(?![ \t])")


def dedup_key(raw: bytes, mailbox: Mailbox) -> str:
    """The key of a mail: a digest of what the sender's side wrote, and of the mailbox it is for."""
    text = raw.replace(b"\r\n", b"\n").rstrip(b"\n")
    if text.startswith((b"From ", b">From ")):
        text = text.partition(b"\n")[2]
    found = _BLANK.search(text, 0, _LONGEST_BLOCK)
    block, body = (text[: found.start()], text[found.end() :]) if found else (text, b"")
    kept = without_own_trace(_FIELD.split(block), mailbox)
    digest = hashlib.sha256(f"{mailbox.endpoint_id}\n{mailbox.address}\n".encode())
    for field in kept:
        digest.update(field + b"\n")
    digest.update(b"\n")
    digest.update(body)
    return f"mail:{digest.hexdigest()}"


def without_own_trace(fields: list[bytes], mailbox: Mailbox) -> list[bytes]:
    """The fields without those our own servers put on top: the first ``own_hops`` Received, our checks, the envelope."""
    kept: list[bytes] = []
    received = 0
    for field in fields:
        name = field.partition(b":")[0].strip().lower()
        if name == b"received":
            received += 1
            if received <= mailbox.own_hops:
                continue
        if name in _OURS or (name == b"authentication-results" and _is_ours(field, mailbox)):
            continue
        kept.append(field)
    return kept


def _is_ours(field: bytes, mailbox: Mailbox) -> bool:
    value = field.partition(b":")[2].lstrip().lower()
    return bool(mailbox.authserv_id) and value.startswith(mailbox.authserv_id.encode())
