"""Overflow by conditions: after a wait, over a length, while the other queue keeps its own target; the rank stays (I8)."""

from typing import Any

import msgspec

from ccc_router.events.commands import AssignContact, DeclineOffer, SetPriority
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, Presence, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import State
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Calendar, Interval, OverflowRule, Queue, QueueProfile, ServiceLevel
from tests.support.matcher import Watched as World
from tests.support.world import CHANNELS, a_catalogue, an_agent, check_invariants, text


def a_centre(
    *rules: OverflowRule,
    back: tuple[OverflowRule, ...] = (),
    limits: dict[str, int] | None = None,
    to: str = "",
    **helping: Any,
) -> World:
    """Everybody serves ``health`` alone; ``general`` overflows there by the rules given, and ``health`` back by others."""
    return World(
        a_catalogue(
            *(an_agent(agent, profiles=(QueueProfile("health"),)) for agent in ("an", "binh")),
            an_agent("chi", profiles=(QueueProfile("general"),)),
            queues=(
                Queue(
                    "general",
                    text("General"),
                    channels=CHANNELS,
                    overflow_when=rules,
                    max_waiting=limits or {},
                    overflow=to,
                ),
                Queue("health", text("Health"), channels=CHANNELS, overflow_when=back, **helping),
            ),
        )
    )


def moves(world: World) -> list[tuple[str, str, str]]:
    """(contact, to, why) of every overflow so far."""
    return [
        (one.contact_id, one.queue, one.why)
        for _, made in world.log
        for one in made.decisions
        if isinstance(one, d.ContactOverflowed)
    ]


def put_off(world: World) -> int:
    return sum(isinstance(one, d.OverflowPutOff) for _, made in world.log for one in made.decisions)


def test_after_its_wait_a_contact_goes_to_the_other_queue_with_its_rank() -> None:
    world = a_centre(OverflowRule("health", after_wait_s=60))
    world.sign_in("an")
    contact = world.write()
    rank = world.contact(contact).rank
    world.wait(59)
    assert world.offered_to(contact) == ""
    world.wait(1)
    assert (world.offered_to(contact), world.contact(contact).rank) == ("an", rank)
    assert moves(world) == [(contact, "health", "after_wait")]


def test_who_comes_when_too_many_wait_overflows_and_those_who_wait_stay() -> None:
    world = a_centre(OverflowRule("health", length_over=2))
    waiting = [world.write(Channel.EMAIL) for _ in range(2)]
    third = world.write(Channel.EMAIL)
    assert moves(world) == [(third, "health", "length")]
    assert [world.contact(one).queue for one in waiting] == ["general", "general"]


def test_nobody_overflows_while_somebody_is_free_here() -> None:
    """I8: the length counts who waits, and the newcomer is offered first."""
    world = a_centre(OverflowRule("health", length_over=1))
    world.sign_in("chi")
    taken = world.write()
    world.accept("chi")
    second = world.write()
    assert (world.offered_to(second), moves(world)) == ("chi", [])
    assert world.contact(taken).queue == "general"


def test_two_queues_that_overflow_into_each_other_do_so_once() -> None:
    """R-21: No ping-pong: to each queue at most once, and then no timer asks again."""
    world = a_centre(OverflowRule("health", after_wait_s=60), back=(OverflowRule("general", after_wait_s=60),))
    contact = world.write()
    world.wait(3600)
    assert moves(world) == [(contact, "health", "after_wait")]
    assert world.contact(contact).overflow_at == 0


def test_a_helping_queue_below_its_target_gets_nothing_more() -> None:
    """Its own contacts come first: the last answered ones must keep its service level."""
    world = a_centre(
        OverflowRule("health", after_wait_s=60, if_on_target=True), service_level=ServiceLevel(80, 20)
    )  # fmt: skip
    late = world.write(queue="health")
    world.wait(30)
    world.sign_in("an")
    world.accept("an")
    assert world.contact(late).answered_at
    contact = world.write()
    world.wait(61)
    assert (moves(world), put_off(world)) == ([], 1)
    for _ in range(4):  # four of five in time: on target again
        soon = world.write(queue="health")
        agent = world.offered_to(soon)
        world.accept(agent)
        world.complete(agent, soon)
    world.wait(60)
    assert moves(world) == [(contact, "health", "after_wait")]


def test_the_count_of_answers_is_part_of_the_state() -> None:
    """I13: a state loaded from its rows judges the helping queue alike."""
    world = a_centre(OverflowRule("health", after_wait_s=60, if_on_target=True))
    world.write(queue="health")
    world.wait(30)
    world.sign_in("an")
    world.accept("an")
    loaded = State("main", world.catalogue)
    loaded.load(world.state.dump())
    assert [row.answered for row in loaded.dump().queues] == [(0,)]


