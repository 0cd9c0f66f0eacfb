"""Beyond the first answer: the simulator plays transfers, escalations with what comes back, and callbacks, and counts everybody (I18)."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from ccc_router.events.vocabulary import Channel
from ccc_router.queues.catalogue import as_document
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Calendar, Catalogue, Department, Interval, Queue, QueueProfile, Text
from ccc_router.simulation.command import Asked, simulate
from ccc_router.simulation.experiment import described, try_out
from ccc_router.simulation.measures import measure, thresholds_of
from ccc_router.simulation.report.table import lines_of
from ccc_router.simulation.workloads.description import Behaviour, Callbacks, Departments, Description
from ccc_router.simulation.workloads.synthetic import synthetic
from ccc_router.simulation.workloads.workload import Arrival, CallingBack, Escalating, Transfer
from ccc_router.simulation.world.living import World
from ccc_router.simulation.world.stays import Outcome, Run
from tests.simulation.test_recorder import _recorded
from tests.support.simulated import START, Journal, demo, one_queue, workload

HOUR: Final = 3_600_000
NAME: Final = Text(vi="-", en="-")


def rates(**changes: Any) -> Description:
    """A morning in which much is handed on, escalated and called back."""
    ways = {
        name: msgspec.structs.replace(
            one, transfer_percent=20, transfers=2, escalate_percent=15,
            callback_percent=40 if name == "phone" else 0, callback_after_s=40,
        )
        for name, one in Description().channels.items()
    }  # fmt: skip
    solving, calling = Departments(solved_s=3600, returned_percent=25), Callbacks(missed_percent=40)
    made = Description(hours=11, channels=ways, departments=solving, callbacks=calling, load_percent=85)
    return msgspec.structs.replace(made, **changes)


def two_queues(agents: int = 2) -> Catalogue:
    """``only`` and ``other``, each with so many agents of its own, and a department that is always there."""
    made = one_queue(2 * agents)
    staff = tuple(
        msgspec.structs.replace(
            one, profiles=(QueueProfile("only" if number < agents else "other"),), capacity=msgspec.structs.replace(
                one.capacity, channels={"phone": 1, "email": 2, "internal": 1}
            ),
        )
        for number, one in enumerate(made.agents)
    )  # fmt: skip
    queues = tuple(Queue(one, NAME, channels=("phone", "email", "internal")) for one in ("only", "other"))
    always = Calendar("always", tuple(Interval(day, 0, 1440) for day in range(7)))
    return msgspec.structs.replace(
        made, agents=staff, queues=queues, calendars=(always,),
        departments=(Department("experts", NAME, "always", url="https://experts.invalid/"),),
    )  # fmt: skip


def lived(*arrivals: Arrival, hours: float = 2.0, catalogue: Catalogue | None = None) -> tuple[World, Run, Journal]:
    journal, catalogue = Journal(), catalogue or two_queues()
    world = World(catalogue, workload(catalogue, list(arrivals), hours), journal.take)
    return world, world.go(), journal


def made_of(journal: Journal, kind: type[d.Decision]) -> list[Any]:
    return [one for _, done in journal.entries for one in done.decisions if isinstance(one, kind)]


# everybody is counted


def test_i18_contacts_opened_are_those_that_ended_and_those_that_are_open() -> None:
    """With transfers, callbacks, departments and what comes back; nothing that anybody did was refused."""
    journal, description = Journal(), rates()
    world = World(demo(), synthetic(description, demo(), 5), journal.take)
    run = world.go()
    opened = {one.contact_id for one in made_of(journal, d.ContactOpened)}
    ended = {one.contact_id for one in made_of(journal, d.ContactEnded)}
    still = {one.id for one in world.state.contacts.values() if one.id not in ended}
    assert opened - ended == still
    assert len(opened) == len(run.stays) == len(ended) + sum(stay.outcome is Outcome.OPEN for stay in run.stays)
    found = measure(run, thresholds_of(demo()))
    whole = sum(one.offered for one in found.channels.values())
    assert whole == len(run.stays) == found.total.offered + found.channels["internal"].offered
    passed, told = run.passed, [one.what for one in made_of(journal, d.EscalationSet)]
    assert (passed.escalated, passed.solved, passed.returned) == tuple(
        map(told.count, ("raised", "answered", "returned"))
    )
    assert passed.escalated == passed.solved + passed.returned + sum(
        one.state in ("raised", "acknowledged") for one in world.state.escalations.values()
    )
    assert passed.promised == sum(one.what == "promised" for one in made_of(journal, d.CallbackSet))
    assert passed.reached == len(made_of(journal, d.CallbackReached))
    open_promises = sum(one.callback is not None for one in world.state.contacts.values())
    assert passed.promised == passed.reached + passed.unreached + open_promises
    assert run.refused == 0
    assert min(msgspec.structs.astuple(passed)) > 0, passed


def test_rates_of_zero_are_the_run_there_was_and_rates_change_nobody_who_comes() -> None:
    """Common random numbers: what was drawn before these rates were there is drawn as before."""
    plain, with_rates = (synthetic(one, demo(), 3) for one in (rates(channels=Description().channels), rates()))
    same = [
        msgspec.structs.replace(one, transfers=(), escalation=None, callback=CallingBack())
        for one in with_rates.arrivals
    ]
    bare = [msgspec.structs.replace(one, callback=CallingBack()) for one in plain.arrivals]
    assert same == bare
    none = synthetic(Description(hours=11, load_percent=85), demo(), 3)
    assert list(none.arrivals) == bare
    assert all(
        one.transfers == () and one.escalation is None and one.callback == CallingBack() for one in none.arrivals
    )


def test_the_same_seed_gives_the_same_table_and_a_catalogue_differs_from_itself_by_nothing() -> None:
    pair, morning = (
        [("a", demo()), ("b", demo())],
        rates(starts="2026-03-02T08:00:00+07:00", hours=3.0, contacts_per_day=1200.0),
    )
    runs = [try_out(pair, described(morning, [demo()], 4), 1, 4) for _ in range(2)]
    assert msgspec.json.encode(runs[0]) == msgspec.json.encode(runs[1])
    beyond = runs[0].comparison.beyond
    assert set(beyond) == {"transferred", "escalated", "solved_ms", "returned", "back_wait_ms", "promised", "reached"}
    assert all(one.difference.mean == 0 for one in beyond.values())


# transfers


def test_who_is_handed_on_is_handled_there_by_another_for_the_rest() -> None:
    caller = Arrival(
        START, Channel.PHONE, 60_000, queue="only", wrap_up_ms=5000, transfers=(Transfer("other", 20_000),)
    )
    _, run, journal = lived(caller)
    [stay] = run.stays
    active = [(one.agent_id) for one in made_of(journal, d.OfferMade)]
    assert active == ["agent-000", "agent-002"]
    assert (stay.answered_at, stay.ended_at, stay.outcome) == (START, START + 85_000, Outcome.CLOSED)
    assert run.passed.transferred == 1
    assert [run.agents[one].busy_ms for one in ("agent-000", "agent-002")] == [20_000, 65_000]


def test_within_his_queue_another_agent_goes_on() -> None:
    letter = Arrival(START, Channel.EMAIL, 60_000, queue="only", transfers=(Transfer("only", 20_000),))
    _, _, journal = lived(letter)
    assert [one.agent_id for one in made_of(journal, d.OfferMade)] == ["agent-000", "agent-001"]


def test_where_a_catalogue_has_no_such_queue_the_agent_goes_on_himself() -> None:
    """A customer carries his draws: the same under a catalogue that knows nothing of them."""
    caller = Arrival(START, Channel.PHONE, 60_000, queue="only", transfers=(Transfer("gone", 20_000),))
    _, run, journal = lived(caller)
    assert (run.stays[0].ended_at, run.passed.transferred, run.refused) == (START + 80_000, 0, 1)
    assert len(made_of(journal, d.OfferMade)) == 1


def test_who_waits_in_vain_after_a_transfer_leaves_and_was_answered() -> None:
    nobody_there = two_queues(1)
    staff = nobody_there.agents[:1]
    caller = Arrival(
        START, Channel.PHONE, 60_000, queue="only", patience_ms=30_000, transfers=(Transfer("other", 20_000),)
    )
    _, run, _ = lived(caller, catalogue=msgspec.structs.replace(nobody_there, agents=staff))
    assert (run.stays[0].answered_at, run.stays[0].ended_at) == (START, START + 50_000)
    assert run.stays[0].outcome is Outcome.CLOSED


# departments


@pytest.mark.parametrize("returned", [False, True])
def test_what_a_department_sends_back_is_handled_by_an_agent(returned: bool) -> None:
    does = Escalating("experts", acknowledged_ms=60_000, solved_ms=HOUR, returned=returned, handling_ms=90_000)
    _, run, journal = lived(Arrival(START, Channel.PHONE, 30_000, queue="only", escalation=does))
    customer, back = run.stays
    assert (customer.channel, customer.ended_at) == (Channel.PHONE, START + 30_000)
    assert (back.channel, back.arrived_at, back.ended_at) == (
        Channel.INTERNAL,
        START + 30_000 + HOUR,
        START + 120_000 + HOUR,
    )
    told = [one.what for one in made_of(journal, d.EscalationSet)]
    assert (
        told == ["raised", "acknowledged", "returned"]
        if returned
        else ["raised", "acknowledged", "answered", "accepted"]
    )
    assert (run.passed.solved, run.passed.returned) == (int(not returned), int(returned))
    assert run.passed.solved_ms == (0 if returned else HOUR)


def test_a_clock_that_runs_out_gives_an_agent_work_as_well() -> None:
    """The core's own deadlines are played: nobody acknowledged in four hours."""
    does = Escalating("experts", handling_ms=90_000)
    _, run, _ = lived(Arrival(START, Channel.EMAIL, 30_000, queue="only", escalation=does), hours=5)
    assert [(stay.channel, stay.arrived_at - START) for stay in run.stays] == [
        (Channel.EMAIL, 0), (Channel.INTERNAL, 30_000 + 4 * HOUR),
    ]  # fmt: skip


