"""The engine's loop: run a turn on every wake-up, and look by itself ten times a second."""

import gc
from typing import Final

from ccc_router.kernel.tasks import Loop
from ccc_router.queues.engine import IDLE_S, Engine
from ccc_router.storage.wakeups import Wakeups

INBOX_WAKE: Final = "ccc_inbox"
"""The channel of hints that there are inputs; the payload is the pool."""

_COLLECT: Final = 20_000, 20, 50
"""The engine makes few cycles; walking its rows often costs a tenth."""


def engine_loop(engine: Engine, wakeups: Wakeups | None = None) -> Loop:
    """The loop of one engine. ``wakeups`` brings the hints that something was appended, here or elsewhere.

    Vital: should the engine fail for a fault of ours, the process ends and is started anew.
    """
    held = False

    async def turn() -> bool:
        nonlocal held
        more = await engine.run_once()
        if held != (engine.memory is not None):
            held = not held
            if held:
                gc.set_threshold(*_COLLECT)
            else:
                gc.unfreeze()  # what was loaded for as long as it would be needed
        return more

    loop = Loop(f"engine-{engine.pool}", turn, IDLE_S, vital=True)
    if wakeups is not None:
        wakeups.wake(loop, INBOX_WAKE, engine.pool)
    return loop
