"""Outgoing mail, byte by byte: References that survive folding, headers nobody can inject into, Vietnamese that arrives."""

import email
import re
from email import policy

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccc_router.channels.email.mime.headers import decode_words
from ccc_router.channels.email.mime.legacy import recognise
from ccc_router.channels.email.mime.mail import read
from ccc_router.channels.email.outbound import texts
from ccc_router.channels.email.outbound.compose import Enclosure, Letter, compose
from ccc_router.kernel.text import clean, clean_name
from tests.support import mails

LONG_IDS = tuple(f"<{number:02d}.{'x' * 90}@mail.example.com>" for number in range(12))


def a_letter(**changes: object) -> Letter:
    fields: dict[str, object] = {
        "message_id": mails.MESSAGE_ID,
        "sender": mails.ADDRESS,
        "sender_name": "Trung tâm Chăm sóc khách hàng",
        "to": "khach@example.com",
        "subject": "Re: Thẻ BHYT [#1A2B-3C4D-5E6]",
        "text": "Kính gửi Quý khách,\n\nThẻ đã được gửi.",
        "written_at": mails.RECEIVED_AT,
    } | changes
    return Letter(**fields)  # type: ignore[arg-type]


def head_of(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]


def fields_of(raw: bytes) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for field in re.split(rb"\r\n(?![ \t])", head_of(raw)):
        name, _, value = field.partition(b":")
        found.setdefault(name.decode().lower(), []).append(value.strip())
    return found


def test_references_survive_folding() -> None:
    """The standard library would write «=?utf-8?q?=3C…»; every id stands here as it is, one a line."""
    raw = compose(a_letter(in_reply_to=LONG_IDS[-1], references=LONG_IDS))
    head = head_of(raw)
    assert b"\r\nReferences: " + "\r\n ".join(LONG_IDS).encode() + b"\r\n" in head + b"\r\n"
    assert b"\r\nIn-Reply-To: " + LONG_IDS[-1].encode() + b"\r\n" in head
    assert b"=3C" not in head
    assert b"=?" not in fields_of(raw)["references"][0]
    assert max(map(len, head.split(b"\r\n"))) < 150
    assert read(raw).references == LONG_IDS


def test_our_own_ids_stand_as_they_are() -> None:
    raw = compose(a_letter())
    assert b"\r\nMessage-ID: " + mails.MESSAGE_ID.encode() + b"\r\n" in raw
    issued = mails.THREADING.issued(read(raw).message_id)
    assert issued is not None
    assert issued.case_id == mails.CASE


def test_long_threads_keep_their_root_and_their_newest() -> None:
    ids = tuple(f"<{number}@x.example>" for number in range(60))
    references = read(compose(a_letter(references=ids))).references
    assert references == (ids[0], *ids[-19:])


def test_what_is_no_id_is_left_out() -> None:
    raw = compose(
        a_letter(in_reply_to="<a b@c>", references=("nothing", "<a>\r\nBcc: x@y.vn", "<ok@x.vn>", "<đ@x.vn>"))
    )
    assert "in-reply-to" not in fields_of(raw)
    assert read(raw).references == ("<ok@x.vn>",)


def test_a_reader_sees_text_html_and_files() -> None:
    files = (
        Enclosure("Giấy xác nhận.pdf", "application/pdf", b"%PDF-1.4\n"),
        Enclosure("a.eml", "message/rfc822", b"x"),
    )
    message = email.message_from_bytes(compose(a_letter(files=files)), policy=policy.default)
    assert message["subject"] == "Re: Thẻ BHYT [#1A2B-3C4D-5E6]"
    assert message["from"] == f"Trung tâm Chăm sóc khách hàng <{mails.ADDRESS}>"
    assert [part.get_filename() for part in message.iter_attachments()] == ["Giấy xác nhận.pdf", "a.eml"]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == "Kính gửi Quý khách,\n\nThẻ đã được gửi.\n"
    assert "<p>Thẻ đã được gửi.</p>" in html.get_content()


def test_the_same_letter_has_the_same_bytes() -> None:
    """A second attempt sends what the first one sent."""
    letter = a_letter(files=(Enclosure("a.pdf", "application/pdf", b"%PDF-"),))
    assert compose(letter) == compose(letter)


