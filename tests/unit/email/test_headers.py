"""The header block: words, addresses, ids, dates."""

from email.header import Header

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.mime.headers import decode_words, message_ids, parse_addresses, split, valid_address
from ccc_router.kernel.text import clean
from tests.support import mails


def test_lists_are_cut_before_names_are_decoded() -> None:
    """A name cannot forge an address, however it is written."""
    found = parse_addresses(
        b'=?utf-8?q?=3Cevil=40x=2Ecom=3E=2C?= <real@x.vn>, "b@evil.com, x" <b@ok.vn>, c@d.vn (e@f.vn), '
        b"undisclosed-recipients:;, Khoa <@relay.example:k@x.vn>"
    )
    assert [one.address for one in found if one.address] == ["real@x.vn", "b@ok.vn", "c@d.vn", "k@x.vn"]


def test_what_is_no_mailbox_is_none() -> None:
    for text in (
        "a",
        "a@",
        "@b.vn",
        "a@b@c",
        "a b@c.vn",
        "a@b..vn",
        "a\n@b.vn",
        "a@b.vn\r\nBcc: x@y.vn",
        "<a@b.vn>",
        "a,b@c.vn",
        "x" * 65 + "@b.vn",
    ):
        assert not valid_address(text), text
    for text in ("a@b.vn", "a.b+c=d@x-y.gov.vn", "đồng@ví-dụ.vn", "o'neil@example.com"):
        assert valid_address(text), text


def test_malformed_ids_are_read_whole() -> None:
    """The standard library reads «<a b@c>» as «<a»."""
    mail = mails.mail("threads/malformed-message-id")
    assert mail.message_id == "<ab@c.example>"
    assert mail.references == ("<xy@d.example>",)
    assert message_ids(b"no-brackets@e.example") == ["<no-brackets@e.example>"]
    assert message_ids(b"=?utf-8?q?=3Ca=40b=3E?=") == ["<a@b>"]
    assert mails.mail("threads/no-message-id").message_id == ""


def test_folded_fields_are_one_and_unknown_bytes_survive() -> None:
    headers, start = split(b"Subject: a\r\n b\r\n\tc\r\nX-Raw: \xff\xfe\r\n\r\nbody")
    assert headers.text("subject") == "a b c"
    assert headers.raw("x-raw") == "\xff\xfe"
    assert start == len(b"Subject: a\r\n b\r\n\tc\r\nX-Raw: \xff\xfe\r\n\r\n")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120))
def test_what_the_standard_library_encodes_is_decoded(text: str) -> None:
    encoded = Header(text, "utf-8", maxlinelen=60).encode(linesep="\r\n").encode()
    headers, _ = split(b"Subject: " + encoded + b"\r\n\r\n")
    assert decode_words(headers.fields[0].value).split() == clean(text).split()


@given(st.binary(max_size=200))
def test_no_bytes_make_any_reader_raise(value: bytes) -> None:
    decode_words(value)
    parse_addresses(value)
    message_ids(value)
    headers, _ = split(b"Date: " + value + b"\nFrom: " + value + b"\n\n")
    headers.date()
    headers.text("from")
