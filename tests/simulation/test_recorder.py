"""A workload from the journal: what a run's own entries tell is what had been put in."""

from collections import Counter

import msgspec
import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.vocabulary import Channel
from ccc_router.simulation.measures import measure, thresholds_of
from ccc_router.simulation.workloads.recorder import Recorder
from ccc_router.simulation.workloads.workload import MISSED, Arrival, Redial
from ccc_router.simulation.world.living import World
from ccc_router.simulation.world.stays import Outcome, Run
from tests.support.simulated import HOUR, START, Journal, a_day, demo, one_queue, workload


def _entries(journal: Journal) -> list[Entry]:
    """A run's journal as the tables hold it."""
    found = []
    for given, done in journal.entries:
        found.append(Entry("p", given.position, given.at, "input", "-", given.position, 1, canonical(given)))
        for number, decision in enumerate(done.decisions, given.position + 1):
            kind = str(type(decision).__struct_config__.tag)
            found.append(Entry("p", number, given.at, "decision", kind, given.position, 1, canonical(decision)))
    return found


def _recorded(run_of: World, journal: Journal) -> tuple[Run, Recorder]:
    run = run_of.go()
    recorder = Recorder()
    for entry in _entries(journal):
        recorder.take(entry)
    return run, recorder


def test_arrivals_handling_and_patience_are_those_that_were_put_in() -> None:
    """Everybody is in it once; who was answered talks as long, who gave up waits as long, who missed an offer misses it."""
    journal, made = Journal(), a_day(hours=10)
    run, recorder = _recorded(World(demo(), made, journal.take), journal)
    found = recorder.workload(START, START + 10 * HOUR)
    assert [(one.at_ms, one.channel, one.language) for one in found.arrivals] == [
        (stay.arrived_at, stay.channel, stay.language) for stay in run.stays
    ]
    seen = Counter[str]()
    for stay, one in zip(run.stays, found.arrivals, strict=True):
        put_in = made.arrivals[stay.number]
        if stay.outcome is Outcome.CLOSED and stay.channel is Channel.PHONE:
            assert (one.handling_ms, one.wrap_up_ms) == (put_in.handling_ms, min(put_in.wrap_up_ms, 60_000))
            assert one.patience_ms > stay.waited_ms(run.until_ms)
            missed = one.reactions_ms.count(MISSED)
            drawn = (*put_in.reactions_ms, *put_in.reactions_ms[-1:] * 9)
            shown = iter(
                [MISSED if reaction >= 15_000 else reaction for reaction in drawn]
            )  # an offer of a call stands 15 s
            assert all(
                reaction in shown for reaction in one.reactions_ms[:-1]
            )  # in order; one that a break took back is none
            seen["missed"] += missed
        elif stay.outcome is Outcome.CLOSED:
            assert one.handling_ms == put_in.handling_ms + put_in.wrap_up_ms
        elif stay.outcome is Outcome.ABANDONED:
            assert one.patience_ms == stay.ended_at - stay.arrived_at
        seen[stay.outcome.value] += 1
    assert min(seen["missed"], seen["closed"], seen["abandoned"]) > 10


def test_a_run_of_the_recorded_workload_is_like_the_run_it_was_recorded_from() -> None:
    journal = Journal()
    run, recorder = _recorded(World(demo(), a_day(hours=10), journal.take), journal)
    again = World(demo(), recorder.workload(START, START + 10 * HOUR)).go()
    before, after = (measure(one, thresholds_of(demo())) for one in (run, again))
    assert after.total.service_level == pytest.approx(before.total.service_level, abs=0.05)
    assert after.occupancy == pytest.approx(before.occupancy, abs=0.05)


def test_shifts_are_when_agents_were_there_and_missed_offers_end_none() -> None:
    one = one_queue(1)
    caller = Arrival(START, Channel.PHONE, 10_000, queue="only", reactions_ms=(MISSED, MISSED, MISSED, 0))
    made = workload(one, [caller], hours=2)
    shift = msgspec.structs.replace(made.shifts[0], until_ms=START + HOUR)
    journal = Journal()
    _, recorder = _recorded(World(one, msgspec.structs.replace(made, shifts=(shift,)), journal.take), journal)
    assert recorder.workload(START, START + 2 * HOUR).shifts == (shift,)


def test_who_calls_again_is_an_arrival_and_only_the_window_counts() -> None:
    nobody = one_queue(0)
    caller = Arrival(START, Channel.PHONE, 1000, queue="only", patience_ms=5000, redials=(Redial(HOUR, 7000),))
    journal = Journal()
    _, recorder = _recorded(World(nobody, workload(nobody, [caller], hours=2), journal.take), journal)
    both = recorder.workload(START, START + 2 * HOUR).arrivals
    assert [(one.at_ms - START, one.patience_ms, one.redials) for one in both] == [
        (0, 5000, ()),
        (HOUR + 5000, 7000, ()),
    ]
    assert len(recorder.workload(START + HOUR, START + 2 * HOUR).arrivals) == 1
