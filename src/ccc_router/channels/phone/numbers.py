"""Phone numbers as Vietnamese carriers and switches write them, and the one way we write them: E.164.

What is no subscriber's number (short codes, 1800 and 1900 services, extensions) stays as its digits; a caller who hides
his number has none. Whether a number is assigned is never judged: prefixes change faster than any table of them.
"""

import re
from functools import lru_cache
from typing import Final

import phonenumbers

from ccc_router.kernel.text import clean

REGION: Final = "VN"

# The 11-digit mobile prefixes and what they became on 15 September 2018 (Ministry of Information and Communications).
NEW_PREFIXES: Final = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036", "0167": "037", "0168": "038", "0169": "039",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip

_OLD_MOBILE: Final = re.compile(r"^(?:(?:\+?84|0084)0?|0)(1\d{2})(\d{7})$")
_SERVICE: Final = re.compile(r"^(?:\+?84)?(1[89]00\d{4,6})$")
_HIDDEN: Final = frozenset({
    "anonymous", "unknown", "private", "restricted", "unavailable", "withheld", "blocked", "asserted", "s", "null", "none",
    "+266696687", "266696687", "+86282452253", "+464",
})  # fmt: skip
_NO_SIGNS: Final = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]")
_SIP: Final = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)
_LONGEST: Final = 40


def number_of(raw: str) -> str:
    """The number behind what a switch says of a caller: E.164, else the digits as they are; "" for a hidden or empty one.

    >>> number_of("0912 345 678"), number_of("01201234567"), number_of("19009068"), number_of("anonymous")
    ('+84912345678', '+84701234567', '19009068', '')
    """
    return _number_of(raw[: _LONGEST * 4])


@lru_cache(maxsize=4096)
def _number_of(raw: str) -> str:
    """All events of a call name the same two numbers, and to read one takes longer than anything else an event needs."""
    text = _SIP.sub("", clean(raw).strip())[: _LONGEST * 2]
    text = text.partition(";")[0].partition("@")[0]
    if not text or text.lower() in _HIDDEN:
        return ""
    digits = _NO_SIGNS.sub("", text)
    if not re.fullmatch(r"\+?\d+", digits, re.ASCII) or len(digits) > _LONGEST:
        return _address(digits)
    service = _SERVICE.match(digits)
    if service:
        return service[1]
    return _e164(_renumbered(digits)) or digits


def _address(text: str) -> str:
    """An extension or SIP user that is not written in digits: as it is, if it is something a person could dial."""
    return text[:_LONGEST] if re.fullmatch(r"[\w+*#\-]+", text, re.ASCII) else ""


def _renumbered(digits: str) -> str:
    old = _OLD_MOBILE.match(digits)
    if old is None:
        return digits
    new = NEW_PREFIXES.get("0" + old[1])
    return new + old[2] if new else digits


def _e164(digits: str) -> str:
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    try:
        number = phonenumbers.parse(digits, REGION)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number) or len(digits.lstrip("+")) < 8:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
