"""Bytes to text, whatever the label says. Never raises; what could not be read surely is marked ``lossy``.

Order: what the label says if that can be true, UTF-8 if the bytes are that, the Vietnamese font encodings, a guess by
frequency, Windows-1258, and last Latin-1, which always works. The result is NFC without NUL (``kernel.text.clean``).
"""

import codecs
import re
from typing import Final, NamedTuple

from charset_normalizer import from_bytes

from ccc_router.channels.email.mime import legacy
from ccc_router.kernel.text import clean


class Decoded(NamedTuple):
    """Text, the encoding it was read as, and whether letters may have been lost."""

    text: str
    charset: str
    lossy: bool = False


_ALIASES: Final = {
    "unknown-8bit": "utf-8",
    "unknown": "utf-8",
    "default": "utf-8",
    "default_charset": "utf-8",
    "x-user-defined": "utf-8",
    "utf8mb4": "utf-8",
    "utf-8-bom": "utf-8-sig",
    "cp-850": "cp850",
    "x-cp1258": "cp1258",
    "windows1258": "cp1258",
    "ansi": "cp1258",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "ks_c_5601-1987": "cp949",
}
_TCVN_NAMES: Final = {
    "tcvn",
    "tcvn3",
    "tcvn-5712",
    "tcvn5712-1",
    "tcvn-5712-1",
    "tcvn5712",
    "x-viet-tcvn",
    "x-tcvn",
    "abc",
}
_VNI_NAMES: Final = {"vni", "x-viet-vni", "x-vni", "vni-win"}
_VISCII_NAMES: Final = {"viscii", "viscii1.1-1", "csviscii", "x-viscii"}
# Codecs that are no charsets, or run things: a label never selects them.
_NO_CHARSETS: Final = {"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined", "mbcs", "oem"}
# What programs write when they do not know: such a label says nothing about bytes over 127.
_LABELS_NOTHING: Final = {"", "ascii", "iso8859-1", "cp1252", "latin-1", "utf-8"}
_STATEFUL: Final = re.compile(r"iso2022|utf-7|utf-16|utf-32|hz|cp037|cp500|cp1140")
_NAME: Final = re.compile(r"[^a-z0-9._:+-]+")
_GUESS_BYTES: Final = 16_384
_SHORTEST_GUESS: Final = 24
_TOLERABLE_PERCENT: Final = 2
_FEWEST_IN_UTF8: Final = 5


def decode(data: bytes, label: str | None = None) -> Decoded:
    """``data`` as text; ``label`` is the charset it came with, which may be wrong, unknown or missing."""
    read = _decode(data, _NAME.sub("", (label or "").lower()))
    return Decoded(clean(read.text), read.charset, read.lossy)


def _decode(data: bytes, label: str) -> Decoded:
    name = _codec(label)
    if name and _STATEFUL.match(name):
        return _by(data, name) or Decoded(data.decode(name, "replace"), name, lossy=True)
    if data.isascii():
        return Decoded(data.decode("ascii"), "ascii")
    if label in _TCVN_NAMES:
        return Decoded(legacy.from_tcvn3(data.decode("latin-1")), "tcvn3")
    if label in _VNI_NAMES:
        return Decoded(legacy.from_vni(data.decode("latin-1")), "vni")
    if label in _VISCII_NAMES:
        return Decoded(legacy.from_viscii(data.decode("latin-1")), "viscii")
    if (utf8 := _by(data, "utf-8-sig")) is not None:
        return _unfont(Decoded(utf8.text, "utf-8"))
    if name not in _LABELS_NOTHING:
        return _by(data, name) or Decoded(data.decode(name, "replace"), name, lossy=True)
    return _without_label(data, name)


def _codec(label: str) -> str:
    """The name of a codec that the label stands for, or "" when there is none."""
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
        b"".decode(name)  # LookupError for codecs that are not text encodings, such as zip
    except (LookupError, ValueError, UnicodeError):
        return ""
    return "" if name.replace("-", "_") in _NO_CHARSETS else name


def _by(data: bytes, name: str) -> Decoded | None:
    try:
        return Decoded(data.decode(name), name)
    except (UnicodeError, ValueError):
        return None


def _unfont(read: Decoded) -> Decoded:
    """Font text that a newer program has turned into UTF-8 letter by letter. Rare, so it must be plain."""
    found = legacy.recognise(read.text, _FEWEST_IN_UTF8)
    return Decoded(found[1], found[0]) if found else read


def _without_label(data: bytes, name: str) -> Decoded:
    found = legacy.recognise(data.decode("latin-1"))
    if found:
        return Decoded(found[1], found[0])
    lossy_utf8 = data.decode("utf-8", "replace")
    if 100 * lossy_utf8.count("\ufffd") <= _TOLERABLE_PERCENT * len(lossy_utf8) and _has_sequences(data):
        return Decoded(lossy_utf8, "utf-8", lossy=True)
    vietnamese = _by(data, "cp1258")
    if vietnamese is not None and _reads_as_vietnamese(vietnamese.text):
        return vietnamese
    if name in {"iso8859-1", "cp1252", "latin-1"}:
        return _by(data, "cp1252") or Decoded(data.decode("latin-1"), "latin-1")
    if name == "utf-8" and _has_sequences(data):
        return Decoded(lossy_utf8, "utf-8", lossy=True)
    return _guess(data) or vietnamese or Decoded(data.decode("latin-1"), "latin-1", lossy=True)


def _has_sequences(data: bytes) -> bool:
    """Whether most bytes over 127 belong to well-formed UTF-8 (a cut letter at the end, one broken byte)."""
    high = sum(byte > 0x7F for byte in data[:_GUESS_BYTES])
    good = sum(len(letter.encode()) for letter in data[:_GUESS_BYTES].decode("utf-8", "ignore") if letter > "\x7f")
    return 2 * good >= high


def _reads_as_vietnamese(text: str) -> bool:
    words, percent = legacy.vietnamese_percent(text)
    return words > 0 and percent >= 60


def _guess(data: bytes) -> Decoded | None:
    if len(data) < _SHORTEST_GUESS:
        return None
    best = from_bytes(data[:_GUESS_BYTES]).best()
    if best is None or _STATEFUL.match(best.encoding.replace("_", "-")):
        return None  # text of 8-bit bytes is never told from the wider encodings by chance
    return Decoded(data.decode(best.encoding, "replace"), best.encoding, lossy=True)