def test_a_department_that_is_in_no_catalogue_gets_nothing() -> None:
    _, run, journal = lived(
        Arrival(START, Channel.EMAIL, 30_000, queue="only", escalation=Escalating("gone", solved_ms=1))
    )
    assert (run.passed.escalated, made_of(journal, d.EscalationSet), len(run.stays)) == (0, [], 1)


# callbacks


def waiting_behind(callback: CallingBack) -> list[Arrival]:
    """Two talk for ten minutes with both agents; the third would give up after three."""
    busy = [Arrival(START, Channel.PHONE, 600_000, queue="only") for _ in range(2)]
    return [*busy, Arrival(START + 1, Channel.PHONE, 60_000, queue="only", patience_ms=180_000, callback=callback)]


def test_who_chooses_a_callback_keeps_his_place_and_is_reached() -> None:
    _, run, journal = lived(*waiting_behind(CallingBack(wish_ms=60_000, ring_ms=4000)))
    stay = run.stays[2]
    assert (stay.answered_at, stay.outcome) == (START + 604_000, Outcome.CLOSED)
    assert stay.ended_at == START + 664_000
    assert (run.passed.promised, run.passed.reached, run.passed.unreached) == (1, 1, 0)
    assert [one.what for one in made_of(journal, d.CallbackSet)] == ["promised"]


