"""I12: the earliest timer comes first, also after so many were moved that the heap was made anew."""

import random

from ccc_router.routing.standing.timers import Timers


def test_i12_timers_come_in_their_order_however_often_they_were_moved(rng: random.Random) -> None:
    timers, dues = Timers(), {}
    for _ in range(5_000):
        ref, due = f"ct_{rng.randrange(20)}", rng.choice([0, *range(1, 1000)])
        timers.set("contact", ref, due)
        dues[ref] = due
        first = timers.first()
        earliest = min(((when, who) for who, when in dues.items() if when), default=None)
        assert (first and (first[0], first[2])) == earliest
    assert [timers.due_of("contact", ref) for ref in dues] == list(dues.values())


def test_timers_that_were_moved_leave_nothing_behind() -> None:
    """A phone that comes and goes a million times costs no memory."""
    timers = Timers()
    for due in range(1, 10_000):
        timers.set("agent", "an", due)
    assert len(timers._heap) <= 64 + 4


def test_what_is_not_due_is_not_there() -> None:
    timers = Timers()
    assert (timers.first(), timers.due_of("offer", "of_1")) == (None, 0)
    timers.set("offer", "of_1", 5)
    timers.set("offer", "of_1", 0)
    timers.set("offer", "of_1", 0)
    assert (timers.first(), timers.due_of("offer", "of_1")) == (None, 0)
