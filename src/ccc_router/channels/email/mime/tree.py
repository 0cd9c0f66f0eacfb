"""The parts of a mail, cut at their boundaries, within limits of depth, number and size.

The standard library's feed parser recurses with every level and tests every line against every open boundary: 400 levels above
1 MB took it 7 s, and 1,000 raise RecursionError. Here boundaries are searched in the bytes, so the time grows with the size
alone. Decoding transfer encodings and parameters is left to the standard library.
"""

import binascii
import re
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final, NamedTuple

from ccc_router.channels.email.mime.headers import Field, Headers, decode_words, lenient_base64, split
from ccc_router.kernel.text import clean

DEEPEST: Final = 20
MOST_PARTS: Final = 500
_LONGEST_PARAMETERS: Final = 4_096  # the library's parameter parser is quadratic
_LONGEST_BOUNDARY: Final = 200
_UU_LINE: Final = re.compile(rb"begin [0-7]{3,4} ([^\r\n]{1,200})\r?$")


class Part(NamedTuple):
    """A leaf of the mail. ``content`` is decoded from its transfer encoding; ``charset`` is what the part claims."""

    media_type: str
    content: bytes
    charset: str
    disposition: str
    name: str
    content_id: str


class Branch(NamedTuple):
    """A multipart: ``kind`` is its subtype (``mixed``, ``alternative``, ``related``, ``report`` …)."""

    kind: str
    parts: tuple["Node", ...]


Node = Part | Branch


class Cut:
    """One pass over a mail: the tree, and what limits it met."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._count = 0
        self.faults: list[str] = []

    def read(self, headers: Headers, start: int) -> Node:
        """The tree of the body that begins at ``start`` and belongs to ``headers``."""
        return self._node(headers, start, len(self._raw), 0, "text/plain")

    def _node(self, headers: Headers, start: int, end: int, depth: int, default: str) -> Node:
        self._count += 1
        message = _parameters(headers)
        media_type = message.get_content_type() if "content-type" in message else default
        boundary = _boundary(message) if media_type.startswith("multipart/") else ""
        if boundary and depth >= DEEPEST:
            self._fault("too_deep")
            return Part("application/octet-stream", b"", "", "attachment", "", "")
        if boundary:
            pieces = self._pieces(boundary, start, end)
            if pieces:
                return self._branch(media_type[len("multipart/") :], pieces, depth)
            self._fault("no_boundary")
            media_type = "text/plain"
        return _leaf(headers, message, media_type, self._raw[start:end])

    def _branch(self, kind: str, pieces: list[tuple[int, int]], depth: int) -> Branch:
        default = "message/rfc822" if kind == "digest" else "text/plain"
        parts: list[Node] = []
        for start, end in pieces:
            if self._count >= MOST_PARTS:
                self._fault("too_many_parts")
                break
            headers, body = split(self._raw, start, end)
            parts.append(self._node(headers, min(body, end), end, depth + 1, default))
        return Branch(kind, tuple(parts))

    def _pieces(self, boundary: str, start: int, end: int) -> list[tuple[int, int]]:
        """Where the parts between the boundary lines begin and end. A missing last boundary is forgiven."""
        line = re.compile(rb"\n--" + re.escape(boundary.encode("latin-1")) + rb"(--)?[ \t]*\r?(?=\n|\Z)")
        pieces: list[tuple[int, int]] = []
        opened = -1
        for found in line.finditer(self._raw, max(0, start - 1), end):
            if opened >= 0:
                last = found.start() - (self._raw[found.start() - 1 : found.start()] == b"\r")
                pieces.append((opened, max(opened, last)))
            if found[1] or len(pieces) > MOST_PARTS:
                return pieces
            opened = min(found.end() + 1, end)
        if opened >= 0:
            self._fault("unclosed")
            pieces.append((opened, end))
        return pieces

    def _fault(self, name: str) -> None:
        if name not in self.faults:
            self.faults.append(name)


def _parameters(headers: Headers) -> Message:
    """The content fields in the library's form, for its parameter parser (RFC 2231, quoting)."""
    message = Message()
    for field in headers.fields:
        if field.name.startswith("content-") and field.name not in message:
            message[field.name] = field.value[:_LONGEST_PARAMETERS].decode("latin-1")
    return message


def _boundary(message: Message) -> str:
    value = _parameter(message, "boundary").rstrip()
    try:
        value.encode("latin-1")
    except UnicodeError:
        return ""
    return value if 0 < len(value) <= _LONGEST_BOUNDARY else ""


def _parameter(message: Message, name: str, header: str = "content-type") -> str:
    try:
        value = message.get_param(name, header=header)
        return "" if value is None else collapse_rfc2231_value(value)
    except (ValueError, LookupError, TypeError):
        return ""


def _leaf(headers: Headers, message: Message, media_type: str, body: bytes) -> Part:
    disposition = message.get_content_disposition() or ""
    name = _parameter(message, "filename", "content-disposition") or _parameter(message, "name")
    # Many programs write encoded words where RFC 2231 was meant, and others raw UTF-8.
    name = decode_words(name.encode("latin-1", "ignore")) if _is_latin(name) else clean(name)
    return Part(
        media_type=media_type,
        content=_transfer_decoded(headers.token("content-transfer-encoding"), body),
        charset=_parameter(message, "charset"),
        disposition=disposition,
        name=name,
        content_id=headers.raw("content-id").strip("<> "),
    )


def _is_latin(text: str) -> bool:
    return all(letter <= "\u00ff" for letter in text)


def _transfer_decoded(encoding: str, body: bytes) -> bytes:
    if encoding == "base64":
        return lenient_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        files, _ = uuencoded(body)
        return files[0][1] if files else body
    return body


def uuencoded(body: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """The files written into a text by uuencode, with their names, and the text without them."""
    if b"begin " not in body:
        return [], body
    files: list[tuple[str, bytes]] = []
    rest: list[bytes] = []
    data: list[bytes] | None = None
    taken: list[bytes] = []
    name = ""
    for line in body.split(b"\n"):
        if data is None:
            found = _UU_LINE.match(line)
            if found:
                name, data, taken = found[1].decode("utf-8", "replace"), [], [line]
            else:
                rest.append(line)
            continue
        taken.append(line)
        if line.rstrip() == b"end":
            files.append((name, b"".join(data)))
            data = None
        elif (decoded := _uu_line(line)) is None:
            rest.extend(taken)  # prose that happened to look like a beginning
            data = None
        else:
            data.append(decoded)
    if data is not None:
        rest.extend(taken)
    return files, b"\n".join(rest)


def _uu_line(line: bytes) -> bytes | None:
    line = line.rstrip(b"\r\n")
    if not line or line == b"`":
        return b""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some writers pad lines too far; the first byte says how much of it counts.
        try:
            return binascii.a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3 + 1])
        except binascii.Error:
            return None


def headers_of(raw: bytes) -> list[Field]:
    """The fields of a block of headers alone, such as a part of a delivery report."""
    return split(raw + b"\n\n")[0].fields
