"""Vietnamese font encodings that have no charset name: TCVN3 (ABC) and VNI, and VISCII, which Python does not know.

Fonts of the nineties put Vietnamese letters on the places of Latin-1, so such a text is labelled iso-8859-1 and looks like
«Céng hoµ x· héi». It is recognised by frequency: read as the right encoding nearly every word with an eight-bit letter is a
well-formed Vietnamese syllable, read as any other hardly one is.
Tables: TCVN 5712:1993 (VN3), RFC 1456 (VISCII), the VNI-Win double-byte layout.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_MARKS: Final = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng: the order in which TCVN lists them

_TCVN_PLAIN: Final = dict(zip(range(0xA1, 0xAF), "ĂÂÊÔƠƯĐăâêôơưđ", strict=True))
# Each run: the bytes of one vowel with the five tones, in the order of _MARKS.
_TCVN_TONES: Final = (
    ("a", (0xB5, 0xB6, 0xB7, 0xB8, 0xB9)),
    ("ă", (0xBB, 0xBC, 0xBD, 0xBE, 0xC6)),
    ("â", (0xC7, 0xC8, 0xC9, 0xCA, 0xCB)),
    ("e", (0xCC, 0xCE, 0xCF, 0xD0, 0xD1)),
    ("ê", (0xD2, 0xD3, 0xD4, 0xD5, 0xD6)),
    ("i", (0xD7, 0xD8, 0xDC, 0xDD, 0xDE)),
    ("o", (0xDF, 0xE1, 0xE2, 0xE3, 0xE4)),
    ("ô", (0xE5, 0xE6, 0xE7, 0xE8, 0xE9)),
    ("ơ", (0xEA, 0xEB, 0xEC, 0xED, 0xEE)),
    ("u", (0xEF, 0xF1, 0xF2, 0xF3, 0xF4)),
    ("ư", (0xF5, 0xF6, 0xF7, 0xF8, 0xF9)),
    ("y", (0xFA, 0xFB, 0xFC, 0xFD, 0xFE)),
)

_VISCII_HIGH: Final = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_VISCII_LOW: Final = {0x02: "Ẳ", 0x05: "Ẵ", 0x06: "Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"}

# VNI writes a vowel and then its marks as one Latin-1 letter.
_VNI_TONES: Final = {"ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ù": "\u0301", "ï": "\u0323"}
_VNI_CIRCUMFLEX: Final = {"â": "", "à": "\u0300", "å": "\u0309", "ã": "\u0303", "á": "\u0301", "ä": "\u0323"}
_VNI_BREVE: Final = {"ê": "", "è": "\u0300", "ú": "\u0309", "ü": "\u0303", "é": "\u0301", "ë": "\u0323"}
_VNI_SINGLE: Final = {"ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}

_WORD: Final = re.compile(r"[A-Za-z\u0080-\uffff]+")
_ONSET = "ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdđghklmnpqrstvx]"
_NUCLEUS = "[aăâeêioôơuưy]{1,3}"
_CODA = "ch|nh|ng|[cmnpt]"
_SYLLABLE: Final = re.compile(f"(?:{_ONSET})?(?:{_NUCLEUS})(?:{_CODA})?")
FEWEST_WORDS: Final = 2
_SURE_PERCENT: Final = 80
_SAMPLE: Final = 20_000  # letters looked at; enough to be sure, and bounded


def _compose(base: str, mark: str) -> str:
    return unicodedata.normalize("NFC", base + mark)


def _tcvn_table() -> dict[int, str]:
    table = dict(_TCVN_PLAIN)
    for base, places in _TCVN_TONES:
        for place, mark in zip(places, _MARKS, strict=True):
            table[place] = _compose(base, mark)
    return table


def _vni_pairs() -> dict[str, str]:
    pairs: dict[str, str] = {}
    groups = [(vowels, "", _VNI_TONES) for vowels in ("aeouy",)]
    groups += [("aeo", "\u0302", _VNI_CIRCUMFLEX), ("a", "\u0306", _VNI_BREVE)]
    for vowels, shape, marks in groups:
        for vowel in vowels:
            pairs.update({vowel + letter: _compose(vowel, shape + mark) for letter, mark in marks.items()})
    for letter, vowel in (("ô", "ơ"), ("ö", "ư")):
        pairs.update({letter + tone: _compose(vowel, mark) for tone, mark in _VNI_TONES.items()})
    pairs.update(_VNI_SINGLE)
    both = dict(pairs)
    for coded, plain in pairs.items():
        both[coded.upper()] = plain.upper()
        both[coded[0].upper() + coded[1:]] = plain.upper()
    return both


_TCVN: Final = _tcvn_table()
_VISCII: Final = _VISCII_LOW | dict(zip(range(0x80, 0x100), _VISCII_HIGH, strict=True))
_VNI: Final = _vni_pairs()
_VNI_PATTERN: Final = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))


def from_tcvn3(latin: str) -> str:
    """Read letters of Latin-1 as TCVN3 (capitals with tones came from a font of capitals: they stay small)."""
    return latin.translate(_TCVN)


def from_viscii(latin: str) -> str:
    """Read letters of Latin-1 as VISCII."""
    return latin.translate(_VISCII)


def from_vni(latin: str) -> str:
    """Read letters of Latin-1 as VNI-Win."""
    return _VNI_PATTERN.sub(lambda found: _VNI[found[0]], latin)


def is_syllable(word: str) -> bool:
    """Whether a word could be one Vietnamese syllable: onset, vowels, coda, and at most one tone."""
    bare = []
    tones = 0
    for part in unicodedata.normalize("NFD", word.lower()):
        if part in _MARKS:
            tones += 1
        else:
            bare.append(part)
    return tones <= 1 and _SYLLABLE.fullmatch(unicodedata.normalize("NFC", "".join(bare))) is not None


def vietnamese_percent(text: str) -> tuple[int, int]:
    """How many words have a letter beyond ASCII, and how many percent of those are Vietnamese syllables."""
    marked = [word for word in _WORD.findall(text[:_SAMPLE]) if not word.isascii()]
    if not marked:
        return 0, 0
    return len(marked), 100 * sum(map(is_syllable, marked)) // len(marked)


_READINGS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (("tcvn3", from_tcvn3), ("vni", from_vni))


def recognise(latin: str, fewest: int = FEWEST_WORDS) -> tuple[str, str] | None:
    """The name and the text when letters of Latin-1 are really a Vietnamese font encoding, else None.

    The winner must read as Vietnamese nearly everywhere, in at least ``fewest`` words, and better than the text does as it stands.
    """
    if latin.isascii() or any(letter > "\u00ff" for letter in latin[:_SAMPLE]):
        return None
    _, best = vietnamese_percent(latin)
    found: tuple[str, str] | None = None
    for name, read in _READINGS:
        text = read(latin[:_SAMPLE])
        words, percent = vietnamese_percent(text)
        if words >= fewest and percent >= _SURE_PERCENT and percent > best:
            best, found = percent, (name, text)
    if found is None or len(latin) <= _SAMPLE:
        return found
    return found[0], dict(_READINGS)[found[0]](latin)
