"""Who may do what with a contact, and when: every command in every state, with the word it is refused with (DESIGN 5 to 7)."""

from collections.abc import Callable
from typing import Any

import pytest

from ccc_router.events import commands as c
from ccc_router.events.vocabulary import CallEventName, Channel, Presence, Role, Visibility
from ccc_router.kernel.ids import derive
from tests.support.world import World, a_catalogue, an_agent, check_invariants

AGENT: dict[str, Any] = {"actor": "an", "actor_role": Role.AGENT}
SUPERVISOR: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}


def a_letter(world: World) -> str:
    """Offered to An."""
    return world.write(Channel.EMAIL)


def taken(world: World) -> str:
    contact_id = a_letter(world)
    world.accept("an")
    return contact_id


def waiting(world: World) -> str:
    contact_id = taken(world)
    world.give(c.WaitForCustomer(**AGENT, contact_id=contact_id, until=world.now + 60_000))
    return contact_id


def of_another(world: World) -> str:
    contact_id = taken(world)
    world.sign_in("binh")
    world.give(c.TransferContact(**AGENT, contact_id=contact_id, agent_id="binh"))
    world.accept("binh")
    return contact_id


def queued(world: World) -> str:
    return world.write(Channel.EMAIL, queue="health")


def over(world: World) -> str:
    contact_id = taken(world)
    world.complete("an", contact_id)
    return contact_id


def ringing(world: World) -> str:
    world.call(CallEventName.OFFERED)
    world.accept("an")
    return derive("ct", "hotline", "call", "c1")


def talking(world: World) -> str:
    contact_id = ringing(world)
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(contact_id).offer_id)
    return contact_id


def held(world: World) -> str:
    contact_id = talking(world)
    world.wait(1)
    world.call(CallEventName.HELD, leg="a1")
    return contact_id


def hung_up(world: World) -> str:
    contact_id = talking(world)
    world.wait(1)
    world.call(CallEventName.CONNECTION_CLEARED)
    return contact_id


def only_watched(world: World) -> str:
    """A call of a switch we cannot tell anything; nobody of ours owns it."""
    world.call(CallEventName.OFFERED, endpoint="tracked")
    world.call(CallEventName.ESTABLISHED, leg="a1", endpoint="tracked")
    return derive("ct", "tracked", "call", "c1")


SITUATIONS: dict[str, Callable[[World], str]] = {
    one.__name__: one
    for one in (queued, a_letter, taken, waiting, of_another, over, ringing, talking, held, hung_up, only_watched)
}


def commands(contact_id: str) -> dict[str, c.AnyCommand]:
    """One of each kind, by An or a supervisor."""
    mine, theirs = {**AGENT, "contact_id": contact_id}, {**SUPERVISOR, "contact_id": contact_id}
    public: dict[str, Any] = {"message_id": "ms_new", "visibility": Visibility.PUBLIC}
    return {
        "complete": c.CompleteContact(**mine, disposition="answered"),
        "complete for him": c.CompleteContact(**theirs, disposition="answered"),
        "complete oddly": c.CompleteContact(**mine, disposition="odd"),
        "wait": c.WaitForCustomer(**mine, until=0),
        "to a queue": c.TransferContact(**mine, queue="health"),
        "to no queue": c.TransferContact(**mine, queue="nowhere"),
        "to nobody": c.TransferContact(**mine, agent_id="nobody"),
        "to one away": c.TransferContact(**mine, agent_id="chi"),
        "give back": c.RequeueContact(**mine),
        "give back but": c.RequeueContact(**mine, exclude=("binh",)),
        "give back except nobody": c.RequeueContact(**theirs, exclude=("nobody",)),
        "answer": c.SendMessage(**mine, **public),
        "answer and complete": c.SendMessage(**mine, **public, then="complete", disposition="answered"),
        "answer and complete oddly": c.SendMessage(**mine, **public, then="complete", disposition="odd"),
        "answer and wait": c.SendMessage(**mine, **public, then="wait"),
        "note": c.SendMessage(**mine, message_id="ms_new", visibility=Visibility.NOTE),
        "note and wait": c.SendMessage(**mine, message_id="ms_new", visibility=Visibility.NOTE, then="wait"),
        "more time": c.ExtendWrapUp(**mine, extend_ms=1000, reason="long"),
        "link": c.LinkContact(**mine, case_id="cs_none"),
        "hold": c.ControlCall(**mine, action="hold"),
        "resume": c.ControlCall(**mine, action="resume"),
        "hang up": c.ControlCall(**mine, action="hangup"),
        "assign": c.AssignContact(**theirs, agent_id="binh", reason="asked"),
        "assign to nobody": c.AssignContact(**theirs, agent_id="nobody", reason="asked"),
        "assign to one away": c.AssignContact(**theirs, agent_id="chi", reason="asked"),
        "close": c.CloseContact(**theirs, reason="stuck"),
        "first": c.SetPriority(**theirs, priority=3, reason="asked"),
        "identify": c.IdentifyCustomer(**mine, evidence="asked"),
    }


