"""Between pools: who is handed over and who stays, what becomes of what comes later, and how a contact is taken (ADR 0046)."""

from collections.abc import Iterator

import msgspec
import pytest

from ccc_router.events.commands import AnyCommand, CallCustomer, EditCase, PromiseCallback, SetPresence
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import ContactTaken, MessageReceived
from ccc_router.events.vocabulary import CallEventName, CaseState, Channel, ContactState, ControlCommand, Presence, Role
from ccc_router.kernel.ids import derive, reference
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Catalogue, OverflowRule, Queue, QueueProfile, Rules
from ccc_router.routing.rows import Contact, Handover
from tests.support.world import CHANNELS, World, a_catalogue, an_agent, check_invariants, text

AFTER_A_MINUTE = OverflowRule("help", after_wait_s=60, pool="danang")


def a_centre(*rules: OverflowRule, handovers: int = 1) -> World:
    """``chi`` serves ``general``, which overflows by the rules given; ``an`` serves ``help`` alone."""
    return World(
        a_catalogue(
            an_agent("chi", profiles=(QueueProfile("general"),)),
            an_agent("an", profiles=(QueueProfile("help"),)),
            queues=(
                Queue("general", text("General"), channels=CHANNELS, overflow_when=rules),
                Queue("help", text("Help"), channels=CHANNELS, overflow_when=rules),
            ),
            rules=Rules(handovers=handovers),
        )
    )


def made_of(world: World, kind: type[d.Decision]) -> Iterator[d.Decision]:
    for _, made in world.log:
        yield from (one for one in made.decisions if isinstance(one, kind))


def handed(world: World) -> list[tuple[str, str, str, str]]:
    """(contact, pool, queue, why) of every one handed over."""
    return [
        (one.contact_id, one.pool, one.queue, one.why.value)
        for one in made_of(world, d.ContactHandedOver)
        if isinstance(one, d.ContactHandedOver)
    ]


def as_told(contact: Contact, pool: str = "hanoi", queue: str = "help") -> ContactTaken:
    """What the other pool is told of a contact."""
    return ContactTaken(
        channel=contact.channel, endpoint=contact.endpoint, contact_id=contact.id, case_id=contact.case_id,
        through=(*contact.came_through, pool), queue=queue, arrived_at=contact.arrived_at, rank=contact.rank,
        priority=contact.priority, call=msgspec.to_builtins(contact.call) if contact.call is not None else None,
    )  # fmt: skip


def take(world: World, fact: ContactTaken) -> Step:
    return world.give(fact, Resolved(customer_id="cu_theirs", customer_new=True))


def test_i18_after_its_wait_a_contact_is_another_pools_and_its_case_with_it() -> None:
    world = a_centre(AFTER_A_MINUTE)
    contact_id = world.write()
    contact, case = world.contact(contact_id), world.state.cases[world.contact(contact_id).case_id]
    world.wait(59)
    assert handed(world) == []
    world.wait(1)
    assert handed(world) == [(contact_id, "danang", "help", "after_wait")]
    assert (contact.state, contact.handed_over) == (ContactState.HANDED_OVER, Handover("danang", "help"))
    assert (case.state, case.handed_over) == (CaseState.CLOSED, Handover("danang", "help"))
    assert (world.state.contacts, world.state.cases) == ({}, {})
    check_invariants(world.state)
    world.sign_in("chi")
    assert world.state.offers == {}


def test_who_comes_to_too_long_a_line_is_handed_over_and_those_who_wait_stay() -> None:
    world = a_centre(OverflowRule("help", length_over=1, pool="danang"))
    first = world.write()
    second = world.write()
    assert handed(world) == [(second, "danang", "help", "length")]
    assert world.state_of(first) is ContactState.QUEUED


def test_nobody_is_handed_over_while_somebody_is_free_here() -> None:
    """I8: the pool's own agents come first."""
    world = a_centre(OverflowRule("help", length_over=1, pool="danang"))
    world.write()
    world.sign_in("chi")
    world.accept("chi")
    second = world.write()
    assert (world.offered_to(second), handed(world)) == ("chi", [])


