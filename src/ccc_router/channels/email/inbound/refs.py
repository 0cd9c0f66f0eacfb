"""How an answer finds its case: our signed Message-ID, the signed plus-part, ids of mails seen before, the subject's tag.

Signed ones prove that the writer has a mail of ours, so they count for everybody; ids of other mails and tags may be known to
strangers (a newsletter's id is in a thousand mailboxes), so they count only for who takes part in the case already.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ccc_router.channels.email.mailbox import Mailbox, tag_of
from ccc_router.channels.email.mime.mail import Mail
from ccc_router.kernel.ids import parse_reference

_MAC_LENGTH: Final = 16  # 80 bits
_ID: Final = re.compile(r"<t\.([0-9a-z]{1,40})\.([0-9a-z]{1,40})\.([0-9a-z]{16})@[^<>@]{1,255}>")
_CASE_TAG: Final = re.compile(r"t\.([0-9a-z]{1,40})\.([0-9a-z]{16})")
_BOUNCE_TAG: Final = re.compile(r"b\.([0-9a-z]{1,40})\.([0-9a-z]{16})")
_SUBJECT_TAG: Final = re.compile(r"\[#\s?([0-9A-Za-z \-\u2011]{11,20})\s?\]")
MOST_REFS: Final = 20


class Issued(NamedTuple):
    """What a Message-ID of ours stands for."""

    case_id: str
    message_id: str


class Threading:
    """Makes and checks our marks. The first key signs, every key is believed (rotation); without a key nothing is."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def message_id(self, case_id: str, message_id: str, host: str) -> str:
        """The Message-ID of an outgoing mail: the same on every attempt, and nobody else can make one."""
        case, message = _bare(case_id), _bare(message_id)
        return f"<t.{case}.{message}.{self._mac('t', case, message)}@{host}>"

    def case_tag(self, case_id: str) -> str:
        """The plus-part of the address an answer should go to."""
        case = _bare(case_id)
        return f"t.{case}.{self._mac('p', case)}"

    def bounce_tag(self, message_id: str) -> str:
        """The plus-part of the envelope sender, by which a bounce names the mail it is about."""
        message = _bare(message_id)
        return f"b.{message}.{self._mac('b', message)}"

    def loop_token(self, endpoint_id: str) -> str:
        """Stands in every mail of ours: one that comes back with it has gone in a circle."""
        return f"{endpoint_id}.{self._mac('l', endpoint_id)}"

    def issued(self, message_id: str) -> Issued | None:
        """What one of our Message-IDs stands for, None if we did not make it."""
        found = _ID.fullmatch(message_id.lower())
        if found is None or not self._is(found[3], "t", found[1], found[2]):
            return None
        return Issued(f"cs_{found[1]}", f"ms_{found[2]}")

    def case_of(self, address: str) -> str:
        """The case that the plus-part of an address names, "" if it is not signed by us."""
        found = _CASE_TAG.fullmatch(tag_of(address))
        return f"cs_{found[1]}" if found and self._is(found[2], "p", found[1]) else ""

    def bounced(self, address: str) -> str:
        """The message that the plus-part of an address says came back, "" if it is not signed by us."""
        found = _BOUNCE_TAG.fullmatch(tag_of(address))
        return f"ms_{found[1]}" if found and self._is(found[2], "b", found[1]) else ""

    def is_loop(self, token: str) -> bool:
        """Whether a loop token is one of ours."""
        endpoint_id, _, mac = token.strip().rpartition(".")
        return bool(endpoint_id) and self._is(mac, "l", endpoint_id)

    def _mac(self, *parts: str) -> str:
        if not self._keys:
            raise ValueError("threading needs a key to sign with")
        return _mac(self._keys[0], parts)

    def _is(self, mac: str, *parts: str) -> bool:
        given = mac.encode("utf-8", "surrogatepass")
        # No early return: every key is tried, so the time tells nothing.
        matches = [hmac.compare_digest(_mac(key, parts).encode(), given) for key in self._keys]
        return any(matches)


class Refs(NamedTuple):
    """``strong`` count for everybody, ``weak`` for participants; ``own`` is what later mails may refer to."""

    strong: tuple[str, ...]
    weak: tuple[str, ...]
    own: tuple[str, ...]


def refs_of(mail: Mail, recipients: Iterable[str], mailbox: Mailbox, threading: Threading) -> Refs:
    """The refs of a mail in the order in which they are believed. ``recipients`` are the envelope's, besides the header's."""
    # Nearest first: References from right to left, then In-Reply-To (some programs write only one of them).
    answered = _unique((*reversed(mail.references), *mail.in_reply_to))
    strong: list[str] = []
    weak: list[str] = []
    if "signed" in mailbox.threading:
        strong += [f"case:{one.case_id}" for one in map(threading.issued, answered) if one]
    if "plus" in mailbox.threading:
        addresses = [*recipients, *(one.address for one in mail.recipients)]
        strong += [f"case:{case}" for case in map(threading.case_of, addresses) if case]
    if "references" in mailbox.threading:
        weak += [f"mail:{one}" for one in answered if threading.issued(one) is None]
    if "subject" in mailbox.threading:
        weak += [f"reference:{one}" for one in subject_references(mail.subject)]
    own = (f"mail:{mail.message_id}",) if mail.message_id else ()
    return Refs(_unique(strong)[:MOST_REFS], _unique(weak)[:MOST_REFS], own)


def subject_references(subject: str) -> list[str]:
    """The case references in the tags of a subject: «[#1A2B-3C4D-5E6]», as forgiving as when spoken."""
    return [one for one in map(parse_reference, _SUBJECT_TAG.findall(subject)) if one]


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _bare(id_: str) -> str:
    bare = id_.partition("_")[2]
    if not re.fullmatch(r"[0-9a-z]{1,40}", bare):
        raise ValueError("an id of ours is a prefix, an underscore and lower-case letters or digits")
    return bare


def _mac(key: bytes, parts: Sequence[str]) -> str:
    digest = hmac.new(key, "\n".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.b32encode(digest)[:_MAC_LENGTH].decode().lower()
