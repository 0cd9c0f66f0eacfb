"""Who works when, from the shift patterns of a description."""

from collections.abc import Sequence
from typing import Final

from .description import Description, ShiftPattern
from .workload import Break, Shift, Window

HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * HOUR_MS


def shifts_of(description: Description, agents: Sequence[str], window: Window) -> list[Shift]:
    """Every agent's shifts in the window: patterns are dealt out evenly along the agents in order, so that no skill is alone in one."""
    offset = window.utc_offset_minutes * 60_000
    midnight = (window.from_ms + offset) // _DAY_MS * _DAY_MS - offset
    days = range(-1, (window.until_ms - midnight) // _DAY_MS + 1)
    found = []
    dealt = _dealt(description.shifts, len(agents))
    for number, (agent_id, pattern) in enumerate(zip(agents, dealt, strict=True)):
        for day in days:
            shift = _shift(pattern, agent_id, midnight + day * _DAY_MS, number)
            if shift.from_ms < window.until_ms and shift.until_ms > window.from_ms:
                found.append(shift)
    return found


def _dealt(patterns: Sequence[ShiftPattern], count: int) -> list[ShiftPattern]:
    """To each of ``count`` agents the pattern that has got least of its share so far."""
    dealt = [0] * len(patterns)
    found = []
    for number in range(1, count + 1):
        short = [pattern.share_percent * number / 100 - had for pattern, had in zip(patterns, dealt, strict=True)]
        at = short.index(max(short))
        dealt[at] += 1
        found.append(patterns[at])
    return found


def _shift(pattern: ShiftPattern, agent_id: str, midnight: int, number: int) -> Shift:
    """One day's shift; the breaks of neighbours lie apart."""
    begins, length = midnight + int(pattern.from_hour * HOUR_MS), int(pattern.hours * HOUR_MS)
    pause = int(pattern.break_minutes * 60_000)
    breaks = []
    for which in range(pattern.breaks):
        at = begins + length * (which + 1) // (pattern.breaks + 1) + (number % 5 - 2) * pause
        breaks.append(Break(at, at + pause))
    return Shift(agent_id, begins, begins + length, tuple(breaks))