def test_a_pools_own_queue_is_tried_first_when_it_stands_first() -> None:
    own = OverflowRule("help", after_wait_s=60)
    world = a_centre(own, AFTER_A_MINUTE)
    contact_id = world.write()
    world.wait(60)
    assert (world.contact(contact_id).queue, handed(world)) == ("help", [])


def test_who_is_known_here_stays() -> None:
    """What was said and done in a case is here: an agent elsewhere would begin anew."""
    world = a_centre(AFTER_A_MINUTE)
    world.sign_in("chi")
    contact_id = world.write()
    case_id = world.contact(contact_id).case_id
    world.accept("chi")
    world.complete("chi", contact_id)
    world.give(_leaves("chi"))
    again = world.write(case_id=case_id)
    other = world.write(Channel.EMAIL, case_id=world.contact(again).case_id)
    world.wait(4000)
    assert handed(world) == []
    assert {world.state_of(again), world.state_of(other)} == {ContactState.QUEUED}
    assert world.contact(again).overflow_at == 0, "no timer asks in vain"
    assert world.contact(again).attention, "a person sees it (I9)"


def _leaves(agent: str) -> AnyCommand:
    return SetPresence(actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=Presence.SIGNED_OUT)


def test_a_promised_callback_stays() -> None:
    world = a_centre(AFTER_A_MINUTE)
    world.call(CallEventName.OFFERED)
    world.call(CallEventName.CALL_BACK)
    world.wait(4000)
    assert handed(world) == []


@pytest.mark.parametrize("handovers", [0, 1, 2])
def test_a_contact_is_handed_over_as_often_as_policy_says_and_never_back(handovers: int) -> None:
    """R-21: no ping-pong between pools."""
    here = a_centre(AFTER_A_MINUTE, handovers=handovers)
    contact_id = here.write()
    contact = here.contact(contact_id)
    here.wait(4000)
    assert len(handed(here)) == min(1, handovers)
    there = a_centre(
        OverflowRule("help", after_wait_s=60, pool="hanoi"),
        OverflowRule("help", after_wait_s=60, pool="hue"),
        handovers=handovers,
    )
    take(there, as_told(contact))
    there.wait(4000)
    assert handed(there) == ([(contact_id, "hue", "help", "after_wait")] if handovers > 1 else [])


def test_what_is_taken_keeps_its_ids_its_arrival_and_its_rank() -> None:
    """I8: the customer does not queue anew: he goes before who came here after he came there."""
    home = a_centre(AFTER_A_MINUTE)
    home.write()
    contact_id = home.write(Channel.EMAIL)
    contact = home.contact(contact_id)
    home.wait(60)
    world = a_centre()
    world.now = home.now - 30_000
    later = world.write(Channel.EMAIL, queue="help")
    world.now = home.now
    take(world, as_told(contact))
    taken = world.contact(contact_id)
    assert (taken.arrived_at, taken.rank, taken.queue) == (contact.arrived_at, contact.rank, "help")
    assert taken.came_through == ("hanoi",)
    assert world.state.cases[contact.case_id].reference == reference(contact.case_id)
    world.sign_in("an")
    assert (world.offered_to(contact_id), world.offered_to(later)) == ("an", "")


def test_i2_told_twice_it_is_taken_once() -> None:
    home = a_centre(AFTER_A_MINUTE)
    contact = home.contact(home.write())
    home.wait(60)
    world = a_centre()
    take(world, as_told(contact))
    assert take(world, as_told(contact)).decisions == []
    world.sign_in("an")
    world.accept("an")
    world.complete("an", contact.id)
    known = Resolved(customer_id="cu_theirs", case_id=contact.case_id)
    assert world.give(as_told(contact), known).decisions == []
    assert [one.contact_id for one in made_of(world, d.ContactOpened)] == [contact.id]  # type: ignore[attr-defined]


def test_nothing_is_dropped_for_a_queue_that_is_no_more() -> None:
    home = a_centre(AFTER_A_MINUTE)
    contact = home.contact(home.write())
    world = a_centre()
    take(world, as_told(contact, queue="gone"))
    assert world.contact(contact.id).queue == "general", "the endpoint's"


