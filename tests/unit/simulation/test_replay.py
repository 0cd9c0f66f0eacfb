"""Replay: what is decided again, what is only applied, and how the first difference is told (I13)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import cache

import msgspec
import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.journal import Link
from ccc_router.queues.store.loading import NO_CATALOGUE, Unreadable
from ccc_router.routing import CORE_VERSION, State
from ccc_router.simulation.replaying import EVERYTHING, Counts, Difference, Replay, Window, bound, replay, told
from tests.support.day import open_day


@cache
def a_day() -> tuple[Entry, ...]:
    """A short day with everything in it."""
    centre = open_day(7, contacts=60, hours=1, copies=1)
    return tuple(entry for link in centre.run(1) for entry in link.entries)


def picture(state: State) -> bytes:
    """Everything a later decision may depend on."""
    rows = state.dump()
    for name in rows.__struct_fields__:
        getattr(rows, name).sort(key=lambda row: row.id)
    return canonical([state.position, state.now, state.book.version, rows])


def go(entries: Iterable[Entry], window: Window = EVERYTHING) -> tuple[Replay, Difference | None]:
    """Replay entries as one batch."""

    async def links() -> AsyncIterator[Link]:
        yield Link(1, 0, b"", b"", tuple(entries))

    running = Replay(State("main", NO_CATALOGUE), window)
    return running, asyncio.run(replay(running, links()))


def first(kind: str, skip: int = 0) -> Entry:
    """The first entry of a kind, or a later one."""
    return [entry for entry in a_day() if entry.kind == kind][skip]


def without(entry: Entry) -> list[Entry]:
    """The day as if an entry had never been written: what comes after it moves up."""
    return [one for one in a_day() if one.position < entry.position] + [
        msgspec.structs.replace(one, position=one.position - 1, cause=one.cause - (one.cause > entry.position))
        for one in a_day()
        if one.position > entry.position
    ]


def test_i13_a_whole_day_is_decided_again() -> None:
    running, found = go(a_day())
    inputs = [entry for entry in a_day() if entry.form == "input"]
    assert found is None
    assert running.counts == Counts(
        inputs=len(inputs) - 1, compared=len(a_day()) - 1, applied=1, other_core=0, parked=1
    )
    assert {"OfferMade", "EscalationSet", "CommandRefused", "CatalogueActivated"} <= {one.kind for one in a_day()}


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 0.9])
def test_i13_a_window_begins_with_the_state_before_it_and_compares_all_that_follows_from_its_inputs(
    share: float,
) -> None:
    """Whether entries are applied or decided, the state behind them is one and the same."""
    middle = first("OfferMade", 20)
    begins, ends = round(share * len(a_day())), middle.cause
    running, found = go(a_day(), Window(bound(str(begins)), bound(str(ends))))
    decided = [one for one in a_day() if begins <= one.cause <= ends and one.kind != "InputParked"]
    assert found is None
    assert running.counts.compared == len(decided)
    assert running.counts.inputs == sum(one.form == "input" for one in decided)
    applied, _ = go([one for one in a_day() if one.position <= running.state.position], Window(bound("999999")))
    assert applied.counts.inputs == 0
    assert picture(applied.state) == picture(running.state)
    assert not decided or running.state.position == decided[-1].position


def test_i13_a_window_of_times() -> None:
    from_there = first("OfferMade", 3)
    window = Window(bound("2026-11-23T09:00:00+07:00"), bound("2026-11-23T10:00:00+07:00"))
    assert (window.first.at, window.last.at) == (1_795_399_200_000, 1_795_402_800_000)
    inside = Window(window.first._replace(at=from_there.at), window.last._replace(at=from_there.at))
    running, found = go(a_day(), inside)
    assert found is None
    assert running.counts.inputs == sum(one.form == "input" and one.at == from_there.at for one in a_day()) > 0


@pytest.mark.parametrize("text", ["", "monday", "-1", "2026-11-23T09:00:00", "1.5"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a position nor a time"):
        bound(text)


def test_i13_a_changed_decision_is_told_with_its_input() -> None:
    offer = first("OfferMade", 5)
    other = msgspec.structs.replace(offer, body=offer.body.replace(b'"attempt":', b'"attempt":9'))
    _, found = go([other if one is offer else one for one in a_day()])
    assert found is not None
    assert found.position == offer.position
    assert found.given.position == offer.cause
    assert found.recorded is not None
    assert found.decided is not None
    assert (found.recorded.body, found.decided.body) == (other.body, offer.body)
    assert told(found).splitlines()[0] == f"first difference at position {offer.position}"


@pytest.mark.parametrize("kind", ["OfferMade", "CommandRefused", "ContactForgotten"])
def test_i13_a_decision_that_was_not_recorded_is_told(kind: str) -> None:
    """As the first of several, as the last of several, as the only one."""
    gone = first(kind)
    _, found = go(without(gone))
    assert found is not None
    assert (found.position, found.given.position) == (gone.position, gone.cause)
    assert found.decided is not None
    assert found.decided.body == gone.body
    assert found.recorded is None or found.recorded.cause == gone.cause


def test_i13_a_decision_that_is_missing_at_the_end_of_the_window_is_told() -> None:
    gone = first("CommandRefused")
    _, found = go(without(gone), Window(last=bound(str(gone.cause))))
    assert found is not None
    assert found.position == gone.position


def test_i13_a_decision_that_is_not_made_again_is_told() -> None:
    last = first("CommandRefused")
    more = msgspec.structs.replace(last, position=last.position + 1, kind="PenaltyOver")
    upto = [one for one in a_day() if one.position <= last.position]
    _, found = go([*upto, more])
    assert found is not None
    assert (found.position, found.decided) == (more.position, None)
    assert "decided   nothing" in told(found)


def test_i13_an_input_that_cannot_be_decided_any_more_is_told() -> None:
    """A timer that this core does not know makes it raise."""
    timer = first("TimerFired")
    broken = msgspec.structs.replace(timer, body=timer.body.replace(b'"timer":"', b'"timer":"x'))
    _, found = go([broken if one is timer else one for one in a_day()])
    assert found is not None
    assert (found.position, found.recorded, found.decided) == (timer.position, None, None)
    assert found.raised.startswith("KeyError: 'x")


def test_i13_an_input_with_more_than_this_core_reads_is_told() -> None:
    """Something in it might decide, and would be lost without a word."""
    came = first("MessageReceived")
    richer = msgspec.structs.replace(came, body=came.body.replace(b'"body":{', b'"body":{"mood":"good",'))
    _, found = go([richer if one is came else one for one in a_day()])
    assert found is not None
    assert found.position == came.position


def test_i13_entries_of_another_core_version_are_applied_and_counted() -> None:
    """Doctored ones would differ if they were decided again."""
    middle = first("CatalogueActivated", 1).cause
    older = [
        msgspec.structs.replace(one, core_version=CORE_VERSION - 1) if one.position < middle else one for one in a_day()
    ]
    offer = next(number for number, one in enumerate(older) if one.kind == "OfferMade")
    older[offer] = msgspec.structs.replace(
        older[offer], body=older[offer].body.replace(b'"eligible":', b'"eligible":1')
    )
    running, found = go(older)
    assert found is None
    before = [one for one in a_day() if one.position < middle]
    assert running.counts.other_core == sum(one.form == "input" for one in before)
    assert running.counts.applied == len(before) + 1
    assert running.counts.compared == len(a_day()) - len(before) - 1


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(lambda: a_day()[1:], id="without its input"),
        pytest.param(
            lambda: [one for one in a_day() if one.cause != first("MessageReceived").position], id="with a gap"
        ),
        pytest.param(lambda: [msgspec.structs.replace(a_day()[0], body=b"{}"), *a_day()[1:]], id="that is no input"),
    ],
)
def test_a_journal_that_cannot_be_followed_is_refused(entries: Callable[[], Sequence[Entry]]) -> None:
    with pytest.raises(Unreadable):
        go(entries())
