"""Bytes to Vietnamese, whatever the label says (part 5: windows-1258, unknown charsets, TCVN3, VNI)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.mime import legacy
from ccc_router.channels.email.mime.charsets import decode
from ccc_router.kernel.text import clean
from tests.support import mails

VI = "Tôi chưa nhận được thẻ BHYT mới. Cộng hoà xã hội chủ nghĩa Việt Nam. Kính gửi Trung tâm chăm sóc khách hàng."


@pytest.mark.parametrize(
    "name",
    [
        "utf8-8bit", "utf8-base64", "utf8-quoted-printable", "windows-1258", "windows-1258-unlabelled", "tcvn3-as-latin1",
        "tcvn-named", "tcvn3-in-utf8", "vni-as-latin1", "viscii", "unknown-8bit", "codec-that-is-no-charset", "decomposed",
    ],
)  # fmt: skip
def test_r35_every_encoding_gives_the_same_vietnamese(name: str) -> None:
    mail = mails.mail(f"charsets/{name}")
    assert mail.text == VI
    assert unicodedata.is_normalized("NFC", mail.text)
    assert not [fault for fault in mail.faults if fault.startswith("lossy")]


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("windows-1258", "Thẻ BHYT"),
        ("tcvn3-as-latin1", "Cộng hoà xã hội"),
        ("split-encoded-words", "Thẻ bảo hiểm y tế"),
        ("raw-utf8-headers", "Thẻ bảo hiểm y tế"),
        ("unknown-8bit", "Thẻ BHYT"),
        ("decomposed", "Thẻ bảo hiểm y tế"),
    ],
)
def test_subjects_are_read_like_bodies(name: str, subject: str) -> None:
    assert mails.mail(f"charsets/{name}").subject == subject


def test_the_name_of_the_writer_is_read_from_encoded_words_and_raw_utf8() -> None:
    assert mails.mail("charsets/utf8-8bit").sender == ("Nguyễn Văn A", "nguyen.a@example.com")
    assert mails.mail("charsets/raw-utf8-headers").sender == ("Nguyễn Văn A", "nguyen.a@example.com")


def test_other_latin_languages_are_not_taken_for_vietnamese() -> None:
    assert mails.mail("charsets/french-latin1").text == "Déjà reçu à la caisse, merci."
    for text in ("Größe für Übung, schöne Grüße", "Mañana llegará el niño", "Tôi hỏi về thẻ", "naïve café"):
        assert decode(text.encode()).text == text


def test_nul_and_utf16_and_meta_charset() -> None:
    assert mails.mail("charsets/nul-bytes").text == "Tôi hỏi."
    assert mails.mail("charsets/utf16-html").text == "Tôi hỏi"
    assert mails.mail("charsets/html-meta-charset").text == "Tôi chưa nhận được thẻ"


def test_labels_never_choose_a_codec_that_is_no_charset() -> None:
    for label in (
        "unicode_escape",
        "raw_unicode_escape",
        "idna",
        "punycode",
        "zip",
        "base64",
        "rot13",
        "undefined",
        "mbcs",
    ):
        assert decode(b"a\\x41", label).text == "a\\x41"


def test_a_cut_letter_costs_only_itself() -> None:
    read = decode("Cộng hoà xã hội chủ nghĩa Việt Nam đường".encode()[:-2], "utf-8")
    assert read.text.startswith("Cộng hoà xã hội chủ nghĩa Việt Nam đườ")
    assert decode(b"Vi\xe1\xbb", "utf-8").text.startswith("Vi")


@given(
    st.binary(max_size=200),
    st.text(max_size=20) | st.sampled_from(["utf-8", "utf-7", "utf-16", "big5", "hz", "viscii", "tcvn"]),
)
def test_no_bytes_and_no_label_make_it_raise(data: bytes, label: str) -> None:
    read = decode(data, label)
    assert read.text == clean(read.text)
    assert "\0" not in read.text


VOWELS = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"


@given(st.lists(st.sampled_from("bcdghklmnpqrstvxaeiouy" + VOWELS + " "), max_size=60).map("".join))
def test_the_tables_lose_no_letter(text: str) -> None:
    """What each encoding can write comes back letter by letter."""
    tcvn = {letter: place for place, letter in legacy._TCVN.items()}
    viscii = {letter: place for place, letter in legacy._VISCII.items()}
    assert legacy.from_tcvn3("".join(chr(tcvn.get(letter, ord(letter))) for letter in text)) == text
    assert legacy.from_viscii("".join(chr(viscii.get(letter, ord(letter))) for letter in text)) == text


def test_every_vni_pair_is_read() -> None:
    assert set(VOWELS) <= set(legacy._VNI.values())
    assert legacy.from_vni("Coäng hoaø xaõ hoäi chuû nghóa Vieät Nam") == "Cộng hoà xã hội chủ nghĩa Việt Nam"
    assert legacy.from_vni("ÑÖÔØNG TRAÀN PHUÙ, Ñöôøng") == "ĐƯỜNG TRẦN PHÚ, Đường"
