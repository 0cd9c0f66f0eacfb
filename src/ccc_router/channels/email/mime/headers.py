"""The header block: fields as they stand, encoded words, addresses, message ids, dates. Linear, and nothing here raises.

Headers are read from the raw bytes and not by the standard library's ``policy.default``: that needs seconds for a long
Content-Type, recurses on nested comments, and cuts a Message-ID with a space in it (all measured on CPython 3.11).
"""

import binascii
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from ccc_router.channels.email.mime.charsets import decode
from ccc_router.kernel.clock import to_ms
from ccc_router.kernel.text import clean, clean_name

LONGEST_BLOCK: Final = 256 * 1024
MOST_FIELDS: Final = 2_000
MOST_IDS: Final = 100
MOST_ADDRESSES: Final = 100
_LONGEST_VALUE: Final = 16 * 1024
_EARLIEST_YEAR, _LATEST_YEAR = 1990, 2100

_FIELD: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_ID: Final = re.compile(r"<([^<>]{1,998})>")
_BARE_ID: Final = re.compile(r"[^\s<>,;]{1,500}@[^\s<>,;]{1,255}")
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
_ADDRESS: Final = re.compile(r"[^\s@<>(),;:\"\\\[\]\x00-\x1f\x7f]{1,64}@[\w\u00b7-]{1,63}(?:\.[\w\u00b7-]{1,63}){0,10}")
_LONGEST_ADDRESS: Final = 254


class Field(NamedTuple):
    """A header field: its lower-case name and its unfolded value, still encoded."""

    name: str
    value: bytes


class Address(NamedTuple):
    """A mailbox as a header names it. ``name`` is decoded and fit to show; ``address`` is as written, or "" when it is none."""

    name: str
    address: str


class Headers:
    """The fields of a mail or a part, in their order. ``first`` and the like answer "" or nothing for what is missing."""

    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields

    def all(self, name: str) -> Iterator[bytes]:
        """The raw values of every field of this (lower-case) name."""
        return (field.value for field in self.fields if field.name == name)

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return any(field.name == name for field in self.fields)

    def raw(self, name: str) -> str:
        """The first such field as it stands, bytes read as Latin-1."""
        return next(self.all(name), b"").strip().decode("latin-1")

    def token(self, name: str) -> str:
        """The first word of the field, lower case, without parameters and comments: for machine-read fields."""
        return re.split(r"[;(\s]", self.raw(name), maxsplit=1)[0].lower()

    def text(self, name: str, longest: int = 998) -> str:
        """The first such field for people to read: decoded, one line, at most ``longest`` characters."""
        return clean_name(decode_words(next(self.all(name), b"")))[:longest]

    def ids(self, name: str) -> tuple[str, ...]:
        """The message ids of the field, each in angle brackets, in order, at most the last ``MOST_IDS``."""
        found: list[str] = []
        for value in self.all(name):
            found.extend(message_ids(value))
        return tuple(found[-MOST_IDS:])

    def addresses(self, name: str) -> tuple[Address, ...]:
        """The mailboxes of every such field."""
        found: list[Address] = []
        for value in self.all(name):
            found.extend(parse_addresses(value))
        return tuple(found[:MOST_ADDRESSES])

    def date(self, name: str = "date") -> int:
        """The time in milliseconds, 0 when there is none that makes sense."""
        try:
            moment = parsedate_to_datetime(self.raw(name)[:200])
            if moment.tzinfo is None or not _EARLIEST_YEAR <= moment.year < _LATEST_YEAR:
                return 0
            return to_ms(moment)
        except (ValueError, TypeError, OverflowError, IndexError):
            return 0


def split(raw: bytes, start: int = 0, end: int | None = None) -> tuple[Headers, int]:
    """Read the header block of ``raw[start:end]``; answer it and where the body begins.

    The block ends at the first empty line, or before the first line that is no field. Fields past the limits are left out.
    """
    end = len(raw) if end is None else end
    fields: list[Field] = []
    place = start
    while place < end:
        line_end = raw.find(b"\n", place, end)
        following = end if line_end < 0 else line_end + 1
        line = raw[place:following].rstrip(b"\r\n")
        if not line:
            return Headers(fields), following
        if place - start > LONGEST_BLOCK or len(fields) >= MOST_FIELDS:
            return Headers(fields), _after_blank_line(raw, place, end)
        if line[:1] in b" \t":
            if fields:
                fields[-1] = Field(fields[-1].name, (fields[-1].value + b" " + line.strip())[:_LONGEST_VALUE])
        elif found := _FIELD.match(line):
            fields.append(Field(found[1].decode("ascii").lower(), found[2].strip()[:_LONGEST_VALUE]))
        elif not line.startswith((b"From ", b">From ")):
            return Headers(fields), place
        place = following
    return Headers(fields), end