def test_markup_in_a_text_is_text() -> None:
    message = email.message_from_bytes(compose(a_letter(text='<script>alert(1)</script> & "x"')), policy=policy.default)
    html = message.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()


@pytest.mark.parametrize("address", ["a@b.vn\r\nBcc: x@y.vn", "a", "", "a@b.vn, c@d.vn", "a@b.vn>", "a b@c.vn"])
def test_a_bad_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="valid"):
        compose(a_letter(to=address))


EXPECTED = {
    "date", "from", "to", "message-id", "subject", "reply-to", "in-reply-to", "references", "content-language", "mime-version",
    "content-type", "x-test",
}  # fmt: skip
HOSTILE = st.text(max_size=80) | st.sampled_from([
    "x\r\nBcc: evil@example.net", "x\nSubject: y", "x\r\n\r\nbody", "\r\n", "x\u2028Bcc: y", "x\x85Bcc: y", "\x0b\x0c", "=?utf-8?q?=0D=0ABcc:_x?=",
    "\ud83d", "a\x00b",
])  # fmt: skip


@given(subject=HOSTILE, name=HOSTILE, to_name=HOSTILE, reference=HOSTILE, extra=HOSTILE, reply_to=HOSTILE, file=HOSTILE)
def test_no_text_injects_a_field(
    subject: str, name: str, to_name: str, reference: str, extra: str, reply_to: str, file: str
) -> None:
    letter = a_letter(
        subject=subject, sender_name=name, to_name=to_name, references=(reference,), in_reply_to=reference,
        extra={"X-Test": extra}, reply_to=reply_to, files=(Enclosure(file, "application/pdf", b"%PDF-"),),
    )  # fmt: skip
    raw = compose(letter)
    fields = fields_of(raw)
    assert set(fields) <= EXPECTED
    assert all(len(values) == 1 for values in fields.values())
    assert all(re.fullmatch(rb"[!-9;-~]+: ?.*|[ \t].*", line) for line in head_of(raw).split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@given(st.text(max_size=150))
def test_any_subject_and_name_arrive_as_they_were(text: str) -> None:
    assume(recognise(clean_name(text), 5) is None)  # letters that look like a font encoding are read as one
    raw = compose(a_letter(subject=text, sender_name=text))
    mail = read(raw)
    assert mail.subject.split() == clean_name(text).split()
    assert decode_words(fields_of(raw)["subject"][0].replace(b"\r\n", b"")).split() == clean_name(text).split()
    assert mail.sender.address == mails.ADDRESS
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^ \r\n]+\?=", head_of(raw)))


@given(st.text(max_size=300))
def test_any_text_arrives_as_it_was(text: str) -> None:
    message = email.message_from_bytes(compose(a_letter(text=text)), policy=policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == clean(text).split()


def test_subjects_have_one_prefix_and_one_tag() -> None:
    tag = "1A2B-3C4D-5E6"
    assert texts.subject("Thẻ BHYT", tag, "vi") == f"Re: Thẻ BHYT [#{tag}]"
    assert texts.subject(f"RE: Fwd: TL: Thẻ BHYT [#{tag}]", tag, "vi") == f"Re: Thẻ BHYT [#{tag}]"
    assert texts.subject("", tag, "vi") == f"Re: (không có tiêu đề) [#{tag}]"
    assert texts.subject("", tag, "en") == f"Re: (no subject) [#{tag}]"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_texts_name_the_reference_in_both_languages(language: str) -> None:
    for text in (texts.acknowledgement("CSKH", "1A2B", language, {}), texts.answer("Chào", "CSKH", "1A2B", language)):
        assert "1A2B" in text
        assert "{" not in text


@pytest.mark.parametrize(("language", "told"), [("vi", "Đang bảo trì {x}."), ("en", "Down for {x}.")])
def test_an_acknowledgement_bears_a_notice_in_its_language(language: str, told: str) -> None:
    notice = {"vi": "Đang bảo trì {x}.", "en": "Down for {x}."}
    plain = texts.acknowledgement("CSKH", "1A2B", language, {})
    assert texts.acknowledgement("CSKH", "1A2B", language, notice).replace(told + "\n\n", "") == plain
