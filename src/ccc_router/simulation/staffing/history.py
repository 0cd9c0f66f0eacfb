"""Arrivals of the past, from a file, counted in intervals of local time."""

import csv
import datetime
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

LOCAL: Final = ZoneInfo("Asia/Ho_Chi_Minh")
INTERVALS_MIN: Final = (15, 30)
_DAY_MIN: Final = 24 * 60


class UnreadableHistory(ValueError):
    """The file cannot be read as a history; the message names the row."""


@dataclass(frozen=True, slots=True)
class History:
    """``counts[day][k]`` contacts arrived in the k-th interval of a local day; days without any row are not in it."""

    interval_min: int
    counts: Mapping[datetime.date, tuple[int, ...]]


def read(path: Path, interval_min: int) -> History:
    """A CSV with a header, or a JSON list of objects (by the file's ending ``.json``); one row per contact or per interval.

    Columns: ``at``, ISO 8601, with an offset or else local; ``contacts``, how many arrived in the interval that begins at ``at``
    (without the column: one). Raises UnreadableHistory for anything else, and for an `interval_min` that is not 15 or 30.
    """
    if interval_min not in INTERVALS_MIN:
        raise UnreadableHistory(f"an interval has 15 or 30 minutes, not {interval_min}")
    counted: Counter[tuple[datetime.date, int]] = Counter()
    for number, row in enumerate(_rows(path), start=1):
        try:
            at, contacts = _moment(str(row["at"])), _whole(row.get("contacts", 1))
        except (KeyError, ValueError) as error:
            raise UnreadableHistory(f"{path.name}, row {number}: {error}") from error
        counted[at.date(), (at.hour * 60 + at.minute) // interval_min] += contacts
    if not counted:
        raise UnreadableHistory(f"{path.name} holds no rows")
    days = sorted({day for day, _ in counted})
    places = range(_DAY_MIN // interval_min)
    return History(interval_min, {day: tuple(counted[day, place] for place in places) for day in days})


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            found = json.loads(text)
            if not (isinstance(found, list) and all(isinstance(row, dict) for row in found)):
                raise UnreadableHistory(f"{path.name} is not a list of objects")
            yield from found
        else:
            yield from csv.DictReader(text.splitlines())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnreadableHistory(f"{path.name}: {error}") from error


def _moment(text: str) -> datetime.datetime:
    at = datetime.datetime.fromisoformat(text)
    return at.replace(tzinfo=LOCAL) if at.tzinfo is None else at.astimezone(LOCAL)


def _whole(value: object) -> int:
    count = int(str(value))
    if count < 0:
        raise ValueError("contacts are not negative")
    return count
