"""What fanpage events mean to us, one by one."""

import json
from pathlib import Path

import pytest

from ccc_router.channels.channel import Parsed, Unreadable
from ccc_router.channels.fanpage.adapter import FanpageAdapter, challenge
from ccc_router.channels.found import message_id
from ccc_router.events.facts import (
    AnsweredOutside,
    DeliveryReported,
    Handle,
    MessageChanged,
    MessageReceived,
    Private,
    ReceiptReceived,
)
from ccc_router.events.vocabulary import DeliveryState
from ccc_router.kernel.clock import from_ms
from tests.contract.cases.fanpage import FIXTURES, PAGE, SECRET, deliver, fixture
from tests.support.channel_case import RECEIVED_AT, a_request

ADAPTER = FanpageAdapter()
PERSON = "6512345678901234"


def parse(name: str) -> Parsed:
    result = ADAPTER.parse(deliver(fixture(name)), PAGE, {})
    assert isinstance(result, Parsed)
    return result


def one(name: str) -> object:
    result = parse(f"told/{name}")
    assert (len(result.facts), result.ignored) == (1, 0)
    return result.facts[0].fact


def private_of(fact: object) -> Private:
    assert isinstance(fact, MessageReceived | AnsweredOutside | MessageChanged | ReceiptReceived | DeliveryReported)
    assert fact.private is not None
    return fact.private


def test_a_message_becomes_a_contact_of_its_conversation() -> None:
    fact = one("message")
    assert isinstance(fact, MessageReceived)
    assert fact.form == "message"
    assert fact.at == 1795335999000
    assert fact.message_id == message_id("page-1", "mid:m_KXGK7f-text")
    private = private_of(fact)
    assert private.text == "Tôi chưa nhận được thẻ BHYT mới"
    assert private.handles == (Handle("page_scoped_id", f"page-1:{PERSON}"),)
    assert private.refs == private.own_refs == (f"conversation:page-1:{PERSON}",)
    assert private.address == f"psid:{PERSON}"


def test_a_page_scoped_id_is_never_verified() -> None:
    """One customer on two channels is the same only by a verified handle; a page's id proves nothing elsewhere."""
    for path in (FIXTURES / "told").glob("*.json"):
        for keyed in parse(f"told/{path.stem}").facts:
            private = keyed.fact.private
            assert private is None or not any(handle.verified for handle in private.handles)


def test_files_are_kept_as_addresses() -> None:
    files = json.loads(private_of(one("attachments")).extra["attachments"])
    assert [file["type"] for file in files] == ["image", "file"]
    assert files[0]["url"].startswith("https://scontent.xx.fbcdn.net/")


def test_quick_replies_and_postbacks_keep_what_was_pressed() -> None:
    assert private_of(one("quick_reply")).extra["quick_reply"] == "TOPIC_MATERNITY"
    pressed = one("postback")
    assert isinstance(pressed, MessageReceived)
    assert pressed.form == "postback"
    assert private_of(pressed).text == "Bắt đầu"
    assert private_of(pressed).extra == {"postback": "GET_STARTED", "referral": "banner-1"}
    assert isinstance(one("postback_without_mid"), MessageReceived)


def test_a_pressed_topic_is_the_contacts_topic() -> None:
    page = type(PAGE)(
        **{name: getattr(PAGE, name) for name in PAGE.__struct_fields__} | {"topics": {"TOPIC_MATERNITY": "maternity"}}
    )
    result = ADAPTER.parse(deliver(fixture("told/quick_reply")), page, {})
    assert isinstance(result, Parsed)
    fact = result.facts[0].fact
    assert isinstance(fact, MessageReceived)
    assert fact.topic == "maternity"


def test_our_echo_says_our_delivery_arrived() -> None:
    """Also when it comes before the answer to our call: it needs nothing but our mark."""
    fact = one("our_echo")
    assert isinstance(fact, DeliveryReported)
    assert (fact.state, fact.external_id) == (DeliveryState.SENT, "m_KXGK7f-ours")
    assert fact.delivery_id == "dl_0123456789abcdefghjkmnpqrs"
    assert fact.message_id == "ms_0123456789abcdefghjkmnpqrs"
    assert fact.contact_id == "ct_0123456789abcdefghjkmnpqrs"
    assert fact.private is None


def test_the_echo_of_a_private_reply_ties_its_conversation_to_the_comments_case() -> None:
    private = private_of(one("private_reply_echo"))
    assert private.refs == ("case:cs_0123456789abcdefghjkmnpqrs",)
    assert private.own_refs == ("conversation:page-1:6512345678901235",)


def test_somebody_elses_echo_is_an_answer_outside() -> None:
    fact = one("foreign_echo")
    assert isinstance(fact, AnsweredOutside)
    assert private_of(fact).refs == (f"conversation:page-1:{PERSON}",)
    assert private_of(fact).text == "Trả lời từ hộp thư của trang."


@pytest.mark.parametrize(
    "metadata", ["", "ccc", "ccc:dl_1:ms_1:ct_1:", "ccc:dl_0123456789abcdefghjkmnpqrs", "x" * 1000, 7, None]
)
def test_a_mark_that_is_not_ours_is_foreign(metadata: object) -> None:
    document = json.loads(fixture("told/our_echo"))
    document["entry"][0]["messaging"][0]["message"]["metadata"] = metadata
    result = ADAPTER.parse(deliver(json.dumps(document).encode()), PAGE, {})
    assert isinstance(result, Parsed)
    assert isinstance(result.facts[0].fact, AnsweredOutside)


