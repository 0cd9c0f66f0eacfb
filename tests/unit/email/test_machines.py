"""Mail of machines: flagged, never acknowledged; bounces and receipts become facts about our own messages (RFC 3834, 3464)."""

import pytest

from ccc_router.events.facts import ReceiptReceived
from tests.support import mails

MACHINE = {
    "auto-replied": "auto_submitted", "auto-generated": "auto_submitted", "auto-replied-with-comment": "auto_submitted",
    "null-return-path": "null_sender", "x-autoreply": "autoreply_field", "subject-vi": "subject", "subject-en": "subject",
    "loop-token": "loop", "own-mail-come-back": "own_mail",
}  # fmt: skip
QUIET = {
    "precedence-bulk": "precedence",
    "list-id": "list",
    "list-unsubscribe": "list",
    "suppress": "suppress",
    "noreply": "robot",
}
BY_ADDRESS_ALONE = {"rfc3464-by-verp", "exchange-vi"}
PERSON = ("auto-submitted-no", "subject-of-a-person")


@pytest.mark.parametrize(("name", "sign"), MACHINE.items())
def test_a_machines_mail_is_automatic(name: str, sign: str) -> None:
    """R-21: what acts by itself acts once, and never in a circle."""
    fact, private = mails.fact(f"machines/{name}")
    assert fact.automatic
    assert not fact.acknowledge
    assert sign in private.extra["automatic"].split()


@pytest.mark.parametrize(("name", "sign"), QUIET.items())
def test_what_a_person_may_have_sent_is_read_but_not_acknowledged(name: str, sign: str) -> None:
    """A group address that forwards to us puts list fields on every mail: those people must be answered."""
    fact, private = mails.fact(f"machines/{name}")
    assert not fact.automatic
    assert not fact.acknowledge
    assert sign in private.extra["quiet"].split()


@pytest.mark.parametrize("name", PERSON)
def test_a_persons_mail_is_acknowledged(name: str) -> None:
    fact, _ = mails.fact(f"machines/{name}")
    assert not fact.automatic
    assert fact.acknowledge


def test_the_null_sender_of_the_envelope_counts() -> None:
    assert mails.message(mails.a_mail(), x_ccc_envelope_from="<>")[0].automatic
    assert not mails.message(mails.a_mail(), x_ccc_envelope_from="<khach@example.com>")[0].automatic


def test_every_case_of_the_group_is_expected_somewhere() -> None:
    named = {*MACHINE, *QUIET, *PERSON, "from-our-own-address", "web-form"}
    assert {f"machines/{name}" for name in named} == set(mails.names("machines"))


def test_our_own_mail_in_our_own_mailbox_is_ignored() -> None:
    result = mails.parsed(mails.raw("machines/from-our-own-address"))
    assert result.facts == ()
    assert result.ignored == 1


def test_a_web_form_speaks_for_the_person_in_reply_to() -> None:
    fact, private = mails.fact("machines/web-form")
    assert not fact.automatic
    assert [handle.value for handle in private.handles] == ["khach@example.com"]
    assert private.address == "khach@example.com"


def test_acknowledgements_can_be_switched_off() -> None:
    assert mails.message(mails.a_mail())[0].acknowledge
    assert not mails.message(mails.a_mail(), mails.mailbox(acknowledge="off"))[0].acknowledge


@pytest.mark.parametrize(
    ("name", "receipt", "permanent"),
    [
        ("rfc3464-permanent", "failed", True),
        ("rfc3464-temporary", "failed", False),
        ("rfc3464-delivered", "delivered", False),
        ("rfc3464-headers-only", "failed", True),
        ("rfc3464-by-verp", "failed", True),
        ("qmail", "failed", True),
        ("exchange-vi", "failed", False),
        ("read-receipt", "read", False),
    ],
)
def test_a_report_is_a_fact_about_our_message(name: str, receipt: str, permanent: bool) -> None:
    (keyed,) = mails.parsed(mails.raw(f"bounces/{name}")).facts
    fact = keyed.fact
    assert isinstance(fact, ReceiptReceived)
    assert (fact.message_ids, fact.receipt, fact.permanent) == ((mails.MESSAGE,), receipt, permanent)
    refs = fact.private.refs if fact.private else ()
    assert refs == (() if name in BY_ADDRESS_ALONE else (f"case:{mails.CASE}",))


@pytest.mark.parametrize("name", ["rfc3464-delayed", "rfc3464-of-a-stranger"])
def test_a_report_that_changes_nothing_of_ours_is_ignored(name: str) -> None:
    result = mails.parsed(mails.raw(f"bounces/{name}"))
    assert result.facts == ()
    assert result.ignored == 1


def test_a_person_who_writes_to_the_bounce_address_is_heard() -> None:
    tagged = mails.raw("bounces/exchange-vi").split(b"To: ")[1].split(b"\r\n")[0].decode()
    fact, _ = mails.message(mails.a_mail(To=tagged), x_ccc_envelope_from="<khach@example.com>")
    assert not fact.automatic