def test_a_call_goes_with_its_legs_and_is_answered_there() -> None:
    """R-7: the switch is commanded from there by the shared endpoint; what it tells comes here first and is forwarded (I3)."""
    home = a_centre(AFTER_A_MINUTE)
    home.call(CallEventName.OFFERED)
    home.call(CallEventName.ESTABLISHED)
    home.call(CallEventName.QUEUED)
    contact = home.contact(derive("ct", "hotline", "call", "c1"))
    home.wait(60)
    assert handed(home)[0][0] == contact.id
    world = a_centre()
    world.now = home.now
    made = take(world, as_told(contact))
    told = [one.command for one in made.decisions if isinstance(one, d.DeliveryOwed)]
    assert told == [ControlCommand.QUEUE]
    world.sign_in("an")
    accepted = world.accept("an")
    [connect] = [one for one in accepted.decisions if isinstance(one, d.DeliveryOwed)]
    assert (connect.command, connect.target, connect.data["call_id"]) == (ControlCommand.CONNECT, "hotline", "c1")
    picked_up = world.event(CallEventName.ESTABLISHED, "c1", "leg-an", offer_id=world.contact(contact.id).offer_id)
    assert FORWARDED in home.give(picked_up).decisions
    world.give(picked_up)
    assert world.state_of(contact.id) is ContactState.ACTIVE
    gone = world.event(CallEventName.CONNECTION_CLEARED)
    assert FORWARDED in home.give(gone).decisions
    assert home.state_of(contact.id) is ContactState.HANDED_OVER
    world.give(gone)
    assert world.state_of(contact.id) is ContactState.WRAP_UP


FORWARDED = d.FactForwarded("danang", derive("ct", "hotline", "call", "c1"))


def test_a_caller_who_hung_up_on_the_way_has_abandoned_there() -> None:
    home = a_centre(AFTER_A_MINUTE)
    home.call(CallEventName.OFFERED)
    contact = home.contact(derive("ct", "hotline", "call", "c1"))
    home.wait(60)
    told = as_told(contact)
    world = a_centre()
    take(world, told)
    world.call(CallEventName.CONNECTION_CLEARED)
    assert world.state_of(contact.id) is ContactState.ABANDONED


@pytest.mark.parametrize(
    "command",
    [
        EditCase(actor="sup", actor_role=Role.SUPERVISOR, case_id="cs_1", priority=1),
        PromiseCallback(actor="ct_1", actor_role=Role.CUSTOMER, case_id="cs_1"),
        CallCustomer(
            actor="chi", actor_role=Role.AGENT, case_id="cs_1", endpoint="hotline", call_id="x", contact_id="ct_x"
        ),
    ],
)
def test_i16_a_person_is_told_where_it_is(command: AnyCommand) -> None:
    world = a_centre(AFTER_A_MINUTE)
    world.write()
    world.wait(60)
    made = world.give(command, Resolved(case_id="cs_1", handed_to="danang"))
    assert made.refused == d.CommandRefused("handed_over", "danang")
    assert made.decisions == [made.refused]


def test_what_the_customer_writes_later_is_forwarded_and_opens_nothing_here() -> None:
    world = a_centre(AFTER_A_MINUTE)
    contact_id = world.write()
    world.wait(60)
    fact = MessageReceived(
        channel=Channel.PORTAL, endpoint="site", message_id="ms_2", contact_id="ct_2", case_id="cs_2"
    )  # fmt: skip
    made = world.give(fact, Resolved(case_id="cs_1", contact_id=contact_id, handed_to="danang"))
    assert made.decisions == [d.FactForwarded("danang", contact_id, "cs_1")]


def test_no_call_is_begun_by_a_shared_switch() -> None:
    """What becomes of it would be told to the pool it is shared by, which knows nothing of it."""
    world = World(_sharing(a_catalogue()))
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    case_id = world.contact(contact_id).case_id
    call = CallCustomer(
        actor="an", actor_role=Role.AGENT, case_id=case_id, endpoint="hotline", call_id="x", contact_id="ct_x"
    )
    assert world.give(call).refused == d.CommandRefused("no_control")
    promise = PromiseCallback(actor="an", actor_role=Role.AGENT, contact_id=contact_id)
    assert world.give(promise).refused == d.CommandRefused("no_control")


def _sharing(catalogue: Catalogue) -> Catalogue:
    shared = tuple(msgspec.structs.replace(one, shared_from="hanoi") for one in catalogue.endpoints)
    return msgspec.structs.replace(catalogue, endpoints=shared)
