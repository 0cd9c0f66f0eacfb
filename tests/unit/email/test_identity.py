"""I2: the same mail has one key, however it came; two mails never share one."""

from hypothesis import given
from hypothesis import strategies as st

from ccc_router.channels.email.inbound.identity import dedup_key
from ccc_router.channels.email.mailbox import mailbox_of
from tests.support import mails

OURS = mailbox_of(mails.mailbox(authserv_id="mx.bhxh.example.vn"))
TRACE = (
    b"Return-Path: <a@b.vn>\r\nDelivered-To: cskh@bhxh.example.vn\r\nAuthentication-Results: mx.bhxh.example.vn;\r\n dmarc=pass\r\n"
    b"Received: from x by mx.bhxh.example.vn\r\n\tid 123; Sun, 22 Nov 2026 15:26:41 +0700\r\n"
)


def test_i2_ways_in_do_not_change_the_key() -> None:
    mail = mails.a_mail(Received="from elsewhere")
    over_smtp = TRACE + mail
    again = TRACE.replace(b"123", b"456").replace(b"15:26", b"15:31") + mail
    over_imap = b"From a@b.vn Sun Nov 22 08:26:40 2026\n" + over_smtp.replace(b"\r\n", b"\n") + b"\n\n"
    keys = {dedup_key(one, OURS) for one in (over_smtp, again, over_imap)}
    assert len(keys) == 1


def test_whatever_the_sender_wrote_changes_the_key() -> None:
    base = mails.a_mail()
    others = [
        mails.a_mail("Xin hỏi!"), mails.a_mail(Subject="Khac"), mails.a_mail(X="y"), base + b"more",
        base.replace(b"Message-ID: <m1@", b"Message-ID: <m2@"),
        b"Received: a\r\nReceived: b\r\n" + base,
        b"Authentication-Results: other; x\r\n" + base,
    ]  # fmt: skip
    keys = {dedup_key(one, OURS) for one in (base, *others)}
    assert len(keys) == 1 + len(others)


def test_two_mailboxes_have_two_keys_and_plus_parts_have_one() -> None:
    other = mailbox_of(mails.mailbox("hanoi", "hanoi@bhxh.example.vn"))
    assert dedup_key(mails.a_mail(), OURS) != dedup_key(mails.a_mail(), other)
    plain = mails.parsed(mails.a_mail(), x_ccc_envelope_to=mails.ADDRESS).facts[0].key
    tagged = mails.parsed(mails.a_mail(), x_ccc_envelope_to="cskh+bhyt@bhxh.example.vn").facts[0].key
    assert plain == tagged


@given(st.binary(max_size=200))
def test_any_bytes_have_a_key(body: bytes) -> None:
    key = dedup_key(body, OURS)
    assert key.isascii()
    assert len(key) <= 300


def test_equal_message_ids_are_no_identity() -> None:
    """A Message-ID can be copied: a mail that bears another's must not be swallowed."""
    one = mails.parsed(mails.a_mail("Một")).facts[0]
    two = mails.parsed(mails.a_mail("Hai")).facts[0]
    assert one.key != two.key
    assert one.fact != two.fact
