"""Writing a mail: the header block by hand, the body by the standard library.

The library's ``policy.SMTP`` turns long References into encoded words, which no reader threads by, so every line of the header
is written here: one id a line, words of at most 75 characters (RFC 2047), and no control character ever gets in.
"""

import base64
import hashlib
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final

import msgspec

from ccc_router.channels.email.mime.headers import valid_address
from ccc_router.kernel.clock import VIETNAM, from_ms
from ccc_router.kernel.text import clean, clean_name

MOST_REFERENCES: Final = 20
_ID: Final = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{3,500}>")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ,.:;/()'#\[\]_+-]{0,60}")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9 ]{1,60}")
_WORD_BYTES: Final = 42  # in base 64 and with its marks under 75 characters


class Enclosure(msgspec.Struct, frozen=True):
    """A file that goes with a mail."""

    name: str
    media_type: str
    content: bytes


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """All that a mail says. ``extra`` are further header fields, names and values of our own making."""

    message_id: str
    sender: str
    sender_name: str
    to: str
    subject: str
    text: str
    written_at: int
    to_name: str = ""
    reply_to: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    language: str = "vi"
    extra: dict[str, str] = {}
    files: tuple[Enclosure, ...] = ()


def compose(letter: Letter) -> bytes:
    """The mail as it goes over the wire. Raises ValueError for an address or a Message-ID that is none."""
    if not (valid_address(letter.sender) and valid_address(letter.to) and _ID.fullmatch(letter.message_id)):
        raise ValueError("a mail needs a valid sender, recipient and Message-ID")
    in_reply_to = tuple(filter(_ID.fullmatch, [letter.in_reply_to]))
    references = tuple(filter(_ID.fullmatch, dict.fromkeys(letter.references)))
    lines = [
        f"Date: {format_datetime(from_ms(letter.written_at).astimezone(VIETNAM))}",
        f"From: {mailbox(letter.sender_name, letter.sender)}",
        f"To: {mailbox(letter.to_name, letter.to)}",
        f"Message-ID: {letter.message_id}",
        f"Subject: {encoded(letter.subject)}",
    ]
    if valid_address(letter.reply_to):
        lines.append(f"Reply-To: {mailbox(letter.sender_name, letter.reply_to)}")
    if in_reply_to:
        lines.append(f"In-Reply-To: {in_reply_to[0]}")
    if references:
        lines.append("References: " + "\r\n ".join(_shortened(references)))
    lines.append(f"Content-Language: {'en' if letter.language == 'en' else 'vi'}")
    lines += [f"{name}: {clean_name(value)}" for name, value in letter.extra.items()]
    return "\r\n".join(lines).encode() + b"\r\n" + _body(letter)


def encoded(text: str) -> str:
    """Text for a header: as it is when short and harmless, else in encoded words, never cutting a letter in two."""
    text = clean_name(text)
    if _PLAIN.fullmatch(text) and "=?" not in text:
        return text
    return _words(text)


def _words(text: str) -> str:
    words: list[bytes] = [b""]
    for letter in text:
        raw = letter.encode()
        if len(words[-1]) + len(raw) > _WORD_BYTES:
            words.append(b"")
        words[-1] += raw
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)


def mailbox(name: str, address: str) -> str:
    """``Name <address>`` for a header; raw UTF-8 only where the address itself has it (RFC 6532)."""
    name = clean_name(name)
    if not name:
        return address
    shown = name if _PLAIN_NAME.fullmatch(name) else _words(name)
    return f"{shown}\r\n <{address}>" if "\r\n" in shown else f"{shown} <{address}>"


def _shortened(references: tuple[str, ...]) -> tuple[str, ...]:
    """The first and the last ones (RFC 5537 recommends it): the thread's root and its newest mails."""
    if len(references) <= MOST_REFERENCES:
        return references
    return (references[0], *references[-(MOST_REFERENCES - 1) :])


def _body(letter: Letter) -> bytes:
    message = EmailMessage(policy=SMTP)
    text = clean(letter.text)
    message.set_content(text, cte="base64")
    message.add_alternative(_html(text, letter.language), subtype="html", cte="base64")
    for file in letter.files:
        maintype, _, subtype = file.media_type.partition("/")
        if maintype in {"message", "multipart", "text"} or not re.fullmatch(r"[\w.+-]+", subtype):
            maintype, subtype = "application", "octet-stream"
        message.add_attachment(
            file.content, maintype=maintype, subtype=subtype, filename=clean_name(file.name) or "file"
        )
    # The same mail has the same bytes on every attempt.
    digest = hashlib.sha256(letter.message_id.encode()).hexdigest()[:24]
    for number, part in enumerate(one for one in message.walk() if one.is_multipart()):
        part.set_boundary(f"=_{digest}_{number}")
    return message.as_bytes()


def _html(text: str, language: str) -> str:
    paragraphs = "".join(f"<p>{escape(one).replace(chr(10), '<br>')}</p>" for one in text.strip("\n").split("\n\n"))
    return f'<!DOCTYPE html><html lang="{"en" if language == "en" else "vi"}"><meta charset="utf-8"><body>{paragraphs}</body></html>\n'
