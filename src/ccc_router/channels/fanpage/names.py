"""How things of a page are called in our own words: handles, refs, addresses, and the mark on messages of ours."""

import re
from typing import Final

import msgspec

from ccc_router.events.facts import Handle

_PERSON: Final = "psid:"
_COMMENT: Final = "comment:"
_MARK: Final = re.compile(r"ccc:(dl_[0-9a-z]{26}):(ms_[0-9a-z]{26}|):(ct_[0-9a-z]{26}|):(cs_[0-9a-z]{26}|):(p?)(m?)")


class Mark(msgspec.Struct, frozen=True):
    """What we write into the metadata of a message we send: Meta's echo brings it back.

    ``private_reply``: it answers a comment privately, so the conversation it opens belongs to the comment's case. ``last`` is False
    for a part of a reply that has more to come: only the last part's echo says that the reply arrived.
    """

    delivery_id: str
    message_id: str = ""
    contact_id: str = ""
    case_id: str = ""
    private_reply: bool = False
    last: bool = True


class Address(msgspec.Struct, frozen=True):
    """Where a reply goes: to a person's conversation, or to a comment."""

    person: str = ""
    comment: str = ""


def write_mark(mark: Mark) -> str:
    """The metadata of a message."""
    flags = ("p" if mark.private_reply else "") + ("" if mark.last else "m")
    return f"ccc:{mark.delivery_id}:{mark.message_id}:{mark.contact_id}:{mark.case_id}:{flags}"


def read_mark(metadata: str) -> Mark | None:
    """The mark in a metadata, or None when somebody else wrote it."""
    found = _MARK.fullmatch(metadata)
    return Mark(found[1], found[2], found[3], found[4], found[5] == "p", found[6] == "") if found else None


def person_handle(endpoint_id: str, person: str) -> Handle:
    """A page-scoped id: it names a person on this page only, so it proves nothing on another channel."""
    return Handle("page_scoped_id", f"{endpoint_id}:{person}")


def author_handle(endpoint_id: str, author: str) -> Handle:
    """Who wrote a comment. Another numbering than that of conversations: the two cannot be joined."""
    return Handle("page_scoped_id", f"{endpoint_id}:feed:{author}")


def conversation_ref(endpoint_id: str, person: str) -> str:
    """The conversation of a person with the page."""
    return f"conversation:{endpoint_id}:{person}"


def thread_ref(endpoint_id: str, comment: str, author: str) -> str:
    """What one author writes below one comment. A stranger's reply there is a matter of its own."""
    return f"comment:{endpoint_id}:{comment}:{author}"


def person_address(person: str) -> str:
    """Replies go to the person's conversation."""
    return _PERSON + person


def comment_address(comment: str) -> str:
    """Replies go below the comment, or to its author in private."""
    return _COMMENT + comment


def read_address(address: str) -> Address | None:
    """Where a reply goes, or None when that is no address of this channel."""
    if address.startswith(_PERSON) and len(address) > len(_PERSON):
        return Address(person=address.removeprefix(_PERSON))
    if address.startswith(_COMMENT) and len(address) > len(_COMMENT):
        return Address(comment=address.removeprefix(_COMMENT))
    return None
