"""Whether the waits that were foretold came true: of ten contacts eight should be answered within their 80 % time.

Who gives up, is ended otherwise or still waits was not seen to be answered, but was seen not to be for so long: he is *censored*. Leaving him out
would make the centre look quick, counting him as late would make it look slow. So the shares are Kaplan's and Meier's estimate of the
distribution of how far along its own foretold wait a contact is answered, which uses everybody for as long as he was seen. It takes who gives
up for no different from the others in how long he would have waited, as the model itself does.

Source: E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958).
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ccc_router.queues.waits.estimate import SHARES

_BEYOND: Final = 1.0


class Told(NamedTuple):
    """One that was foretold: the times of `SHARES`, and what was seen of it for ``seen_ms``: answered then, or not by then."""

    waits_ms: Sequence[int]
    seen_ms: int
    answered: bool
    abandoned: bool = False


class Coverage(NamedTuple):
    """How many were foretold, answered and given up by the customer. ``within`` is the share answered within each of the times of `SHARES`;
    None where nobody was seen for so long."""

    told: int = 0
    answered: int = 0
    abandoned: int = 0
    within: tuple[float | None, ...] = (None,) * len(SHARES)


def coverage(told: Iterable[Told]) -> Coverage:
    """Of these contacts."""
    seen = list(told)
    places = sorted(
        (_place(one), not one.answered) for one in seen
    )  # whoever is answered and censored at once was still there
    within: list[float | None] = []
    survive, left, index = 1.0, len(places), 0
    for share in SHARES:
        while index < len(places) and places[index][0] <= share:
            _, censored = places[index]
            survive *= 1.0 if censored else 1.0 - 1.0 / left
            left, index = left - 1, index + 1
        # With nobody left it is known only if the last was answered: then nobody is later.
        within.append(1.0 - survive if left or (places and survive == 0.0) else None)
    return Coverage(
        told=len(seen),
        answered=sum(one.answered for one in seen),
        abandoned=sum(one.abandoned for one in seen),
        within=tuple(within),
    )


def _place(one: Told) -> float:
    """How far along its foretold distribution: at the times of `SHARES` exactly those, between them on straight lines."""
    index = bisect_left(one.waits_ms, one.seen_ms)
    if index == len(one.waits_ms):
        return _BEYOND
    begin, low = (one.waits_ms[index - 1], SHARES[index - 1]) if index else (0, 0.0)
    end = one.waits_ms[index]
    part = (one.seen_ms - begin) / (end - begin) if end > begin else 1.0
    return low + (SHARES[index] - low) * part
