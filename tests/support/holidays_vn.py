"""Vietnam's public holidays as a library knows them, to hold a catalogue's calendar against: Tết and exchanged days are decreed yearly."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

import holidays

_EXCHANGED: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})")


def vietnam_days(years: Iterable[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(days off, days worked in exchange for one of them) of these years as ISO dates, in order."""
    off: list[str] = []
    worked: list[str] = []
    for day, name in sorted(holidays.country_holidays("VN", years=list(years), language="en_US").items()):
        off.append(day.isoformat())
        exchanged = _EXCHANGED.search(name)
        if exchanged:
            month, day_of_month, year = (int(part) for part in exchanged.groups())
            worked.append(date(year, month, day_of_month).isoformat())
    return tuple(off), tuple(sorted(worked))
