"""Text as it comes in, Vietnamese folding for search, and what of a handle may be shown."""

import re
import unicodedata
from typing import Final

# Direction marks, embeddings, overrides and isolates: they can make a name read as another.
_BIDI: Final = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_INVISIBLE: Final = dict.fromkeys([0x00AD, 0x200B, 0x2060, 0xFEFF])
_CONTROLS: Final = dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0)], " ")
_D_STROKE: Final = str.maketrans({"đ": "d", "Đ": "D"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACES: Final = re.compile(r"\s+")


def clean(text: str) -> str:
    """NFC, without NUL and lone surrogates: what PostgreSQL can store and every reader compares alike."""
    if text.isascii():
        return text.replace("\0", "")
    if _SURROGATE.search(text):
        # Pairs that arrived as two escapes become the character they stand for; halves go.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return unicodedata.normalize("NFC", text.replace("\0", ""))


def clean_name(text: str) -> str:
    """`clean` for one line that people read as a name: no direction controls, no invisible characters, one space."""
    text = clean(text).translate(_BIDI).translate(_INVISIBLE).translate(_CONTROLS)
    return _SPACES.sub(" ", text).strip()


def fold(text: str) -> str:
    """The search key: lower case, no accents, đ as d, one space: «Đường  Trần Phú» -> «duong tran phu»."""
    bare = unicodedata.normalize("NFD", clean(text).translate(_D_STROKE))
    bare = "".join(letter for letter in bare if unicodedata.category(letter) != "Mn")
    return _SPACES.sub(" ", bare.casefold()).strip()


def mask_phone(number: str) -> str:
    """The last three digits: enough for a person to recognise the number, too little to call it."""
    digits = [letter for letter in number if letter.isdigit()]
    return "•••• " + "".join(digits[-3:]) if len(digits) > 5 else "••••"


def mask_email(address: str) -> str:
    """The first letter and the domain: n•••@example.vn."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at and local else "•••"


def mask_id(value: str) -> str:
    """The last three characters of any other handle."""
    return "•••" + value[-3:] if len(value) > 6 else "•••"


def mask_handle(kind: str, value: str) -> str:
    """What of a customer's handle may be shown beside his name. Unknown kinds are masked like ids."""
    if kind == "phone":
        return mask_phone(value)
    return mask_email(value) if kind == "email" else mask_id(value)
