"""Proof of work before a form is taken (ALTCHA, version 1): our own, no third party learns of a visitor.

A challenge is signed and stateless; a solved one is stored, so that it is good once. Its lifetime is checked against our clock.
Source: altcha.org, "Proof-of-work" and "Server integration".
"""

import base64
import binascii
import json
import re
from datetime import datetime, timedelta
from typing import Final

import msgspec
from altcha import v1 as altcha

from ccc_router.kernel.signing import hex_digest, same

LIFETIME: Final = timedelta(minutes=10)
DEFAULT_NUMBER: Final = 100_000
_LARGEST_NUMBER: Final = 10_000_000
_ALGORITHM: Final[altcha.AlgoType] = "SHA-256"
_EXPIRES: Final = re.compile(r"[?&]expires=([0-9]{1,12})&")


class Solved(msgspec.Struct, frozen=True):
    """A good solution. ``challenge`` names it: it may be used once, and be forgotten after ``expires_at``."""

    challenge: str
    expires_at: datetime


class Payload(msgspec.Struct, frozen=True):
    """What the widget sends back."""

    algorithm: str
    challenge: str
    number: int
    salt: str
    signature: str


def ask(key: str, now: datetime, number: int = DEFAULT_NUMBER) -> dict[str, str | int]:
    """A challenge as the widget takes it; ``number`` is how much work it is at most."""
    work = min(max(number, 1), _LARGEST_NUMBER)
    made = altcha.create_challenge(altcha.ChallengeOptions(_ALGORITHM, work, hmac_key=key, expires=now + LIFETIME))
    return {
        "algorithm": made.algorithm,
        "challenge": made.challenge,
        "maxnumber": made.max_number,
        "maxNumber": made.max_number,
        "salt": made.salt,
        "signature": made.signature,
    }


def check(payload: str, keys: tuple[str, ...], now: datetime) -> Solved | None:
    """The solution in ``payload``, or None: not read, not ours, over, or wrong. Never raises."""
    try:
        given = msgspec.convert(json.loads(base64.b64decode(payload, validate=True)), Payload)
    except (binascii.Error, ValueError, RecursionError, msgspec.ValidationError):
        return None
    expires = _EXPIRES.findall(given.salt if given.salt.endswith("&") else given.salt + "&")
    if given.algorithm != _ALGORITHM or len(expires) != 1 or not 0 <= given.number <= _LARGEST_NUMBER:
        return None
    if not any(same(given.signature, hex_digest(key.encode(), _raw(given.challenge))) for key in keys):
        return None
    solution = altcha.Payload(_ALGORITHM, given.challenge, given.number, given.salt, given.signature)
    good = any(altcha.verify_solution(solution, key, check_expires=False)[0] for key in keys)
    end = datetime.fromtimestamp(int(expires[0]), tz=now.tzinfo)
    return Solved(given.challenge, end) if good and now < end <= now + LIFETIME else None


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
