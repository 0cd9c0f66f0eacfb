"""Work in a process of its own: it takes seconds of processor time or more, which the one that serves does not have."""

import asyncio
import sys


async def done_by(module: str, asked: bytes, within_s: float) -> bytes | None:
    """What ``python -m module`` answers on its output to what it gets on its input; None if that was not done in time, or could not be."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(within_s):
            told, _ = await worker.communicate(asked)
    except TimeoutError:
        return None
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    return told if worker.returncode == 0 else None
