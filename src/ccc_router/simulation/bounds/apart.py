"""Bounds in a process of their own that gives way to all others: a day takes seconds to minutes of processor time.

``python -m ccc_router.simulation.bounds.apart`` reads recordings from its standard input and writes their bounds to its output, as JSON.
"""

import os
import sys
from collections.abc import Sequence

import msgspec

from ..worker import done_by
from .recorded import ChannelBounds, Recording, bounds_of

_NICE = 15


async def bounds_apart(recordings: Sequence[Recording], within_s: float) -> list[list[ChannelBounds]] | None:
    """The bounds of each, from another process; None if that was not done in time, or could not be done."""
    told = await done_by(__name__, msgspec.json.encode(recordings), within_s)
    return None if told is None else msgspec.json.decode(told, type=list[list[ChannelBounds]])


if __name__ == "__main__":
    os.nice(_NICE)
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Recording])
    sys.stdout.buffer.write(msgspec.json.encode([bounds_of(one) for one in asked]))