def _after_blank_line(raw: bytes, place: int, end: int) -> int:
    found = re.compile(rb"\n\r?\n").search(raw, place, end)
    return found.end() if found else end


def decode_words(value: bytes) -> str:
    """Decode RFC 2047 encoded words wherever they stand, and raw eight-bit text beside them.

    Neighbouring words of one charset are joined before decoding: senders split letters of several bytes between them.
    """
    pieces: list[tuple[str | None, bytes]] = []
    place = 0
    for found in _WORD.finditer(value):
        between = value[place : found.start()]
        if between.strip() or (between and not (pieces and pieces[-1][0] is not None)):
            pieces.append((None, between))
        label = found[1].split(b"*")[0].decode("latin-1").lower()
        data = _q(found[3]) if found[2] in b"qQ" else lenient_base64(found[3])
        if pieces and pieces[-1][0] == label:
            pieces[-1] = (label, pieces[-1][1] + data)
        else:
            pieces.append((label, data))
        place = found.end()
    if rest := value[place:]:
        pieces.append((None, rest))
    return clean("".join(decode(data, label).text for label, data in pieces))


def _q(data: bytes) -> bytes:
    return binascii.a2b_qp(data, header=True)


def lenient_base64(data: bytes) -> bytes:
    """Decode what can be decoded: foreign characters are left out, missing padding is added."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        core = _NOT_BASE64.sub(b"", data)
        core = core[: len(core) - (len(core) % 4 == 1)]
        return binascii.a2b_base64(core + b"=" * (-len(core) % 4))


def message_ids(value: bytes) -> list[str]:
    """Every id of a Message-ID, In-Reply-To or References value as ``<…>``, spaces inside (bad folding) taken out."""
    text = decode_words(value) if b"=?" in value else value.decode("latin-1")
    found = [_SPACE.sub("", one) for one in _ID.findall(text)] or _BARE_ID.findall(text)
    return [f"<{one}>" for one in found if one and one.isprintable()]


def parse_addresses(value: bytes) -> list[Address]:
    """The mailboxes of an address list. Names are decoded only after the list is cut, so they cannot forge an address."""
    found = []
    for piece in _mailboxes(value.decode("latin-1")):
        name, address = _name_and_address(piece)
        if address or name:
            found.append(Address(name, address))
        if len(found) >= MOST_ADDRESSES:
            break
    return found


def valid_address(text: str) -> bool:
    """Whether a text is one plain mailbox that may stand in an envelope."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _mailboxes(text: str) -> Iterator[str]:
    """Cut at commas and semicolons that stand outside quotes, comments and angle brackets; comments are left out."""
    piece: list[str] = []
    quoted = angle = False
    depth = 0
    letters = iter(text)
    for letter in letters:
        if letter == "\\" and (quoted or depth):
            letter = next(letters, "")  # the escaped letter stands for itself
        elif letter == '"' and not depth:
            quoted = not quoted
            letter = "\x01"  # remembers where the quotes were
        elif letter == "(" and not quoted:
            depth += 1
        elif letter == ")" and depth and not quoted:
            depth -= 1
            continue
        elif letter in "<>" and not quoted and not depth:
            angle = letter == "<"
        elif letter in ",;" and not (quoted or depth or angle):
            yield "".join(piece)
            piece = []
            continue
        if not depth:
            piece.append(letter)
    yield "".join(piece)


def _name_and_address(piece: str) -> tuple[str, str]:
    before, angle, rest = piece.rpartition("<")
    inside = rest.partition(">")[0]
    if not angle:
        words = piece.replace("\x01", " ").split()
        inside = next((word for word in words if "@" in word), "")
        before = ""
    # A group's name («undisclosed-recipients:») and a source route stand before the last colon.
    address = inside.replace("\x01", "").rpartition(":")[2].strip()
    raw = before.replace("\x01", " ").encode("latin-1", "replace")
    name = clean_name(decode_words(raw))[:200]
    address = _readable(address)
    return name, address if valid_address(address) else ""


def _readable(address: str) -> str:
    """Raw eight-bit addresses (RFC 6532) are UTF-8."""
    try:
        return clean(address.encode("latin-1").decode("utf-8"))
    except UnicodeError:
        return ""
