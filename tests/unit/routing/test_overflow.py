"""Overflow by conditions: after a wait, over a length, while the other queue keeps its own target; the rank stays (R-15, I8)."""

from typing import Any

from ccc_router.events.commands import AssignContact
from ccc_router.events.vocabulary import Channel, Presence, Role
from ccc_router.routing import State
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import OverflowRule, Queue, QueueProfile, ServiceLevel
from tests.support.world import CHANNELS, World, a_catalogue, an_agent, text


def a_centre(*rules: OverflowRule, back: tuple[OverflowRule, ...] = (), **helping: Any) -> World:
    """Everybody serves ``health`` alone; ``general`` overflows there by the rules given, and ``health`` back by others."""
    return World(
        a_catalogue(
            *(an_agent(agent, profiles=(QueueProfile("health"),)) for agent in ("an", "binh")),
            an_agent("chi", profiles=(QueueProfile("general"),)),
            queues=(
                Queue("general", text("General"), channels=CHANNELS, overflow_when=rules),
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
    """No ping-pong: to each queue at most once, and then no timer asks again."""
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
