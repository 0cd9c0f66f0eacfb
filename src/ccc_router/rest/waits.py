"""The expected wait as people are shown it: agents, supervisors and the customer himself."""

from collections.abc import Awaitable, Callable
from typing import Final, Self

from pydantic import Field

from ..queues.waits.estimate import Expected, Unknown
from ..routing.rows import Contact
from .schemas import Document, Moment, moment

Expect = Callable[[Contact], Awaitable[Expected]]
"""Says how long a waiting contact still waits: `queues.waits.Waits.of`."""

# Up to so many seconds a wait is rounded up to so many: nobody knows it better.
_STEPS: Final = ((120, 10), (3_600, 60), (36_000, 600))
_COARSEST_S: Final = 3_600


class ExpectedWait(Document):
    """How long it still waits until it is answered, as an interval: with 20, 50 and 80 % probability no longer than so many seconds, counted
    with those agents who are there now."""

    position: int = Field(description="Its place in its queue; 1 is the next.")
    p20_s: int | None = Field(description="Null where nothing can be said; `unknown` says why.")
    p50_s: int | None
    p80_s: int | None
    unknown: Unknown = Field(
        description="Empty if something can be said; else the queue is closed, nobody is able or here, one agent alone may take it, or "
        "it would take longer than a week."
    )
    opens_at: Moment | None = Field(description="When a closed queue opens.")

    @classmethod
    def of(cls, expected: Expected) -> Self:
        """As the estimate says, rounded up."""
        soon, median, late = map(_rounded, expected.waits_ms) if expected.waits_ms else (None, None, None)
        return cls(
            position=expected.position,
            p20_s=soon,
            p50_s=median,
            p80_s=late,
            unknown=expected.unknown,
            opens_at=moment(expected.opens_at),
        )


def _rounded(wait_ms: int) -> int:
    seconds = wait_ms / 1000
    step = next((step for up_to, step in _STEPS if seconds <= up_to), _COARSEST_S)
    return -(-wait_ms // (1000 * step)) * step