def test_whoever_is_missed_is_called_again_after_the_pause_of_the_policy() -> None:
    _, run, _ = lived(*waiting_behind(CallingBack(wish_ms=60_000, missed=1, ring_ms=4000)))
    assert run.stays[2].answered_at == START + 604_000 + 900_000 + 4000


def test_who_is_never_reached_was_not_answered_and_did_not_give_up() -> None:
    _, run, _ = lived(*waiting_behind(CallingBack(wish_ms=60_000, missed=9)), hours=3)
    stay = run.stays[2]
    assert (stay.answered_at, stay.outcome) == (0, Outcome.CLOSED)
    assert (run.passed.promised, run.passed.reached, run.passed.unreached) == (1, 0, 1)


def test_who_was_answered_or_gave_up_before_he_would_have_chosen_is_called_back_by_nobody() -> None:
    _, run, _ = lived(*waiting_behind(CallingBack(wish_ms=200_000)))
    assert (run.stays[2].outcome, run.passed.promised) == (Outcome.ABANDONED, 0)


def test_what_a_closed_queue_promises_by_itself_is_kept_in_the_morning() -> None:
    made = two_queues()
    hours = Calendar("hours", tuple(Interval(day, 60, 1440) for day in range(7)))
    only = msgspec.structs.replace(made.queues[0], hours={"phone": "hours"}, when_closed={"phone": "callback_list"})
    catalogue = msgspec.structs.replace(made, calendars=(*made.calendars, hours), queues=(only, made.queues[1]))
    _, run, _ = lived(Arrival(START, Channel.PHONE, 60_000, queue="only", patience_ms=60_000), catalogue=catalogue)
    assert (run.stays[0].answered_at, run.passed.promised, run.passed.reached) == (START + HOUR + 5000, 1, 1)


