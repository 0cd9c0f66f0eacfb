"""What users of other systems ask for (docs/requirements.md), where no story of another test shows it."""

import itertools
from functools import partial

import pytest

from ccc_router.events.commands import CloseContact, ExtendWrapUp, SetPriority, WaitForCustomer
from ccc_router.events.vocabulary import CallEventName, ContactState, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing.policy import Queue, QueueProfile, Requirement
from tests.support.calls import calls_of
from tests.support.world import CHANNELS, World, a_catalogue, an_agent, check_invariants, text


def supervised(contact_id: str) -> dict[str, object]:
    """What a supervisor's command begins with."""
    return {"actor": "sup", "actor_role": Role.SUPERVISOR, "contact_id": contact_id}


@pytest.mark.parametrize("taken", list(itertools.permutations(range(3))))
def test_r2_whoever_is_freed_gets_the_oldest_that_waits(taken: tuple[int, ...]) -> None:
    """Three are in hand and three wait; in whatever order the three end, the three go by their arrival, in the very step."""
    names = ("an", "binh", "chi")
    world = World(a_catalogue(*(an_agent(name, channels={"portal": 1}) for name in names)))
    held = {}
    for name in names:
        world.sign_in(name)
        contact_id = world.write()
        world.accept(name)
        held[name] = contact_id
    waiting = [world.write() for _ in names]
    for number, which in enumerate(taken):
        world.complete(names[which], held[names[which]])
        assert world.offered_to(waiting[number]) == names[which]


def test_r12_a_decision_looks_at_no_more_however_many_wait_and_work() -> None:
    """A hundred times as many contacts and agents, and not one call more."""
    counts = []
    for size in (4, 400):
        names = [f"a{number:03}" for number in range(size)]
        world = World(a_catalogue(*(an_agent(name, channels={"portal": 1}) for name in names)))
        held = {}
        for name in names:
            world.sign_in(name)
            held[name] = world.write()
            world.accept(name)
        for _ in range(5 * size):
            world.write()
        counts.append(calls_of(partial(world.complete, "a001", held["a001"])))
        assert world.state.agents["a001"].offer_id
    assert counts[0] == counts[1]


def test_r14_what_an_agent_may_not_take_holds_up_nothing_he_may() -> None:
    """A hundred urgent contacts of a queue he puts first, in a language he does not speak; he takes the plain one of the other queue."""
    profiles = (QueueProfile("health", 1), QueueProfile("general", 2))
    queues = (
        Queue("general", text("General"), channels=CHANNELS),
        Queue("health", text("Health"), (Requirement("hi", 3),), channels=CHANNELS),
    )
    world = World(a_catalogue(an_agent("an", profiles=profiles), queues=queues))
    for _ in range(100):
        contact_id = world.write(queue="health")
        world.give(SetPriority(**supervised(contact_id), priority=3, reason="urgent"))  # type: ignore[arg-type]
    plain = world.write(queue="general")
    world.sign_in("an")
    assert world.offered_to(plain) == "an"
    check_invariants(world.state)


def test_r15_wrap_up_is_the_agents_state_whatever_queue_serves_him_next_and_lasts_as_long_as_he_says() -> None:
    """One that ends at a time that is told, can be made longer, and keeps him from the calls of every queue until then."""
    world = World(a_catalogue(an_agent("an"), queues=tuple(
        Queue(name, text(name), channels=CHANNELS) for name in ("general", "health")
    )))  # fmt: skip
    world.sign_in("an")
    first, second = (derive("ct", "hotline", "call", call) for call in ("c1", "c2"))
    world.call(CallEventName.OFFERED, "c1", queue="general")
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, "c1", "leg-a", offer_id=world.contact(first).offer_id)
    world.call(CallEventName.OFFERED, "c2", queue="health")
    world.call(CallEventName.CONNECTION_CLEARED, "c1")
    ends_at = world.contact(first).ends_at
    assert (world.state_of(first), ends_at) == (ContactState.WRAP_UP, world.now + 60_000)
    world.wait(50)
    made = world.give(
        ExtendWrapUp(actor="an", actor_role=Role.AGENT, contact_id=first, extend_ms=30_000, reason="long note")
    )
    assert made.result == {"ends_at": ends_at + 30_000}
    world.wait(39.999)
    assert (world.state_of(first), world.offered_to(second)) == (ContactState.WRAP_UP, "")
    world.wait(0.001)
    assert world.offered_to(second) == "an"


def call_in(world: World, state: ContactState) -> str:
    """A contact that has come so far."""
    contact_id = derive("ct", "hotline", "call", "c1")
    if state is ContactState.WAITING:
        world.sign_in("an")
        contact_id = world.write()
        world.accept("an")
        world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=contact_id, until=world.now + 10**6))
        return contact_id
    world.call(CallEventName.OFFERED, "c1", queue="general")
    if state is ContactState.QUEUED:
        return contact_id
    world.sign_in("an")
    if state is ContactState.OFFERED:
        return contact_id
    world.accept("an")
    if state is ContactState.CONNECTING:
        return contact_id
    world.call(CallEventName.ESTABLISHED, "c1", "leg-a", offer_id=world.contact(contact_id).offer_id)
    if state is ContactState.HELD:
        world.call(CallEventName.HELD, "c1", "leg-a")
    if state is ContactState.WRAP_UP:
        world.call(CallEventName.CONNECTION_CLEARED, "c1")
    return contact_id


@pytest.mark.parametrize(
    "state",
    [
        ContactState.QUEUED, ContactState.OFFERED, ContactState.CONNECTING, ContactState.ACTIVE,
        ContactState.HELD, ContactState.WAITING, ContactState.WRAP_UP,
    ],
)  # fmt: skip
def test_r29_a_supervisor_ends_a_contact_in_any_state(state: ContactState) -> None:
    """Nothing is stuck for good: whatever it is doing, and its agent is free again."""
    world = World(a_catalogue(an_agent("an")))
    contact_id = call_in(world, state)
    assert world.state_of(contact_id) is state
    made = world.give(CloseContact(**supervised(contact_id), reason="stuck"))  # type: ignore[arg-type]
    assert made.refused is None
    contact = world.state.contacts.get(contact_id)
    assert contact is None or contact.state is ContactState.CLOSED
    agent = world.state.agents["an"]
    assert (agent.offer_id, agent.assignments) == ("", ())
    check_invariants(world.state)
