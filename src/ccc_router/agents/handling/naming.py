"""Handles as people type them, in the one form they are stored in."""

import contextlib
import re
from typing import Final

from ...kernel.errors import Invalid
from ...kernel.text import clean, clean_name
from ...rest.numbers import typed_number

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_ID: Final = re.compile(r"[0-9A-Za-z]{5,20}")


def handle_value(kind: str, typed: str) -> str:
    """The stored form: phones as E.164, mail in lower case, ids without spaces. Raises ``Invalid``."""
    text = clean_name(typed)
    if kind == "phone":
        return typed_number(text)
    if kind == "email":
        if not _EMAIL.fullmatch(text) or len(text) > 254:
            raise Invalid("This is no mail address.", code="bad_handle")
        return text.lower()
    if kind in ("personal_id", "bhxh_code"):
        text = re.sub(r"[\s.-]", "", text)
        if not _ID.fullmatch(text):
            raise Invalid("This is no such number.", code="bad_handle")
        return text.upper()
    return text


def possible_values(typed: str) -> list[str]:
    """Every stored form that what was typed may have, whatever kind of handle it is meant as."""
    found = [clean(typed).strip()]
    for kind in ("phone", "email", "personal_id"):
        with contextlib.suppress(Invalid):
            found.append(handle_value(kind, typed))
    return found
