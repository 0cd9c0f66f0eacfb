"""Section 11 of the design: text of any Unicode; and Vietnamese search, order and masking."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.kernel import text

ANY = st.text(st.characters(codec=None, min_codepoint=0, max_codepoint=0x10FFFF))


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Mất điện", "Mất điện"),
        (unicodedata.normalize("NFD", "Mất điện từ 8h"), "Mất điện từ 8h"),
        ("a\0b", "ab"),
        ("Thu\0 phí", "Thu phí"),
        ("half \ud83d here", "half  here"),
        ("\udca3á", "á"),
        ("pair \ud83d\ude00", "pair 😀"),
        ("", ""),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert text.clean(raw) == cleaned


@given(ANY)
def test_what_is_clean_can_be_stored_and_stays_as_it_is(raw: str) -> None:
    cleaned = text.clean(raw)
    cleaned.encode("utf-8")
    assert "\0" not in cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert text.clean(cleaned) == cleaned


def test_a_name_keeps_no_direction_controls_and_stays_on_one_line() -> None:
    assert text.clean_name(" Trần\u202e  Thị\u2066 \r\nB\u200b\u0007 ") == "Trần Thị B"


@given(ANY)
def test_a_clean_name_is_one_printable_line(raw: str) -> None:
    name = text.clean_name(raw)
    assert len(name.splitlines()) <= 1
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    assert not any(unicodedata.bidirectional(letter) in {"LRO", "RLO", "LRE", "RLE", "PDF", "LRI"} for letter in name)


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("Đường  Trần Phú", "duong tran phu"),
        ("ĐƯỜNG TRẦN PHÚ", "duong tran phu"),
        (unicodedata.normalize("NFD", "Nguyễn Thị Ước"), "nguyen thi uoc"),
        ("BHXH", "bhxh"),
        ("  Quốc\tOai ", "quoc oai"),
    ],
)
def test_fold(raw: str, folded: str) -> None:
    assert text.fold(raw) == folded


@given(ANY)
def test_folding_again_changes_nothing(raw: str) -> None:
    assert text.fold(text.fold(raw)) == text.fold(raw)


def test_every_vowel_folds_to_a_plain_one() -> None:
    vowels = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ"
    assert len(set(vowels)) == 72
    assert {text.fold(vowel) for vowel in vowels} == set("aeiouy")


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("phone", "+84912345678", "•••• 678"),
        ("phone", "113", "••••"),
        ("email", "nguyen.an@example.vn", "n•••@example.vn"),
        ("email", "broken", "•••"),
        ("page", "6512345678901234", "•••234"),
        ("personal_id", "1234", "•••"),
    ],
)
def test_what_of_a_handle_is_shown(kind: str, value: str, shown: str) -> None:
    assert text.mask_handle(kind, value) == shown
