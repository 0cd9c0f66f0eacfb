"""The structure of mails: texts, files and their limits, and mails made to break a reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.mime import files, tree
from ccc_router.channels.email.mime.files import safe_name, sniff
from ccc_router.channels.email.mime.mail import LONGEST_TEXT, read
from ccc_router.kernel.text import clean
from tests.support import mails

PDF = b"%PDF-1.4\n"


def shown(name: str) -> list[tuple[str, str]]:
    return [(file.name, file.media_type) for file in mails.mail(f"parts/{name}").files]


def test_files_have_their_names_and_their_real_types() -> None:
    assert shown("attachments") == [
        ("giay to.pdf", "application/pdf"),
        ("Ảnh thẻ.png", "image/png"),
        ("Đơn.pdf", "application/pdf"),
    ]
    assert shown("nfd-names") == [("Thẻ bảo hiểm.pdf", "application/pdf")]


def test_names_are_safe_to_show_and_to_save() -> None:
    assert [name for name, _ in shown("bad-names")] == ["passwd.pdf", "x.pdf", "hofdp.exe.pdf", "file-4.png"]


def test_programs_and_pages_are_not_taken_whatever_they_claim_to_be() -> None:
    mail = mails.mail("parts/not-taken")
    assert mail.files == ()
    assert [(left.name, left.reason) for left in mail.left] == [
        ("a.exe", "kind"), ("a.svg", "kind"), ("a.html", "kind"), ("leer.pdf", "empty"), ("run.txt", "kind"),
    ]  # fmt: skip


def test_an_empty_plain_alternative_gives_way_to_the_html() -> None:
    mail = mails.mail("parts/empty-text-alternative")
    assert mail.text == "Chỉ có HTML"
    assert mail.html == "<p>Chỉ có <b>HTML</b></p>"
    assert len(mail.files) == 1


def test_pictures_inside_the_html_are_inline_and_remote_ones_are_gone() -> None:
    mail = mails.mail("parts/inline-image")
    assert [(file.name, file.inline) for file in mail.files] == [("logo.png", True)]
    assert "cid:img1@x" in mail.html
    assert "tracker" not in mail.html


def test_text_on_both_sides_of_a_file_is_one_text() -> None:
    mail = mails.mail("parts/text-around-a-file")
    assert mail.full_text == "Gửi trung tâm hồ sơ.\n\nVà phần sau."


def test_mails_within_mails() -> None:
    assert shown("forwarded-as-attachment") == [("Thư bên trong.eml", "message/rfc822")]
    assert mails.mail("parts/nothing-but-a-mail").text == "Noi dung ben trong."


def test_winmail_dat_is_unpacked() -> None:
    assert shown("winmail") == [("ho so.pdf", "application/pdf")]
    assert mails.mail("parts/winmail").text == "Noi dung trong winmail"


def test_uuencoded_files_are_taken_out_of_the_text() -> None:
    assert shown("uuencoded") == [("giay.pdf", "application/pdf")]
    assert mails.mail("parts/uuencoded").text == "Xem file."


def test_an_invitation_is_a_file_and_a_signature_is_nothing() -> None:
    assert shown("calendar") == [("moi.ics", "text/calendar")]
    assert shown("smime-signed") == []
    assert mails.mail("parts/smime-signed").left == ()


def test_at_most_twenty_files() -> None:
    mail = mails.mail("parts/many-files")
    assert len(mail.files) == files.MOST_FILES == 20
    assert {left.reason for left in mail.left} == {"too_many"}


def test_limits_of_one_file_and_of_all() -> None:
    taken = files.Taken()
    taken.offer("a.pdf", PDF + b"x" * files.LARGEST_FILE)
    for number in range(3):
        taken.offer(f"{number}.pdf", PDF + b"x" * (files.LARGEST_FILE - 100))
    assert [left.reason for left in taken.left] == ["too_large", "total"]
    assert sum(len(file.content) for file in taken.files) <= files.LARGEST_TOTAL


def test_a_broken_file_that_looks_like_a_bitmap_is_no_bitmap() -> None:
    assert sniff(b"BM this is prose", "x.bmp") == ""
    assert sniff(b"RIFF....ELSE", "x.wav") == ""
    assert sniff(b"\0\0\0\x18ftypheic", "x.heic") == "image/heic"
    assert sniff(b"PK\x03\x04....", "x.docx").endswith("wordprocessingml.document")
    assert sniff(b"PK\x03\x04....", "x.jar") == "application/zip"


@given(st.text(max_size=300), st.sampled_from(["application/pdf", "image/jpeg", "text/plain", ""]))
def test_no_name_leaves_its_folder_or_hides_its_ending(name: str, media_type: str) -> None:
    safe = safe_name(name, media_type, 1)
    assert safe
    assert len(safe) <= 200 or not media_type
    assert not set(safe) & set('/\\:*?"<>|\0\n\r')
    assert not safe.startswith(".")
    assert safe == clean(safe)
    assert ".." not in safe
    if media_type:
        assert safe.rpartition(".")[2].lower() in files._ENDINGS[media_type]


# Mails made to break a reader


def nested(levels: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (one, one) for one in range(levels))
    return b"From: a@example.com\n" + head + b"\nText\n" + b"y\n" * 1000


def test_depth_is_bounded() -> None:
    mail = read(nested(2_000))
    assert "too_deep" in mail.faults


def test_the_number_of_parts_is_bounded() -> None:
    mail = read(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000 + b"--b--\n")
    assert "too_many_parts" in mail.faults
    assert mail.text.count("x") <= tree.MOST_PARTS


def test_a_part_is_cut_once_not_once_for_every_level() -> None:
    """The bytes searched are at most depth × size: every level is one pass, and levels are bounded."""
    mail = read(nested(19) + b"\n--b0--\n" * 5_000)
    assert "unparsed" not in mail.faults


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text/plain; " + b"a=b;" * 20_000,
        b"Content-Type: text/plain; " + b'";' * 20_000,
        b"To: " + b"(" * 30_000,
        b"To: " + b"a," * 30_000,
        b"From: " + b'"' * 30_001,
        b"Subject: " + b"=?utf-8?q?" * 10_000,
        b"Subject: " + b"a " * 50_000,
        b"References: " + b"<a@b> " * 20_000,
        b"Date: " + b"1" * 100_000,
        b"Authentication-Results: x; " + b"(" * 50_000,
        b"X: 1\n" * 50_000 + b"Y: 2",
        b"Subject: x" + b"\n y" * 50_000,
    ],
)  # fmt: skip
def test_long_headers_are_read_within_their_limits(head: bytes) -> None:
    mail = read(head + b"\n\nXin hoi.\n")
    assert len(mail.subject) <= 500
    assert len(mail.recipients) <= 200
    assert len(mail.references) <= 100
    assert mail.text == "Xin hoi."


def test_a_text_over_the_limit_is_cut_and_says_so() -> None:
    mail = read(b"From: a@example.com\n\n" + b"abc def ghi\n" * 120_000)
    assert len(mail.full_text) <= LONGEST_TEXT
    assert "text_cut" in mail.faults


# Mails as broken programs write them


@pytest.mark.parametrize("name", mails.names("broken"))
def test_broken_mails_are_read_all_the_same(name: str) -> None:
    """Whatever is wrong with it, a person gets to see the words."""
    mail = mails.mail(name)
    assert mail.text.strip()
    assert "unparsed" not in mail.faults
    fact, private = mails.fact(name)
    assert fact.at == 0 or 946_684_800_000 < fact.at < 4_102_444_800_000, "milliseconds since the epoch, or 0"
    assert private.text.strip()


def test_details_of_broken_mails() -> None:
    assert mails.mail("broken/bad-date").date == 0
    assert mails.mail("broken/no-headers").text == "Xin hoi trung tam: toi mat so BHXH."
    assert mails.mail("broken/no-blank-line").text == "day la noi dung khong co dong trong\nDong hai."
    assert mails.mail("broken/boundary-that-never-comes").text == "Noi dung that."
    assert mails.mail("broken/bad-base64").text == "Tôi hỏi"
    assert mails.mail("broken/mbox-line").sender.address == "nguyen.a@example.com"
    assert mails.mail("broken/bare-lf").text == "Chào trung tâm"
    assert len(mails.mail("broken/unclosed-boundary").files) == 1
    assert mails.fact("broken/no-from")[1].handles == ()
    assert mails.fact("broken/group-address")[1].address == ""


def test_the_envelope_stands_in_for_a_missing_from() -> None:
    _, private = mails.fact("broken/no-from", x_ccc_envelope_from="<khach@example.com>")
    assert [handle.value for handle in private.handles] == ["khach@example.com"]
    assert private.address == "khach@example.com"


def test_a_name_that_shows_another_address_is_flagged() -> None:
    _, private = mails.fact("broken/spoofed-name")
    assert private.extra["warnings"] == "reply_to_differs name_shows_another_address"


@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    mail = read(body)
    assert "unparsed" not in mail.faults
    assert mail.full_text == clean(mail.full_text)


PIECES = st.sampled_from([
    b"From: a@b.vn\n", b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: multipart/alternative; boundary=c\n",
    b"Content-Type: text/html\n", b"Content-Type: message/rfc822\n", b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: quoted-printable\n", b"Content-Transfer-Encoding: x-uuencode\n",
    b"Content-Disposition: attachment; filename*=x''%ff\n",
    b"\n", b"\r\n", b"--b\n", b"--b--\n", b"--c\n", b"--c--\n", b"begin 644 x\n", b"end\n", b"<p>x</p>\n", b"=E1=\n", b"AAAA\n",
    b"Content-Type: multipart/report; boundary=b\n", b"Content-Type: message/delivery-status\n", b"Content-Type: application/ms-tnef\n", b" folded\n",
])  # fmt: skip


@given(st.lists(PIECES, max_size=25).map(b"".join))
def test_no_arrangement_of_parts_makes_it_raise(body: bytes) -> None:
    assert "unparsed" not in read(body).faults
    mails.parsed(body + b"x")
