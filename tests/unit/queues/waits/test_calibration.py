"""The calibration: shares by Kaplan and Meier, against counting where nobody is censored and against a case done by hand."""

import random

import pytest

from ccc_router.queues.waits.calibration import Coverage, Told, coverage
from ccc_router.queues.waits.distribution import Wait

TIMES = (20, 50, 80)


def told(seen: int, *, answered: bool = True, abandoned: bool = False) -> Told:
    return Told(TIMES, seen, answered, abandoned)


def test_with_nobody_censored_it_is_counting() -> None:
    found = coverage([told(seen) for seen in (10, 20, 21, 50, 79, 81, 300, 400)])
    assert found.within == pytest.approx((2 / 8, 4 / 8, 5 / 8))
    assert (found.told, found.answered, found.abandoned) == (8, 8, 0)


def test_who_gives_up_counts_for_as_long_as_he_was_seen() -> None:
    """By hand: of five, one answered at 10, one gone at 15, one answered at 40, one gone at 60, one answered at 90."""
    found = coverage(
        [
            told(10),
            told(15, answered=False, abandoned=True),
            told(40),
            told(60, answered=False, abandoned=True),
            told(90),
        ]
    )
    assert found.within == pytest.approx((1 - 4 / 5, 1 - 4 / 5 * 2 / 3, 1 - 4 / 5 * 2 / 3))
    assert (found.told, found.answered, found.abandoned) == (5, 3, 2)


def test_an_answer_in_the_moment_another_gives_up_has_him_still_there() -> None:
    assert coverage([told(15), told(15, answered=False), told(90), told(90)]).within[0] == pytest.approx(0.25)


def test_what_nobody_was_seen_for_is_not_said() -> None:
    assert coverage([]) == Coverage()
    assert coverage([told(30, answered=False)]).within == (0.0, None, None)
    assert coverage([told(10), told(10)]).within == (1.0, 1.0, 1.0)


def test_different_waits_are_put_on_one_scale() -> None:
    """Half of them were answered within their own median, though one waited far longer than the other."""
    assert coverage([Told((2, 5, 8), 4, True), Told((200, 500, 800), 700, True)]).within == (0.0, 0.5, 1.0)


def test_times_that_are_alike_divide_by_nothing() -> None:
    """Somebody is free: all three times are the agent's reaction."""
    assert coverage([Told((5, 5, 5), 3, True), Told((5, 5, 5), 5, True), Told((0, 0, 0), 1, True)]).within[2] == (
        pytest.approx(2 / 3)
    )


def test_true_waits_are_covered_although_the_impatient_are_never_seen_to_the_end(rng: random.Random) -> None:
    """Waits drawn from what is foretold, each cut by an exponential patience: the shares are the true ones; of the answered alone they
    would be far off."""
    seen: list[Told] = []
    times = [[round(1000 * Wait(ahead, 0.05).quantile(share)) for share in (0.2, 0.5, 0.8)] for ahead in range(12)]
    for _ in range(6_000):
        ahead = rng.randrange(12)
        waits = sum(rng.expovariate(0.05) for _ in range(ahead + 1))
        patience = rng.expovariate(1 / 120)
        seen.append(Told(times[ahead], round(1000 * min(waits, patience)), waits <= patience, waits > patience))
    found = coverage(seen)
    assert found.within == pytest.approx((0.2, 0.5, 0.8), abs=0.04)
    answered = [one for one in seen if one.answered]
    naive = sum(one.seen_ms <= one.waits_ms[1] for one in answered) / len(answered)
    assert naive > 0.56
