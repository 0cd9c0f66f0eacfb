"""What becomes of a call whose connect the switch did not take up: nobody waits for a phone that will not ring (DESIGN 7)."""

import pytest

from ccc_router.events.commands import CallCustomer
from ccc_router.events.facts import DeliveryReported
from ccc_router.events.vocabulary import CallEventName, ContactState, ControlCommand, DeliveryKind, DeliveryState, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from tests.support.world import World

CALL = derive("ct", "hotline", "call", "c1")


def connecting() -> World:
    """A call that an has accepted; binh is there too."""
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    world.sign_in("binh")
    world.accept("an")
    assert world.state_of(CALL) is ContactState.CONNECTING
    return world


def report(world: World, contact_id: str, answer: str = "", **more: object) -> Step:
    """The switch's last word about the newest connect or dial of the contact."""
    [owed] = [
        one for _, made in world.log for one in made.decisions
        if isinstance(one, d.DeliveryOwed) and one.contact_id == contact_id
        and one.command in (ControlCommand.CONNECT, ControlCommand.DIAL)
    ][-1:]  # fmt: skip
    said: dict[str, object] = {"state": DeliveryState.SENT, "attempt": 1, **more}
    fact = DeliveryReported(
        delivery_id=owed.delivery_id, delivery=owed.delivery, command=owed.command, offer_id=owed.data["offer_id"],
        contact_id=contact_id, case_id=owed.case_id, external_id=answer, **said,  # type: ignore[arg-type]
    )  # fmt: skip
    assert fact.delivery is DeliveryKind.CONTROL
    return world.give(fact)


def penalties(world: World) -> dict[str, int]:
    return {name: len(agent.penalties) for name, agent in world.state.agents.items() if agent.penalties}


def test_a_call_the_switch_no_longer_knows_was_abandoned_and_its_agent_is_free_at_once() -> None:
    world = connecting()
    report(world, CALL, "call_gone")
    assert world.state_of(CALL) is ContactState.ABANDONED
    assert world.state.agents["an"].assignments == ()
    assert penalties(world) == {}


@pytest.mark.parametrize(
    ("answer", "more"),
    [("moved_on", {}), ("", {"state": DeliveryState.FAILED, "reason": "connection_failed", "attempt": 5}),
     ("", {"state": DeliveryState.FAILED, "reason": "too_late"})],
)  # fmt: skip
def test_a_connect_the_switch_did_not_take_up_is_no_fault_of_the_agent(answer: str, more: dict[str, object]) -> None:
    """The call keeps its rank and is offered again at once; should a phone ring after all, it stops."""
    world = connecting()
    rank = world.contact(CALL).rank
    made = report(world, CALL, answer, **more)
    assert (world.state_of(CALL), world.contact(CALL).rank) == (ContactState.OFFERED, rank)
    assert world.offered_to(CALL) == "binh"
    assert penalties(world) == {}
    owed = [one.command for one in made.decisions if isinstance(one, d.DeliveryOwed)]
    assert owed == [ControlCommand.CANCEL]


def test_what_may_be_the_echo_of_the_first_try_ends_nothing() -> None:
    """A repetition that is told 409 may have been taken up the first time: the phone may be ringing."""
    world = connecting()
    report(world, CALL, "moved_on", attempt=2)
    assert world.state_of(CALL) is ContactState.CONNECTING
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
    assert world.state_of(CALL) is ContactState.ACTIVE


@pytest.mark.parametrize("answer", ["call_gone", "moved_on"])
@pytest.mark.parametrize("named", [True, False])
def test_a_phone_that_rings_says_more_than_the_answer_to_the_command(answer: str, named: bool) -> None:
    world = connecting()
    leg = {"offer_id": world.contact(CALL).offer_id} if named else {"agent": "PJSIP/an"}
    world.call(CallEventName.DELIVERED, leg="a1", **leg)
    report(world, CALL, answer)
    assert world.state_of(CALL) is ContactState.CONNECTING


def test_an_answer_that_comes_late_says_nothing_of_the_next_attempt() -> None:
    world = connecting()
    late = world.contact(CALL).offer_id
    world.wait(21)
    world.accept(world.offered_to(CALL))
    assert world.contact(CALL).offer_id != late
    world.give(
        DeliveryReported(
            delivery_id="dl_x", state=DeliveryState.SENT, attempt=1, delivery=DeliveryKind.CONTROL, external_id="call_gone",
            command=ControlCommand.CONNECT, offer_id=late, contact_id=CALL,
        )
    )  # fmt: skip
    assert world.state_of(CALL) is ContactState.CONNECTING


def test_only_what_makes_a_phone_ring_is_an_attempt() -> None:
    world = connecting()
    world.give(
        DeliveryReported(
            delivery_id="dl_x", state=DeliveryState.SENT, attempt=1, delivery=DeliveryKind.CONTROL, external_id="call_gone",
            command=ControlCommand.CANCEL, offer_id=world.contact(CALL).offer_id, contact_id=CALL,
        )
    )  # fmt: skip
    assert world.state_of(CALL) is ContactState.CONNECTING


@pytest.mark.parametrize("answer", ["call_gone", "moved_on"])
def test_a_call_out_that_the_switch_does_not_make_is_over_and_its_case_waits_for_a_person(answer: str) -> None:
    world = World()
    world.sign_in("an")
    written = world.write()
    case_id = world.contact(written).case_id
    world.accept("an")
    world.complete("an", written)
    world.give(
        CallCustomer(
            actor="an", actor_role=Role.AGENT, case_id=case_id, contact_id="ct_out", call_id="out1", endpoint="hotline"
        )
    )
    assert world.state_of("ct_out") is ContactState.CONNECTING
    report(world, "ct_out", answer)
    assert world.state_of("ct_out") is ContactState.CLOSED
    assert penalties(world) == {}
