"""Bounds in a process of their own that gives way to all others: a day takes seconds to minutes of processor time.

``python -m ccc_router.simulation.bounds.apart`` reads recordings from its standard input and writes their bounds to its output, as JSON.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import msgspec

from .recorded import ChannelBounds, Recording, bounds_of

_NICE = 15


async def bounds_apart(recordings: Sequence[Recording], within_s: float) -> list[list[ChannelBounds]] | None:
    """The bounds of each, from another process; None if that was not done in time, or could not be done."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(within_s):
            told, _ = await worker.communicate(msgspec.json.encode(recordings))
    except TimeoutError:
        return None
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    return msgspec.json.decode(told, type=list[list[ChannelBounds]]) if worker.returncode == 0 else None


if __name__ == "__main__":
    os.nice(_NICE)
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Recording])
    sys.stdout.buffer.write(msgspec.json.encode([bounds_of(one) for one in asked]))
