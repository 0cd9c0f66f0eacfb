"""HMAC signatures: constant-time comparison, and Standard Webhooks signing and verifying.

Whoever sends us bad headers gets a value back, never an exception: a forged request must not become a 500.
The rules are those of the Standard Webhooks specification (symmetric signatures, `v1`).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

TOLERANCE_S: Final = 300
ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public mark of a secret, not one
_SHORTEST_KEY: Final = 24  # bytes; the specification's lower and upper bound
_LONGEST_KEY: Final = 64
_MOST_SIGNATURES: Final = 16  # a header may list several during a rotation; no sender needs more
_LONGEST_TIMESTAMP: Final = 12

Algorithm = Literal["sha1", "sha256"]


class Refusal(StrEnum):
    """Why a signature was not accepted."""

    MISSING_HEADER = "missing_header"
    MALFORMED_ID = "malformed_id"
    MALFORMED_TIMESTAMP = "malformed_timestamp"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    NO_KEY = "no_key"
    NO_MATCH = "no_match"


@dataclass(frozen=True, slots=True)
class Verified:
    """The signature is good. `message_id` is the sender's idempotency key, `signed_at` its Unix time in seconds."""

    message_id: str
    signed_at: int


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Compare in constant time. Takes any text, also what is not ASCII."""
    return hmac.compare_digest(_raw(given), _raw(expected))


def digest(key: bytes, body: bytes, algorithm: Algorithm = "sha256") -> bytes:
    """The raw HMAC of the body."""
    return hmac.new(key, body, algorithm).digest()


def hex_digest(key: bytes, body: bytes, algorithm: Algorithm = "sha256") -> str:
    """The HMAC of the body in lower-case hex."""
    return hmac.new(key, body, algorithm).hexdigest()


@lru_cache(maxsize=256)
def key_of(secret: str) -> bytes | None:
    """The key inside a `whsec_…` secret (the prefix may be missing), or None when it is no such secret."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if _SHORTEST_KEY <= len(key) <= _LONGEST_KEY else None


def keys_of(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """The keys of all well-formed secrets, in their order."""
    return tuple(key for key in map(key_of, secrets) if key is not None)


def secret_of(key: bytes) -> str:
    """Write a key as a `whsec_…` secret. Raises ValueError for a key of under 24 or over 64 bytes."""
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise ValueError(f"a key has {_SHORTEST_KEY} to {_LONGEST_KEY} bytes")
    return _SECRET_PREFIX + base64.b64encode(key).decode()


def sign(keys: Sequence[bytes], message_id: str, signed_at: int, body: bytes) -> dict[str, str]:
    """The three headers for one attempt; `signed_at` is Unix time in seconds, new at each attempt.

    With two keys (during a rotation) there are two signatures. Raises ValueError without a key, or for an id with a
    full stop: that would let one signature stand for two messages.
    """
    if not keys or not _is_id(message_id):
        raise ValueError("signing needs a key, and an id without a full stop")
    signatures = (base64.b64encode(_signature(key, message_id, signed_at, body)).decode() for key in keys)
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(signed_at),
        SIGNATURE_HEADER: " ".join(f"v1,{signature}" for signature in signatures),
    }


def verify(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float, *, tolerance_s: int = TOLERANCE_S
) -> Verified | Refusal:
    """Check the raw body as received. `now` is Unix time in seconds; `tolerance_s` holds for past and future alike."""
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, stamp, signatures = (lower.get(name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    if not message_id or not stamp or not signatures:
        return Refusal.MISSING_HEADER
    if not _is_id(message_id):
        return Refusal.MALFORMED_ID
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _LONGEST_TIMESTAMP):
        return Refusal.MALFORMED_TIMESTAMP
    signed_at = int(stamp)
    if now - signed_at > tolerance_s:
        return Refusal.TOO_OLD
    if signed_at - now > tolerance_s:
        return Refusal.TOO_NEW
    if not keys:
        return Refusal.NO_KEY
    given = _given(signatures)
    expected = [_signature(key, message_id, signed_at, body) for key in keys]
    # No early return: every pair is compared, so the time tells nothing about which one matched.
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]
    return Verified(message_id, signed_at) if any(matches) else Refusal.NO_MATCH


def _given(header: str) -> list[bytes]:
    found: list[bytes] = []
    for part in header.split()[:_MOST_SIGNATURES]:
        version, _, text = part.partition(",")
        if version != "v1" or not text.isascii():
            continue
        try:
            found.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found


def _is_id(message_id: str) -> bool:
    return bool(message_id) and "." not in message_id and message_id.isascii() and message_id.isprintable()


def _signature(key: bytes, message_id: str, signed_at: int, body: bytes) -> bytes:
    return hmac.new(key, f"{message_id}.{signed_at}.".encode() + body, hashlib.sha256).digest()


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