def test_deletions_and_edits_find_their_message() -> None:
    deleted, edited = one("deleted"), one("edited")
    assert isinstance(deleted, MessageChanged)
    assert isinstance(edited, MessageChanged)
    assert deleted.message_id == edited.message_id == message_id("page-1", "mid:m_KXGK7f-text")
    assert (deleted.change, deleted.private) == ("deleted", None)
    assert private_of(edited).text.endswith("(đã sửa)")


def test_receipts_hold_up_to_their_watermark() -> None:
    delivered, seen = one("delivered"), one("read")
    assert isinstance(delivered, ReceiptReceived)
    assert isinstance(seen, ReceiptReceived)
    assert (delivered.receipt, delivered.watermark) == ("delivered", 1795336004100)
    assert (seen.receipt, seen.watermark) == ("read", 1795336008000)
    assert private_of(seen).refs == (f"conversation:page-1:{PERSON}",)


def test_a_comment_threads_by_comment_and_author() -> None:
    first, second = one("comment"), one("comment_reply")
    assert isinstance(first, MessageReceived)
    assert first.form == "comment"
    assert first.at == 1795335990000
    assert private_of(first).name == "Người bình luận"
    assert private_of(first).address == "comment:194260390126069_77"
    assert set(private_of(second).refs) <= set(private_of(first).own_refs)
    assert private_of(second).address == "comment:194260390126069_78"


def test_a_strangers_reply_below_a_comment_is_a_matter_of_its_own() -> None:
    document = json.loads(fixture("told/comment_reply"))
    document["entry"][0]["changes"][0]["value"]["from"]["id"] = "6512345678901777"
    result = ADAPTER.parse(deliver(json.dumps(document).encode()), PAGE, {})
    assert isinstance(result, Parsed)
    assert not set(private_of(result.facts[0].fact).refs) & set(private_of(one("comment")).own_refs)


def test_a_comments_author_and_a_conversations_person_are_not_the_same() -> None:
    assert private_of(one("comment")).handles == (Handle("page_scoped_id", "page-1:feed:6512345678901299"),)
    assert private_of(one("comment_without_author")).handles == ()


def test_changed_comments_find_theirs() -> None:
    ours = message_id("page-1", "comment:194260390126069_77")
    found = [one(name) for name in ("comment_edited", "comment_removed", "comment_hidden")]
    assert [(fact.message_id, fact.change) for fact in found if isinstance(fact, MessageChanged)] == [
        (ours, "edited"),
        (ours, "deleted"),
        (ours, "hidden"),
    ]


def test_a_batch_is_split_and_each_event_told_once() -> None:
    result = parse("told/batch")
    assert [keyed.key for keyed in result.facts] == ["mid:m_KXGK7f-b1", "mid:m_KXGK7f-b2", "comment:194260390126069_90"]
    assert result.ignored == 1


@pytest.mark.parametrize("name", sorted(path.stem for path in (FIXTURES / "ignored").glob("*.json")))
def test_what_is_no_business_of_ours_is_counted(name: str) -> None:
    result = parse(f"ignored/{name}")
    assert result.facts == ()
    assert result.ignored >= 1


def test_another_pages_events_are_ignored_when_the_page_is_named() -> None:
    document = json.loads(fixture("told/message"))
    document["entry"][0]["id"] = "999"
    result = ADAPTER.parse(deliver(json.dumps(document).encode()), PAGE, {})
    assert isinstance(result, Parsed)
    assert (result.facts, result.ignored) == ((), 1)


def test_ids_stay_strings_whatever_their_size() -> None:
    """2^53 and more do not fit a float; Meta sends some ids as numbers."""
    document = json.loads(fixture("told/message"))
    document["entry"][0]["messaging"][0]["sender"]["id"] = 65123456789012345678
    result = ADAPTER.parse(deliver(json.dumps(document).encode()), PAGE, {})
    assert isinstance(result, Parsed)
    assert private_of(result.facts[0].fact).address == "psid:65123456789012345678"


def test_a_body_without_entries_is_unreadable() -> None:
    for body in (b"[]", b"{}", b'{"entry":7}', b"", b"\xff", b"[" * 100_000):
        assert isinstance(ADAPTER.parse(deliver(body), PAGE, {}), Unreadable)


VECTOR = "sha256=d507ed17ee3d65dcf3b9c19a8e597609b807100f25e91c2f51b1d628fec57bb6"
PATH = "/v1/channels/fanpage/page-1/webhook"


def verified(body: bytes, signature: str) -> bool:
    request = a_request(PATH, body, {"x-hub-signature-256": signature})
    return ADAPTER.verify(request, PAGE, (SECRET,), from_ms(RECEIVED_AT)) is None


def test_the_signature_vector_holds_and_each_changed_byte_is_refused() -> None:
    body = fixture("vector")
    assert verified(body, VECTOR)
    assert not any(verified(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], VECTOR) for at in range(len(body)))
    for at in range(len(VECTOR)):
        changed = VECTOR[:at] + ("0" if VECTOR[at] != "0" else "1") + VECTOR[at + 1 :]
        assert not verified(body, changed)


def test_the_same_document_written_otherwise_is_refused() -> None:
    """Meta escapes what is not ASCII; whoever parses and writes again signs other bytes."""
    body = fixture("vector")
    again = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
    assert again != body
    assert not verified(again, VECTOR)


def test_the_challenge_is_answered_only_to_who_knows_the_token() -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": "1158201444"}
    assert challenge(asked, ("old", "ours")) == "1158201444"
    assert challenge(asked, ("other",)) is None
    assert challenge(asked, ()) is None
    assert challenge({**asked, "hub.mode": "unsubscribe"}, ("ours",)) is None
    assert challenge({}, ("",)) is None


def test_fixture_files_are_ours_and_escaped_as_meta_escapes() -> None:
    for path in Path(FIXTURES).rglob("*.json"):
        assert path.read_bytes().isascii()