def answer(situation: str, command: str) -> str:
    """What is answered: a word of refusal, or ``done``; after either the invariants hold."""
    world = World(a_catalogue(an_agent("an"), an_agent("binh", skills={"vi": 5}), an_agent("chi")))
    world.sign_in("an")
    contact_id = SITUATIONS[situation](world)
    world.sign_in("binh", Presence.ON_DEMAND)
    before = len(world.state.contacts)
    made = world.give(commands(contact_id)[command])
    check_invariants(world.state)
    if made.refused is None:
        return "done"
    assert made.decisions == [made.refused], "who is refused changes nothing"
    assert len(world.state.contacts) == before
    return made.refused.code


WORDS = {
    ".": "done",
    "his": "not_yours",
    "state": "wrong_state",
    "over": "contact_over",
    "odd": "unknown_disposition",
    "queue": "unknown_queue",
    "agent": "unknown_agent",
    "away": "agent_signed_out",
    "rank": "not_a_supervisor",
    "live": "call_live",
    "window": "no_window",
    "case": "case_over",
    "control": "no_control",
}
# The situations in their order: queued, a_letter, taken, waiting, of_another, over, ringing, talking, held, hung_up, only_watched.
TABLE = """
complete                   his     his     .       .       his     over    state   live    live    .       his
complete for him           state   state   .       .       .       over    state   live    live    .       live
complete oddly             his     his     odd     odd     his     over    odd     odd     odd     odd     his
wait                       his     his     .       .       his     over    state   state   state   state   his
to a queue                 his     his     .       .       his     over    state   .       .       state   his
to no queue                his     his     queue   queue   his     over    state   queue   queue   state   his
to nobody                  his     his     agent   agent   his     over    state   agent   agent   state   his
to one away                his     his     away    away    his     over    state   away    away    state   his
give back                  his     his     .       .       his     over    state   .       .       state   his
give back but              his     his     rank    rank    his     over    state   rank    rank    state   his
give back except nobody    agent   agent   agent   agent   agent   over    state   agent   agent   state   control
answer                     his     his     .       .       his     over    state   window  window  window  his
answer and complete        his     his     .       .       his     over    state   window  window  window  his
answer and complete oddly  his     his     odd     odd     his     over    state   window  window  window  his
answer and wait            his     his     .       .       his     over    state   window  window  window  his
note                       .       .       .       .       .       over    .       .       .       .       .
note and wait              his     his     .       .       his     over    state   state   state   state   his
more time                  his     his     state   state   his     over    state   state   state   .       his
link                       his     his     case    case    his     over    case    case    case    case    his
hold                       his     his     state   state   his     over    state   .       state   state   his
resume                     his     his     state   state   his     over    state   state   .       state   his
hang up                    his     his     state   state   his     over    .       .       .       state   his
assign                     .       .       .       .       .       over    state   .       .       state   control
assign to nobody           agent   agent   agent   agent   agent   over    agent   agent   agent   agent   agent
assign to one away         away    away    away    away    away    over    away    away    away    away    away
close                      .       .       .       .       .       over    .       .       .       .       .
first                      .       .       .       .       .       over    .       .       .       .       .
identify                   his     his     .       his     his     over    .       .       .       .       his
"""


def expected() -> list[tuple[str, str, str]]:
    """Situation, command, answer."""
    found = []
    for line in TABLE.strip().splitlines():
        for situation, word in zip(SITUATIONS, line[27:].split(), strict=True):
            found.append((situation, line[:27].strip(), WORDS[word]))
    return found


@pytest.mark.parametrize(("situation", "command", "answered"), expected())
def test_what_is_allowed_and_what_is_refused(situation: str, command: str, answered: str) -> None:
    assert answer(situation, command) == answered


def test_the_table_knows_every_command_it_can_give() -> None:
    assert {command for _, command, _ in expected()} == commands("").keys()
