"""A mail as a value: who wrote what to whom, with which files. `read` never raises; what went wrong is in ``faults``."""

import re
from html import escape
from typing import Final, NamedTuple

from ccc_router.channels.email.mime import charsets, tnef, tree
from ccc_router.channels.email.mime.files import File, Left, Taken
from ccc_router.channels.email.mime.headers import Address, Headers, split
from ccc_router.channels.email.mime.html import clean_html, html_to_text, rough_text
from ccc_router.channels.email.mime.quotes import strip_quotes

LONGEST_TEXT: Final = 1 << 20
_META_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_SIGNATURES: Final = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_REPORTS: Final = {
    "message/delivery-status", "message/global-delivery-status", "message/disposition-notification", "message/feedback-report",
    "text/rfc822-headers", "message/global-headers", "message/rfc822", "message/global",
}  # fmt: skip
_EMPTY_LINES: Final = re.compile(r"\n{4,}")


class Mail(NamedTuple):
    """What a mail says. ``text`` are the writer's own words, ``full_text`` all of them, ``html`` is safe to show.

    Ids are in angle brackets; ``date`` is in ms, 0 when the mail has no sensible one. ``reports`` are the machine-read parts of a
    delivery report. ``left`` are files that were not taken.
    """

    headers: Headers
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    sender: Address
    reply_to: Address
    recipients: tuple[Address, ...]
    date: int
    kind: str = "text/plain"
    text: str = ""
    full_text: str = ""
    html: str = ""
    files: tuple[File, ...] = ()
    left: tuple[Left, ...] = ()
    reports: tuple[tree.Part, ...] = ()
    faults: tuple[str, ...] = ()


class _Words(NamedTuple):
    text: str = ""
    html: str = ""
    plain: bool = False


_NOTHING: Final = _Words()


def read(raw: bytes) -> Mail:
    """Read a mail as RFC 5322 and MIME meant it, and as programs really write it."""
    headers, start = split(raw)
    mail = _envelope(headers)
    try:
        return _with_body(mail, raw, start)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not lose a mail: a person still gets to see it
        text = charsets.decode(raw[start : start + LONGEST_TEXT]).text
        return mail._replace(text=text, full_text=text, faults=("unparsed", type(error).__name__))


def _envelope(headers: Headers) -> Mail:
    senders = [one for one in (*headers.addresses("from"), *headers.addresses("sender")) if one.address]
    answers = [one for one in headers.addresses("reply-to") if one.address]
    nobody = Address(headers.text("from", 200), "")
    return Mail(
        headers=headers,
        message_id=next(iter(headers.ids("message-id")), ""),
        in_reply_to=headers.ids("in-reply-to"),
        references=headers.ids("references"),
        subject=headers.text("subject", 500),
        sender=senders[0] if senders else nobody,
        reply_to=answers[0] if answers else Address("", ""),
        recipients=(*headers.addresses("to"), *headers.addresses("cc")),
        date=headers.date(),
        kind=headers.token("content-type"),
    )


def _with_body(mail: Mail, raw: bytes, start: int) -> Mail:
    cut = tree.Cut(raw)
    body = _Body()
    words = body.words(cut.read(mail.headers, start))
    full = (words.text if words.text.strip() else body.spare).strip("\n")
    faults = [*cut.faults, *body.faults]
    if len(full) > LONGEST_TEXT:
        full = full[:LONGEST_TEXT]
        faults.append("text_cut")
    files = tuple(
        one._replace(inline=bool(one.content_id) and f"cid:{one.content_id}" in words.html) for one in body.taken.files
    )
    return mail._replace(
        text=strip_quotes(full),
        full_text=full,
        html=words.html,
        files=files,
        left=tuple(body.taken.left),
        reports=tuple(body.reports),
        faults=tuple(faults),
    )


