"""Paces from the journal's entries: what is usual where little was seen, what was seen where there was much."""

import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.vocabulary import Channel, ContactState, Direction, OfferReason, OfferState, Overflowing
from ccc_router.queues.waits.paces import Journalled, Line
from ccc_router.routing import decisions as d

CALLS: Line = ("general", "phone")
T0 = 1_772_384_400_000


class Tape:
    """A journal in the making; times in seconds after its begin."""

    def __init__(self) -> None:
        self.journalled = Journalled()
        self._position = 0

    def tell(self, at_s: float, *decisions: d.Decision) -> None:
        """These decisions followed from an input of that time."""
        for decision in decisions:
            self._position += 1
            kind = str(type(decision).__struct_config__.tag)
            at = T0 + int(1000 * at_s)
            self.journalled.take(Entry("p", self._position, at, "decision", kind, 1, 2, canonical(decision)))

    def opens(self, at_s: float, name: str, line: Line = CALLS, direction: Direction = Direction.INBOUND) -> None:
        """It comes and waits."""
        queue, channel = line
        self.tell(
            at_s,
            d.ContactOpened(name, "cs", "", Channel(channel), "e", queue, 0, direction),
            d.ContactQueued(name, queue, OfferReason.NEW),
        )

    def served(self, name: str, made: float, accepted: float, done: float) -> None:
        """Offered, accepted and let go of."""
        self.tell(made, d.OfferMade(f"of-{name}", name, "a", OfferReason.NEW, 1, 0))
        self.tell(accepted, d.OfferEnded(f"of-{name}", OfferState.ACCEPTED, "a"))
        self.tell(done, d.AssignmentEnded(name, "a", "completed"), d.ContactEnded(name, ContactState.CLOSED, "a"))


def test_where_nothing_was_seen_it_is_what_is_usual() -> None:
    found = Journalled().paces(T0, CALLS)
    assert (found.busy_s, found.arrivals_per_s, found.reaction_s) == (300.0, 0.0, 5.0)
    assert found.abandons_per_s == pytest.approx(1 / 180)
    assert Journalled().paces(T0, ("general", "portal")).abandons_per_s == 0.0, "who writes does not give up"


def test_what_was_seen_is_drawn_to_what_is_usual_by_ten() -> None:
    """One call of 100 s in its queue, with 3 s until it was answered: (10 m + x) / 11, twice over, for the queue is drawn to its channel."""
    tape = Tape()
    tape.opens(0, "c1")
    tape.served("c1", 20, 23, 120)
    found = tape.journalled.paces(T0 + 120_000, CALLS)
    channel = (10 * 300 + 100) / 11
    assert found.busy_s == pytest.approx((10 * channel + 100) / 11, rel=1e-3)
    assert found.reaction_s == pytest.approx((10 * 5 + 3) / 11, rel=2e-3)
    assert tape.journalled.paces(T0 + 120_000, ("other", "phone")).busy_s == pytest.approx(channel, rel=1e-3)


def test_much_that_was_seen_outweighs_what_is_usual_and_fades() -> None:
    tape = Tape()
    for number in range(400):
        tape.opens(number, f"c{number}")
        tape.served(f"c{number}", number + 10, number + 12, number + 110)
    soon, late = (tape.journalled.paces(T0 + at, CALLS) for at in (600_000, 12 * 3_600_000))
    assert soon.busy_s == pytest.approx(100, rel=0.04)
    assert soon.arrivals_per_s == pytest.approx(400 / 600, rel=0.15)
    assert late.busy_s == pytest.approx(300, rel=0.04)
    assert late.arrivals_per_s < 0.001


def test_who_gives_up_is_counted_over_all_waiting() -> None:
    tape = Tape()
    for number in range(200):
        tape.opens(number, f"c{number}")
        if number % 2:
            tape.tell(number + 60, d.ContactEnded(f"c{number}", ContactState.ABANDONED, "customer"))
        else:
            tape.served(f"c{number}", number + 40, number + 40, number + 100)
    found = tape.journalled.paces(T0 + 300_000, CALLS)
    assert found.abandons_per_s == pytest.approx((10 + 100) / (10 * 180 + 100 * 60 + 100 * 40), rel=0.03)


def test_a_conversation_that_waits_for_the_customer_keeps_nobody_busy() -> None:
    tape, line = Tape(), ("general", "portal")
    for number in range(300):
        name = f"c{number}"
        tape.opens(number, name, line)
        tape.tell(number, d.OfferMade(f"of-{name}", name, "a", OfferReason.NEW, 1, 0))
        tape.tell(number, d.OfferEnded(f"of-{name}", OfferState.ACCEPTED, "a"))
        tape.tell(number + 50, d.ContactWaiting(name, 0))
    for number in range(300):
        tape.tell(4_000, d.ContactEnded(f"c{number}", ContactState.CLOSED, "timer"))
    assert tape.journalled.paces(T0 + 360_000, line).busy_s == pytest.approx(50, rel=0.4)


def test_overflow_takes_the_wait_to_the_other_queue() -> None:
    tape = Tape()
    tape.opens(0, "c1", ("other", "phone"))
    tape.tell(100, d.ContactOverflowed("c1", "general", "other", Overflowing.AFTER_WAIT))
    tape.tell(150, d.ContactEnded("c1", ContactState.ABANDONED, "customer"))
    at = T0 + 150_000
    assert tape.journalled.paces(at, CALLS).abandons_per_s == pytest.approx(11 / (1800 + 50), rel=0.01)
    assert tape.journalled.paces(at, ("other", "phone")).abandons_per_s == pytest.approx(10 / (1800 + 100), rel=0.03)


def test_joined_are_those_who_wait_from_outside_and_were_offered_to_nobody() -> None:
    tape = Tape()
    for name in ("waits", "offered", "gone"):
        tape.opens(0, name)
    tape.opens(0, "out", direction=Direction.OUTBOUND)
    tape.opens(0, "back", ("general", "internal"))
    tape.tell(1, d.OfferMade("of", "offered", "a", OfferReason.NEW, 1, 0))
    tape.tell(1, d.ContactEnded("gone", ContactState.ABANDONED, "customer"))
    assert tape.journalled.joined() == ["waits"]
    assert tape.journalled.joined() == []


def test_what_was_leapt_over_or_is_a_day_old_is_not_counted_when_it_ends() -> None:
    for leapt in (True, False):
        tape = Tape()
        tape.opens(0, "c1")
        tape.tell(1, d.OfferMade("of-c1", "c1", "a", OfferReason.NEW, 1, 0))
        if leapt:
            tape.journalled.leap()
        else:
            tape.journalled.forget(T0 + 25 * 3_600_000)
        tape.tell(90_000, d.OfferEnded("of-c1", OfferState.ACCEPTED, "a"), d.AssignmentEnded("c1", "a", "completed"))
        assert tape.journalled.paces(T0 + 90_000_000, CALLS).busy_s == 300.0
