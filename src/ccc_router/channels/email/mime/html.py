"""HTML of strangers: cleaned for showing, and as text for reading, searching and cutting quotes.

Shown are only harmless elements and pictures that came with the mail (``cid:``); nothing is ever loaded from outside.
"""

import re
from html.parser import HTMLParser
from typing import Final

import nh3

from ccc_router.kernel.text import clean

LONGEST_HTML: Final = 1 << 20
_MOST_TAGS: Final = 50_000
# The cleaner's time grows with the square of the depth: 50,000 open elements took it 4 s, 2,000 take 10 ms.
_DEEPEST: Final = 2_000
_OPENS_OR_CLOSES: Final = re.compile(r"<(/?)[a-zA-Z]")

_TAGS: Final = {
    "a", "abbr", "address", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "div",
    "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre",
    "q", "s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "td": {"colspan", "rowspan", "align", "valign"},
    "th": {"colspan", "rowspan", "align", "valign"},
    "ol": {"start", "type"},
    "*": {"dir", "lang"},
}
# Their content is nothing for people and goes with them.
_WITH_CONTENT: Final = {
    "script", "style", "title", "head", "noscript", "template", "iframe", "object", "embed", "applet", "svg", "math",
    "xml", "select", "textarea", "noembed", "noframes", "plaintext", "xmp",
}  # fmt: skip
_BLOCKS: Final = {
    "address", "blockquote", "center", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre",
    "table", "tr", "ul", "li", "caption", "tbody", "thead", "tfoot",
}  # fmt: skip
_PARAGRAPHS: Final = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table", "pre"}


def clean_html(html: str) -> str:
    """HTML that may be shown inside a page: no scripts, styles, forms, frames, and no address to load but ``cid:``.

    Answers "" for HTML too long or too deeply nested to be worth the time: its text is kept anyway.
    """
    if len(html) > LONGEST_HTML or html.count("<") > _MOST_TAGS or _is_deep(html):
        return ""
    return nh3.clean(
        clean(html),
        tags=_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_only_own_pictures,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _is_deep(html: str) -> bool:
    """Whether more elements are opened than closed, by far. Those that need no end count too, so the limit is generous."""
    depth = 0
    for found in _OPENS_OR_CLOSES.finditer(html):
        depth += -1 if found[1] else 1
        if depth > _DEEPEST:
            return True
    return False


def _only_own_pictures(tag: str, attribute: str, value: str) -> str | None:
    scheme = value.strip().lower()
    if tag == "img" and attribute == "src":
        return value if scheme.startswith("cid:") else None
    if attribute == "href" and not scheme.startswith(("http://", "https://", "mailto:", "tel:")):
        return None
    return value


def html_to_text(html: str) -> str:
    """The words of cleaned HTML, laid out in lines; quoted blocks begin with ``> ``. Expects the output of `clean_html`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


def rough_text(html: str) -> str:
    """The words of HTML that was too much to clean: tags cut out, nothing laid out. Linear."""
    out: list[str] = []
    for piece in html[:LONGEST_HTML].split("<"):
        out.append(piece.partition(">")[2] if out else piece)
    return clean(" ".join("\n".join(out).split(" ")))


class _Reader(HTMLParser):
    """Collects lines. Cleaned HTML is well formed, so every start has its end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._pre = 0
        self._lists: list[int | None] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "br":
            self._break()
        elif tag in _BLOCKS:
            self._end_line(paragraph=tag in _PARAGRAPHS)
        if tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._pre += 1
        elif tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._line.append(self._bullet())
        elif tag in {"td", "th"} and self._line:
            self._line.append("  ")
        elif tag == "a":
            self._links.append((values.get("href") or "", len(self._line)))
        elif tag == "img" and (alt := (values.get("alt") or "").strip()):
            self._line.append(f"[{alt}]")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._end_link(*self._links.pop())
        if tag in _BLOCKS:
            self._end_line(paragraph=tag in _PARAGRAPHS)
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()

    def handle_data(self, data: str) -> None:
        if self._pre:
            first, *rest = data.split("\n")
            self._line.append(first)
            for line in rest:
                self._break()
                self._line.append(line)
        else:
            words = " ".join(data.replace("\u00a0", " ").split())
            before = " " if data[:1].isspace() or data[:1] == "\u00a0" else ""
            after = " " if words and (data[-1:].isspace() or data[-1:] == "\u00a0") else ""
            self._line.append(before + words + after)

    def _bullet(self) -> str:
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            return f"{number}. "
        return "- "

    def _end_link(self, href: str, since: int) -> None:
        if not href.startswith(("http://", "https://")):
            return
        shown = "".join(self._line[since:]).strip()
        if shown.rstrip("/").removeprefix("https://").removeprefix("http://") not in href:
            self._line.append(f" <{href}>")

    def _break(self) -> None:
        text = "".join(self._line)
        text = text.rstrip() if self._pre else " ".join(text.split(" ")).strip()
        self._lines.append("> " * min(self._quotes, 5) + text if self._quotes else text)
        self._line.clear()

    def _end_line(self, *, paragraph: bool) -> None:
        if "".join(self._line).strip():
            self._break()
        else:
            self._line.clear()
        if paragraph and self._lines and self._lines[-1].strip("> "):
            self._lines.append(("> " * min(self._quotes, 5)).rstrip())

    def text(self) -> str:
        self._end_line(paragraph=False)
        return clean("\n".join(self._lines)).strip("\n")