class _Body:
    """One walk over the tree: collects files and reports, joins the words."""

    def __init__(self) -> None:
        self.taken = Taken()
        self.reports: list[tree.Part] = []
        self.faults: list[str] = []
        self.spare = ""  # words to show when the mail has none of its own

    def words(self, node: tree.Node) -> _Words:
        if isinstance(node, tree.Part):
            return self._leaf(node)
        if node.kind == "report":
            return self._report(node)
        found = [self._alternative(one) if node.kind == "alternative" else self.words(one) for one in node.parts]
        return _chosen(found) if node.kind == "alternative" else _joined(found)

    def _alternative(self, node: tree.Node) -> _Words:
        """A form of the same words that we cannot read is no file."""
        if isinstance(node, tree.Part) and node.media_type in {"text/enriched", "text/richtext", "text/x-amp-html"}:
            return _NOTHING
        return self.words(node)

    def _report(self, branch: tree.Branch) -> _Words:
        words = []
        for node in branch.parts:
            if isinstance(node, tree.Part) and node.media_type in _REPORTS:
                self.reports.append(node)
            else:
                words.append(self.words(node))
        return _joined(words)

    def _leaf(self, part: tree.Part) -> _Words:
        if part.media_type in _SIGNATURES:
            return _NOTHING
        if part.media_type in {"application/ms-tnef", "application/vnd.ms-tnef"} or tnef.is_tnef(part.content):
            return self._tnef(part)
        is_text = part.media_type in {"text/plain", "text/html", "text"}
        if is_text and part.disposition != "attachment" and not part.name:
            return self._html(part) if part.media_type == "text/html" else self._plain(part)
        if is_text and not self.spare and part.disposition != "attachment" and part.media_type != "text/html":
            self.spare = self._decoded(part.content, part.charset)
        self._file(part)
        return _NOTHING

    def _file(self, part: tree.Part) -> None:
        name = part.name
        if part.media_type in {"message/rfc822", "message/global"}:
            inner, start = split(part.content)
            name = name or f"{inner.text('subject', 80) or 'mail'}.eml"
            if not self.spare:
                within = _Body()
                self.spare = within.words(tree.Cut(part.content).read(inner, start)).text
        self.taken.offer(name, part.content, declared=part.media_type, content_id=part.content_id)

    def _tnef(self, part: tree.Part) -> _Words:
        files, body = tnef.unpack(part.content)
        for name, content in files:
            self.taken.offer(name, content)
        if body and not self.spare:
            self.spare = self._decoded(body, "")
        return _NOTHING

    def _plain(self, part: tree.Part) -> _Words:
        files, rest = tree.uuencoded(part.content)
        for name, content in files:
            self.taken.offer(name, content)
        return _Words(text=self._decoded(rest, part.charset), plain=True)

    def _html(self, part: tree.Part) -> _Words:
        charset = part.charset
        if not charset and (found := _META_CHARSET.search(part.content[:2048])):
            charset = found[1].decode("ascii")
        markup = self._decoded(part.content, charset)
        html = clean_html(markup)
        if not html and markup.strip():
            self.faults.append("html_refused")
            return _Words(text=rough_text(markup))
        return _Words(text=html_to_text(html), html=html)

    def _decoded(self, content: bytes, charset: str) -> str:
        read = charsets.decode(content[: 4 * LONGEST_TEXT], charset)
        if read.lossy:
            self.faults.append(f"lossy_{read.charset}")
        return read.text.replace("\r\n", "\n").replace("\r", "\n")


def _chosen(found: list[_Words]) -> _Words:
    """Of several forms of the same words: the plain one to read unless it is empty, the last HTML to show."""
    plain = next((one.text for one in found if one.plain and one.text.strip()), "")
    other = next((one.text for one in found if one.text.strip()), "")
    html = next((one.html for one in reversed(found) if one.html), "")
    return _Words(text=plain or other, html=html, plain=bool(plain) and not html)


def _joined(found: list[_Words]) -> _Words:
    """Parts that follow each other."""
    found = [one for one in found if one.text.strip() or one.html]
    if len(found) == 1:
        return found[0]
    html = ""
    if any(one.html for one in found):
        html = "".join(one.html or f"<p>{escape(one.text)}</p>".replace("\n", "<br>") for one in found)
    text = _EMPTY_LINES.sub("\n\n\n", "\n\n".join(one.text.strip("\n") for one in found))
    return _Words(text=text, html=html, plain=not html)
