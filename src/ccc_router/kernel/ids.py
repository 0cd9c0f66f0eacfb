"""Ids: derived ones (the same parts give the same id, on every machine and replay) and fresh ones (unguessable)."""

import hashlib
import re
import secrets

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_SIXTY_BITS = (1 << 60) - 1
_SYMBOLS = _CROCKFORD.upper()
_VALUES = {symbol: value for value, symbol in enumerate(_SYMBOLS)}
_SPOKEN = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\u00a0": None, "\u2011": None})
_REFERENCE_LENGTH = 11
_CALL = re.compile(rf"(ct_[{_CROCKFORD}]{{26}})\.[0-9]{{1,9}}")


def derive(prefix: str, *parts: str | int) -> str:
    """`prefix_` and 26 characters of Crockford's base 32 that depend on the prefix and on every part.

    Parts are written with their type and length before hashing, so ("ab", "c") and ("a", "bc"), or 1 and "1",
    give different ids. derive("ct", pool, 17) -> "ct_…".
    """
    digest = hashlib.sha256(b"%d:%s" % (len(prefix), prefix.encode()))
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else b"%d" % part
        digest.update(b"%c%d:%s" % (b"s" if isinstance(part, str) else b"i", len(raw), raw))
    return f"{prefix}_{_encode(digest.digest())}"


def call_of(contact_id: str, attempt: int) -> str:
    """The id of a call that is made for a contact: it names the contact, so that events of it find their way however late."""
    return f"{contact_id}.{attempt}"


def contact_of_call(call_id: str) -> str:
    """The contact a call was made for; "" for a call with an id of the switch."""
    found = _CALL.fullmatch(call_id)
    return found[1] if found else ""


def fresh(prefix: str) -> str:
    """`prefix_` and 130 random bits. For what nothing can be derived from, and for what must not be guessed."""
    return f"{prefix}_{_encode(secrets.token_bytes(20))}"


def token() -> str:
    """256 random bits as URL-safe text: a bearer token, a single-use link."""
    return secrets.token_urlsafe(32)


def reference(case_id: str) -> str:
    """What a person can say over the phone: ten characters that depend on the id and a check character, in groups."""
    digest = hashlib.sha256(b"reference:" + case_id.encode("utf-8", "surrogatepass")).digest()
    letters = _encode(digest)[: _REFERENCE_LENGTH - 1].upper()
    return _grouped(letters + _check_letter(letters))


def parse_reference(text: str) -> str | None:
    """Read a reference as people write it: any case, O for 0, I and L for 1, spaces, dashes. None when it is none.

    One wrong character, or two that changed places, is always noticed.
    """
    letters = text.upper().translate(_SPOKEN)
    if len(letters) != _REFERENCE_LENGTH or not set(letters) <= set(_VALUES):
        return None
    return _grouped(letters) if _check_letter(letters[:-1]) == letters[-1] else None


def _grouped(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _check_letter(letters: str) -> str:
    """A weighted sum in the field of 32 elements; all weights differ, so every swap of two letters shows."""
    total = 0
    for letter in letters:  # Horner's rule: the weights are the powers of x, which only repeat after 31
        total = _times_x(total ^ _VALUES[letter])
    return _SYMBOLS[total]


def _times_x(value: int) -> int:
    doubled = value << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def _encode(raw: bytes) -> str:
    """The first 130 bits, ten at a time and spelt out: several times as fast as the library's base 32, and ids are made all the time.

    In two halves, as numbers that fit a machine word are shifted sooner.
    """
    bits = int.from_bytes(raw[:17], "big") >> 6
    a, b, two = bits >> 60, bits & _SIXTY_BITS, _PAIRS
    return (
        f"{two[a >> 60]}{two[a >> 50 & 1023]}{two[a >> 40 & 1023]}{two[a >> 30 & 1023]}{two[a >> 20 & 1023]}{two[a >> 10 & 1023]}"
        f"{two[a & 1023]}{two[b >> 50]}{two[b >> 40 & 1023]}{two[b >> 30 & 1023]}{two[b >> 20 & 1023]}{two[b >> 10 & 1023]}{two[b & 1023]}"
    )