def test_looking_again_costs_ever_less() -> None:
    """Flat cost: a contact that may not move is looked at after twice the wait, not every half minute."""
    world = a_centre(OverflowRule("health", after_wait_s=60, if_on_target=True))
    world.write(queue="health")
    world.wait(30)
    world.sign_in("an")
    world.accept("an")
    world.write()
    world.wait(60 * 2**8)
    assert 8 <= put_off(world) <= 9


def test_what_a_person_assigned_does_not_overflow() -> None:
    """R-31: a person's decision wins."""
    world = a_centre(OverflowRule("health", after_wait_s=60))
    world.sign_in("chi", Presence.NOT_READY)
    contact = world.write(Channel.PORTAL)
    world.give(AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact, agent_id="chi", reason="x"))
    world.sign_in("an")
    world.wait(3600)
    assert moves(world) == []


def ring(world: World, call_id: str) -> str:
    world.call(CallEventName.OFFERED, call_id)
    return derive("ct", "hotline", "call", call_id)


def test_a_full_queue_overflows_if_it_can() -> None:
    world = a_centre(limits={"phone": 1}, to="health")
    first, second = ring(world, "c1"), ring(world, "c2")
    assert moves(world) == [(second, "health", "full")]
    assert world.contact(first).queue == "general"


def test_a_caller_whom_a_full_queue_cannot_pass_on_hears_so() -> None:
    """R-26: Deflected with a follow-up on his case (I9); who waited already goes on waiting, and keeps his place."""
    world = a_centre(limits={"phone": 1})
    first, second = ring(world, "c1"), ring(world, "c2")
    assert (world.state_of(first), world.state_of(second)) == (ContactState.QUEUED, ContactState.DEFLECTED)
    said = [
        one.data for one in world.log[-1][1].decisions if isinstance(one, d.DeliveryOwed) and one.command == "announce"
    ]
    assert [data["announcement"] for data in said] == ["full"]
    assert world.state.cases[world.contact(second).case_id].due_at


def test_a_message_is_never_refused_for_want_of_room() -> None:
    """Nothing is dropped: it waits beyond the limit; the limit of one channel is none of another's."""
    world = a_centre(limits={"email": 0, "phone": 1})
    letters = [world.write(Channel.EMAIL) for _ in range(3)]
    assert {world.state_of(one) for one in letters} == {ContactState.QUEUED}
    assert world.state_of(ring(world, "c1")) is ContactState.QUEUED


def test_a_caller_somebody_is_free_for_is_never_turned_away() -> None:
    """I8: even where nobody may wait at all; and who was let in once is not turned away when the agent declines."""
    world = a_centre(limits={"phone": 0})
    world.sign_in("chi")
    contact = ring(world, "c1")
    assert world.offered_to(contact) == "chi"
    world.wait(1)
    offer_id = world.contact(contact).offer_id
    world.give(DeclineOffer(actor="chi", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
    assert world.state_of(contact) is ContactState.QUEUED


def closing_at_ten_past_three(limit: int) -> World:
    """``general`` closes ten minutes from now, and whoever waits there then goes to ``health``, where An and Binh work."""
    until = tuple(Interval(day, 0, 15 * 60 + 10) for day in range(7))
    world = a_centre(limits={}, to="health", max_waiting={"phone": limit})
    general = msgspec.structs.replace(
        world.catalogue.queues[0], hours={"default": "until"}, when_closed={"default": "overflow"}
    )
    catalogue = msgspec.structs.replace(
        world.catalogue,
        queues=(general, world.catalogue.queues[1]),
        calendars=(*world.catalogue.calendars, Calendar("until", until)),
    )
    world = World(catalogue)
    world.wait(0)
    return world


def test_i8_of_several_who_overflow_at_once_the_best_ranks_are_offered_and_who_is_too_many_hears_so() -> None:
    """They come to the other queue with one input: whoever is looked at first must not take the place of a better rank."""
    world = closing_at_ten_past_three(limit=1)
    for agent in ("an", "binh"):
        world.sign_in(agent)
    for number in range(5):
        world.call(CallEventName.OFFERED, f"c{number}")
        world.wait(1)
    calls = [derive("ct", "hotline", "call", f"c{number}") for number in range(5)]
    last = calls[4]
    world.give(SetPriority(actor="sup", actor_role=Role.SUPERVISOR, contact_id=last, priority=3, reason="asked"))
    assert {world.state_of(one) for one in calls} == {ContactState.QUEUED}
    world.wait(595)
    assert moves(world) == [(one, "health", "closed") for one in (last, *calls[:4])]
    offered = {one for one in calls if one in world.state.contacts and world.state_of(one) is ContactState.OFFERED}
    assert offered == {last, calls[0]}
    waiting = [one for one in calls if one in world.state.contacts and world.state_of(one) is ContactState.QUEUED]
    assert len(waiting) == 1, "as many as may"
    check_invariants(world.state)