# from a journal


def test_what_a_journal_told_is_what_had_been_put_in() -> None:
    transferred = Arrival(
        START, Channel.PHONE, 60_000, queue="only", wrap_up_ms=5000, transfers=(Transfer("other", 20_000),)
    )
    does = Escalating("experts", acknowledged_ms=60_000, solved_ms=HOUR, handling_ms=90_000)
    escalated = Arrival(START + 900_000, Channel.EMAIL, 30_000, queue="only", escalation=does)
    called = [
        msgspec.structs.replace(one, at_ms=one.at_ms + 1_200_000)
        for one in waiting_behind(CallingBack(60_000, 1, 4000))
    ]
    journal, catalogue = Journal(), two_queues()
    made = workload(catalogue, [transferred, escalated, *called], 3)
    _, recorder = _recorded(World(catalogue, made, journal.take), journal)
    found = recorder.workload(START, START + 3 * HOUR).arrivals
    assert [one.transfers for one in found] == [transferred.transfers, (), (), (), ()]
    assert [one.escalation for one in found] == [None, does, None, None, None]
    assert (found[0].handling_ms, found[0].wrap_up_ms, found[1].handling_ms) == (60_000, 5000, 30_000)
    assert found[-1].callback == CallingBack(60_000, 1, 4000)
    assert found[-1].handling_ms == 60_000
    assert all(one.callback.wish_ms > 0 and one.callback.missed == 1 for one in found if one.channel is Channel.PHONE)


def test_a_run_of_what_was_recorded_has_the_rates_of_the_run_it_was_recorded_from() -> None:
    """Also of those whom nobody answered: they go on as others of their channel did."""
    journal = Journal()
    run, recorder = _recorded(World(demo(), synthetic(rates(), demo(), 2), journal.take), journal)
    again = World(demo(), recorder.workload(START, START + 11 * HOUR)).go()
    for name in ("transferred", "escalated", "promised", "reached"):
        before, after = (getattr(one.passed, name) / len(one.stays) for one in (run, again))
        assert after == pytest.approx(before, abs=0.05), name


# what people see


def test_the_table_the_json_and_the_page_show_it(tmp_path: Path) -> None:
    written, out, page = (tmp_path / name for name in ("described.json", "out.json", "out.html"))
    ways = {"phone": Behaviour(share_percent=100, transfer_percent=30, patience_s=120, callback_percent=50)}
    written.write_bytes(msgspec.json.encode(Description(hours=9, channels=ways, load_percent=90)))
    catalogue = tmp_path / "demo.json"
    catalogue.write_text(json.dumps(as_document(demo())), encoding="utf-8")
    asked = Asked(catalogues=(catalogue,), synthetic=written, replications=2, json=out, report=page)
    lines = list(lines_of(simulate(asked)))
    document = json.loads(out.read_bytes())
    share = document["comparison"]["beyond"]["transferred"]["first"]["mean"]
    assert any(line.startswith("transferred / được chuyển tiếp") and f"{100 * share:.1f} " in line for line in lines)
    assert document["first"][0]["passed"]["promised"] > 0
    html = page.read_text(encoding="utf-8")
    assert all(word in html for word in ("Beyond the first answer", "Sau lần trả lời đầu tiên", "callbacks promised"))
    assert not any(line.startswith("escalated") for line in lines), "what nobody met is not shown"
