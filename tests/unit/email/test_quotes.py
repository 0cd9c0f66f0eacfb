"""The writer's own words, without the mail he answers; the full text is always kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.mime import quotes
from ccc_router.channels.email.mime.quotes import strip_quotes
from tests.support import mails

NEW = "Cảm ơn trung tâm, tôi đã nhận được thẻ."
OLD = "Thư cũ của trung tâm gửi hôm trước."
CUT = [
    "gmail-vi", "gmail-vi-wrapped", "gmail-en", "apple-vi", "apple-ngay", "outlook-vi", "outlook-en", "zimbra-vi", "zimbra-en",
    "yahoo-vi", "thunderbird-vi", "outlook-mobile", "gmail-html-only",
]  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_what_each_program_quotes_is_cut_and_kept(name: str) -> None:
    mail = mails.mail(f"quotes/{name}")
    assert mail.text == NEW
    assert NEW in mail.full_text
    assert OLD in mail.full_text


def test_a_signature_is_cut_after_its_rule() -> None:
    mail = mails.mail("quotes/signature")
    assert mail.text == NEW
    assert "Phòng nhân sự" in mail.full_text


def test_answers_between_the_lines_keep_the_questions() -> None:
    text = mails.mail("quotes/interleaved").text
    for line in ("Số sổ BHXH là gì?", "Số của tôi ở trong ảnh.", "Quê quán ở đâu?", "Hà Nội."):
        assert line in text


def test_words_that_only_look_like_a_quote_stay() -> None:
    mail = mails.mail("quotes/no-quote")
    assert mail.text == mail.full_text.strip()
    assert mail.text.endswith("Xin cảm ơn.")


def test_a_mail_of_nothing_but_a_quote_is_shown_whole() -> None:
    assert OLD in mails.mail("quotes/only-quote").text


def test_a_forward_keeps_the_words_above_it() -> None:
    mail = mails.mail("quotes/forwarded")
    assert mail.text == "Xin chuyển trung tâm xem."
    assert OLD in mail.full_text


@given(st.text(max_size=300))
def test_any_text_is_cut_to_a_part_of_itself(text: str) -> None:
    result = strip_quotes(text)
    assert len(result) <= len(text)
    assert bool(result) == bool(text.strip())


@pytest.mark.parametrize(
    "unit",
    ["On ", "On a\n", "Vào a\n", "\n", " ", "> ", "> > > a\n", "From: a\n", "Từ: a\n", "-", "_", "On abc wrote:\n> x\n", "a@b \n",
     "2026-11-22 @@@\n", "-- thư gốc -\n", "On " + "a@b " * 95 + "\n", "sent from my x\n"],
)  # fmt: skip
def test_the_patterns_look_at_a_bounded_number_of_letters(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text makes the search for a quote grow faster than the text: the letters given to patterns are counted, not the time."""
    seen = 0

    class Counting:
        def __init__(self, pattern: object) -> None:
            self._pattern = pattern

        def match(self, text: str) -> object:
            nonlocal seen
            seen += len(text)
            return self._pattern.match(text)  # type: ignore[attr-defined]

        def fullmatch(self, text: str) -> object:
            nonlocal seen
            seen += len(text)
            return self._pattern.fullmatch(text)  # type: ignore[attr-defined]

    for name in ("_WROTE", "_SEPARATOR", "_RULE", "_FROM", "_OTHER_FIELD", "_DEVICE", "_BEGINNINGS"):
        monkeypatch.setitem(vars(quotes), name, Counting(getattr(quotes, name)))
    strip_quotes(unit * (1_000_000 // len(unit)))
    # Each of the first lines goes to at most a few patterns, never with more than the longest line's letters.
    assert seen <= 12 * quotes._MOST_LINES * quotes._LONGEST_LINE
    assert seen <= 12 * 1_000_000
