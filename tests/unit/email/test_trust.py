"""Who is believed: our own mail server's statement about the domain in From, and nothing the mail says of itself."""

import pytest

from tests.support import mails

STRICT = mails.mailbox(authserv_id="mx.bhxh.example.vn")


def verified(name: str, **options: str) -> bool:
    endpoint = mails.mailbox(**options) if options else STRICT
    _, private = mails.fact(f"trust/{name}", endpoint)
    return private.handles[0].verified


def test_a_proven_sender_is_verified() -> None:
    assert verified("proven")


@pytest.mark.parametrize(
    "name", ["forged-below-our-received", "not-aligned", "failed", "somebody-elses", "two-addresses-in-from"]
)
def test_nothing_else_is(name: str) -> None:
    assert not verified(name)


def test_nobody_is_believed_without_a_configured_server() -> None:
    assert not verified("proven", acknowledge="on")


def test_an_untrusted_hop_proves_nothing() -> None:
    _, private = mails.fact("trust/proven", STRICT, x_ccc_hop="untrusted")
    assert not private.handles[0].verified


def test_a_server_that_writes_below_its_received_field_can_be_configured() -> None:
    assert verified("forged-below-our-received", authserv_id="mx.bhxh.example.vn", results="anywhere")


def test_a_failed_check_is_flagged_and_not_acknowledged() -> None:
    fact, private = mails.fact("trust/failed", STRICT)
    assert not fact.acknowledge
    assert private.extra["warnings"] == "sender_not_proven"
    assert not fact.automatic
