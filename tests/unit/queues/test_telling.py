"""R-26: the words in which a customer is told of his wait, in both languages."""

import unicodedata

import pytest

from ccc_router.channels.email.outbound.texts import acknowledgement
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.queues.deliveries.port import Delivery
from ccc_router.queues.waits.telling import PATIENCE_MS, Standing, is_early
from ccc_router.queues.waits.words import automatic_text, wait_sentences

MINUTE = 60_000


@pytest.mark.parametrize(
    ("soon_ms", "late_ms", "vi", "en"),
    [
        (61_000, 4 * MINUTE + 1, "từ 1 phút đến 5 phút", "in 1 minute to 5 minutes"),
        (10_000, 40_000, "dưới 1 phút", "in less than 1 minute"),
        (0, 90 * MINUTE, "dưới 90 phút", "in less than 90 minutes"),
        (125 * MINUTE, 240 * MINUTE + 1, "từ 2 giờ đến 5 giờ", "in 2 hours to 5 hours"),
        (30 * MINUTE, 91 * MINUTE, "dưới 2 giờ", "in less than 2 hours"),
    ],
)
def test_r26_an_interval_goes_outwards_to_what_somebody_can_know(soon_ms: int, late_ms: int, vi: str, en: str) -> None:
    standing = Standing(position=4, soon_ms=soon_ms, late_ms=late_ms)
    in_vi, in_en = wait_sentences(standing, "vi"), wait_sentences(standing, "en")
    assert in_vi[0] == "Quý khách đang ở vị trí thứ 4 trong hàng chờ."
    assert in_en[0] == "You are number 4 in line."
    assert vi in in_vi[1]
    assert en in in_en[1]


def test_r26_what_nobody_knows_is_not_said() -> None:
    assert wait_sentences(Standing(position=2), "en") == ["You are number 2 in line."]
    [closed] = wait_sentences(Standing(closed=True, position=2, late_ms=MINUTE), "vi")
    assert closed == "Hiện đã ngoài giờ làm việc. Chúng tôi sẽ trả lời theo thứ tự khi mở cửa lại."
    [opens] = wait_sentences(Standing(closed=True, opens_at=1_800_000_000_000), "en")
    assert "We open at 15:00" in opens or "2027" in opens


@pytest.mark.parametrize("language", ["vi", "en", "fr", ""])
def test_r26_the_automatic_message_has_every_part_and_is_nfc(language: str) -> None:
    notice = {"vi": "VssID đang bảo trì.", "en": "VssID is down."}
    standing = Standing(
        position=3, soon_ms=MINUTE, late_ms=9 * MINUTE, callback=True, reference="7KQ2-M9XW-4T0", notice=notice
    )
    text = automatic_text("CSKH", standing, language)
    assert text == unicodedata.normalize("NFC", text)
    shown = "en" if language == "en" else "vi"
    assert notice[shown] in text
    for part in ("CSKH", "7KQ2-M9XW-4T0", *wait_sentences(standing, language)):
        assert part in text
    assert ("called back" in text) == (language == "en")
    assert text.endswith("This is an automatic message." if language == "en" else "Đây là tin nhắn tự động.")
    assert len(text) < 2000, "a page takes no more"


def test_r26_a_mails_acknowledgement_says_it_after_the_reference() -> None:
    text = acknowledgement("CSKH", "7KQ2-M9XW-4T0", "en", {}, wait_sentences(Standing(position=5), "en"))
    assert text.index("7KQ2-M9XW-4T0") < text.index("You are number 5 in line.") < text.index("automatic answer")
    assert acknowledgement("CSKH", "7KQ2-M9XW-4T0", "en", {}) == text.replace("\n\nYou are number 5 in line.", "")


def test_r26_it_is_waited_for_a_moment_that_somebody_foretells_it() -> None:
    delivery = Delivery(
        pool="main", id="dl_1", kind=DeliveryKind.ACKNOWLEDGEMENT, lane="x", target="x", created_at=1000
    )
    assert is_early(Standing(), delivery, 1000)
    assert not is_early(Standing(), delivery, 1000 + PATIENCE_MS)
    assert not is_early(Standing(late_ms=1), delivery, 1000)
    assert not is_early(Standing(closed=True), delivery, 1000), "nobody foretells when a closed queue answers"
