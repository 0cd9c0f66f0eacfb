"""Signatures: the vectors, the interoperability, and that nothing malformed becomes an exception."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from ccc_router.kernel import signing
from ccc_router.kernel.signing import Refusal, Verified

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes here!").decode()
NOW = 1763800000
BODY = (
    b'{"type":"ccc.escalation.opened","timestamp":"2026-11-22T08:26:40.000Z",'
    b'"data":{"escalation_id":"esc_01","contact_id":"ct_01"}}'
)
KEYS = signing.keys_of([SECRET])
HEADERS = {
    "webhook-id": "msg_01",
    "webhook-timestamp": str(NOW),
    "webhook-signature": "v1,EfCzV7yGjVqIwKCY9Jp5d0wzMpKEgg5Uh1lQCZwQDFo=",
}


def test_the_vector_is_signed_and_verified() -> None:
    assert signing.sign(KEYS, "msg_01", NOW, BODY) == HEADERS
    assert signing.verify(KEYS, HEADERS, BODY, NOW) == Verified("msg_01", NOW)


@pytest.mark.parametrize("index", range(len(BODY)))
def test_one_altered_byte_of_the_body_is_refused(index: int) -> None:
    altered = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
    assert signing.verify(KEYS, HEADERS, altered, NOW) is Refusal.NO_MATCH


@pytest.mark.parametrize("name", list(HEADERS))
def test_every_header_is_needed_and_covered(name: str) -> None:
    without = {key: value for key, value in HEADERS.items() if key != name}
    assert signing.verify(KEYS, without, BODY, NOW) is Refusal.MISSING_HEADER
    assert signing.verify(KEYS, {**HEADERS, name: ""}, BODY, NOW) is Refusal.MISSING_HEADER


def test_another_id_or_time_is_refused() -> None:
    assert signing.verify(KEYS, {**HEADERS, "webhook-id": "msg_02"}, BODY, NOW) is Refusal.NO_MATCH
    assert signing.verify(KEYS, {**HEADERS, "webhook-timestamp": str(NOW + 1)}, BODY, NOW) is Refusal.NO_MATCH


@pytest.mark.parametrize(
    ("off_s", "answer"),
    [
        (301, Refusal.TOO_OLD),
        (299, Verified("msg_01", NOW)),
        (300, Verified("msg_01", NOW)),
        (-299, Verified("msg_01", NOW)),
        (-301, Refusal.TOO_NEW),
    ],
)
def test_five_minutes_either_way(off_s: int, answer: Verified | Refusal) -> None:
    assert signing.verify(KEYS, HEADERS, BODY, NOW + off_s) == answer


def test_a_rotation_signs_with_both_keys_and_accepts_either() -> None:
    """R-20: what is owed is in the transaction that decided it, signed with one id, tried again with jitter, parked where a person sees it."""
    old_and_new = signing.keys_of([SECRET, OTHER])
    headers = signing.sign(old_and_new, "msg_01", NOW, BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    for keys in (KEYS, signing.keys_of([OTHER]), old_and_new):
        assert signing.verify(keys, headers, BODY, NOW) == Verified("msg_01", NOW)
    assert signing.verify(signing.keys_of([OTHER]), HEADERS, BODY, NOW) is Refusal.NO_MATCH


def test_the_reference_library_accepts_ours_and_we_accept_its() -> None:
    library = Webhook(SECRET)
    now = int(datetime.now(UTC).timestamp())  # noqa: TID251 - the library reads the machine's clock
    library.verify(BODY, signing.sign(signing.keys_of([OTHER, SECRET]), "msg_01", now, BODY))
    theirs = library.sign("msg_01", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    assert signing.verify(KEYS, {**HEADERS, "webhook-signature": theirs}, BODY, NOW) == Verified("msg_01", NOW)


def test_header_names_in_any_case() -> None:
    assert signing.verify(KEYS, {key.title(): value for key, value in HEADERS.items()}, BODY, NOW) == Verified(
        "msg_01", NOW
    )


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "đường", "whsec_" + "A" * 400])
def test_a_malformed_secret_is_no_key(secret: str) -> None:
    assert signing.key_of(secret) is None
    assert signing.verify(signing.keys_of([secret]), HEADERS, BODY, NOW) is Refusal.NO_KEY


@pytest.mark.parametrize("stamp", ["-1", "1e9", "１７６３８００００００", "9" * 5000, "1763800000.5", " 1763800000"])
def test_a_malformed_timestamp_is_a_value(stamp: str) -> None:
    assert signing.verify(KEYS, {**HEADERS, "webhook-timestamp": stamp}, BODY, NOW) is Refusal.MALFORMED_TIMESTAMP


def test_an_id_with_a_full_stop_would_let_one_signature_stand_for_two_messages() -> None:
    signed = signing.sign(KEYS, "msg", NOW, f"{NOW}.".encode() + BODY)
    moved = {**signed, "webhook-id": f"msg.{NOW}"}
    assert signing.verify(KEYS, moved, BODY, NOW) is Refusal.MALFORMED_ID
    with pytest.raises(ValueError, match="full stop"):
        signing.sign(KEYS, "a.b", NOW, BODY)


@given(signatures=st.text(min_size=1), message_id=st.text(min_size=1), stamp=st.text(min_size=1), body=st.binary())
def test_garbage_is_refused_and_never_raises(signatures: str, message_id: str, stamp: str, body: bytes) -> None:
    headers = {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signatures}
    assert isinstance(signing.verify(KEYS, headers, body, NOW), Refusal)


def test_unknown_versions_are_passed_over() -> None:
    header = "v1a,AAAA v2,BBBB v1,%%% v1," + "é v1 , " + HEADERS["webhook-signature"]
    assert signing.verify(KEYS, {**HEADERS, "webhook-signature": header}, BODY, NOW) == Verified("msg_01", NOW)


@given(one=st.text(), other=st.text())
def test_same_takes_any_text(one: str, other: str) -> None:
    assert signing.same(one, other) == (one == other)


def test_a_key_survives_being_written() -> None:
    assert signing.secret_of(KEYS[0]) == SECRET
    with pytest.raises(ValueError, match="24 to 64"):
        signing.secret_of(b"short")


def test_plain_hmac_digests() -> None:
    assert (
        signing.hex_digest(b"CS123", b'{"ticket_id":1}', "sha1").upper() == "420A69CE7D3C36559E9828D6361530DF30065D37"
    )
    assert signing.digest(b"CS123", b"x").hex() == signing.hex_digest(b"CS123", b"x")
