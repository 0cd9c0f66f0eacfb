"""Whatever ends by time ends when the rules of the catalogue say, to the millisecond, neither earlier nor later (I12, I9)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from ccc_router.events import commands as c
from ccc_router.events.facts import AgentLost, OfferFetched
from ccc_router.events.vocabulary import (
    CallEventName,
    CaseState,
    Channel,
    ContactState,
    OfferReason,
    Presence,
    Role,
    Visibility,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Rules
from tests.support.world import START, World, a_catalogue, an_agent

CALL = derive("ct", "hotline", "call", "c1")
TRACKED = derive("ct", "tracked", "call", "c1")
AN: dict[str, Any] = {"actor": "an", "actor_role": Role.AGENT}
# No two durations are alike, and none is a sum of others.
RULES = Rules(
    offer_s={"phone": 13, "email": 59, "default": 31},
    wrap_up_s={"phone": 61},
    connect_s=19,
    clear_s=29,
    penalty_s=11,
    penalty_max_s=37,
    miss_window_s=1801,
    miss_limit=4,
    sticky_wait_s={"phone": 17, "email": 601, "portal": 127},
    transfer_wait_s=67,
    wait_for_customer_s=86_413,
    attention_s=907,
    lost_grace_s=41,
    case_resolved_days=3,
    case_follow_up_s=86_453,
    call_linger_s=613,
    tracked_silence_s=14_407,
)


class Story(NamedTuple):
    """What begins, after how many seconds it must be over, and how one sees that it is not yet."""

    begin: Callable[[World], str]
    seconds: float
    lasts: Callable[[World, str], bool]


def letter(world: World) -> str:
    return world.write(Channel.EMAIL)


def taken(world: World) -> str:
    contact_id = letter(world)
    world.accept("an")
    return contact_id


def miss(world: World, contact_id: str) -> None:
    """An has the offer, when it comes, and lets it end."""
    while world.offered_to(contact_id) != "an":
        world.wait(1)
    offer = world.state.offers[world.contact(contact_id).offer_id]
    world.give(OfferFetched(offer_id=offer.id))
    world.wait((offer.expires_at - world.now) / 1000)


def missed(times: int) -> Callable[[World], str]:
    def begin(world: World) -> str:
        contact_id = letter(world)
        for _ in range(times):
            miss(world, contact_id)
        return contact_id

    return begin


def declined(world: World) -> str:
    contact_id = letter(world)
    offer_id = world.contact(contact_id).offer_id
    world.give(c.DeclineOffer(**AN, offer_id=offer_id, reason="busy"))
    return contact_id


def demanded(world: World) -> str:
    world.sign_in("an", Presence.ON_DEMAND)
    world.demand("an", seconds=23)
    return "an"


def called(world: World) -> str:
    world.call(CallEventName.OFFERED)
    return CALL


def ringing(world: World) -> str:
    called(world)
    world.accept("an")
    return CALL


def talking(world: World) -> str:
    ringing(world)
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
    return CALL


def ringing_in_vain(world: World) -> str:
    ringing(world)
    world.wait(19)
    return "an"


def hanging_up(world: World) -> str:
    talking(world)
    world.give(c.ControlCall(**AN, contact_id=CALL, action="hangup"))
    return CALL


def alone(world: World) -> str:
    """The agent's phone is gone, the caller's is not."""
    talking(world)
    world.wait(1)
    world.call(CallEventName.CONNECTION_CLEARED, leg="a1")
    return CALL


def left_alone_and_over(world: World) -> str:
    alone(world)
    world.wait(29)
    return CALL


def hung_up(world: World) -> str:
    talking(world)
    world.wait(1)
    world.call(CallEventName.CONNECTION_CLEARED)
    return CALL


def given_time(world: World) -> str:
    hung_up(world)
    world.give(c.ExtendWrapUp(**AN, contact_id=CALL, extend_ms=7_001, reason="long"))
    return CALL


def abandoned(world: World) -> str:
    world.call(CallEventName.OFFERED)
    world.wait(1)
    world.call(CallEventName.CONNECTION_CLEARED)
    return CALL


def watched(world: World) -> str:
    world.call(CallEventName.OFFERED, endpoint="tracked")
    return TRACKED


def his_turn(world: World) -> str:
    contact_id = taken(world)
    world.give(c.WaitForCustomer(**AN, contact_id=contact_id, until=0))
    return contact_id


def his_turn_after_an_answer(world: World) -> str:
    contact_id = taken(world)
    answer: dict[str, Any] = {
        "message_id": "ms_a",
        "visibility": Visibility.PUBLIC,
        "then": "wait",
        "wait_until": world.now + 71_003,
    }
    world.give(c.SendMessage(**AN, contact_id=contact_id, **answer))
    return contact_id


def handed_on(world: World) -> str:
    contact_id = taken(world)
    world.sign_in("binh", Presence.ON_DEMAND)
    world.give(c.TransferContact(**AN, contact_id=contact_id, agent_id="binh"))
    return contact_id


def known_to_an(world: World) -> str:
    """An knows the case, but is on demand and does not ask."""
    first = taken(world)
    case_id = world.contact(first).case_id
    world.complete("an", first)
    world.sign_in("an", Presence.ON_DEMAND)
    return world.write(Channel.EMAIL, case_id=case_id)


def nobody(world: World) -> str:
    world.sign_in("an", Presence.NOT_READY)
    return letter(world)


def lost(world: World) -> str:
    contact_id = taken(world)
    world.give(AgentLost(agent_id="an"))
    return contact_id


def resolved(world: World) -> str:
    contact_id = taken(world)
    case_id = world.contact(contact_id).case_id
    world.complete("an", contact_id)
    return case_id


def left_open(world: World) -> str:
    contact_id = taken(world)
    case_id = world.contact(contact_id).case_id
    world.give(c.CompleteContact(**AN, contact_id=contact_id, disposition="answered", resolution="unresolved"))
    return case_id


def silent(world: World) -> str:
    contact_id = taken(world)
    case_id = world.contact(contact_id).case_id
    world.give(c.CompleteContact(**AN, contact_id=contact_id, disposition="answered", resolution="waiting_customer"))
    return case_id


def silent_and_over(world: World) -> str:
    case_id = silent(world)
    world.wait(3 * 86_400)
    return case_id


def calling_out(world: World) -> str:
    case_id = resolved(world)
    out = derive("ct", "hotline", "call", "out")
    world.give(c.CallCustomer(**AN, case_id=case_id, endpoint="hotline", call_id="out", contact_id=out))
    return out


def is_(state: ContactState) -> Callable[[World, str], bool]:
    return lambda world, contact_id: contact_id in world.state.contacts and world.state_of(contact_id) is state


def first_offer(world: World, contact_id: str) -> bool:
    contact = world.contact(contact_id)
    return (contact.state, contact.attempt) == (ContactState.OFFERED, 1)


def paused(channel: str) -> Callable[[World, str], bool]:
    return lambda world, _: channel in world.state.agents["an"].penalties


def case_is(state: CaseState) -> Callable[[World, str], bool]:
    return lambda world, case_id: case_id in world.state.cases and world.state.cases[case_id].state is state


def reserved(world: World, contact_id: str) -> bool:
    return world.contact(contact_id).reserved_for != ""


STORIES = {
    "an offer": Story(letter, 59, first_offer),
    "an offer of a call": Story(called, 13, first_offer),
    "an offer of another channel": Story(lambda w: w.write(), 31, first_offer),
    "a pause after a refusal": Story(declined, 11, paused("email")),
    "a pause after a miss": Story(missed(1), 11, paused("*")),
    "a longer one after the second": Story(missed(2), 22, paused("*")),
    "the longest after the third": Story(missed(3), 37, paused("*")),
    "a pause of a phone": Story(ringing_in_vain, 11, paused("phone")),
    "a demand": Story(demanded, 23, lambda w, _: w.state.agents["an"].demand_id != ""),
    "ringing": Story(ringing, 19, is_(ContactState.CONNECTING)),
    "ringing for a call out": Story(calling_out, 19, is_(ContactState.CONNECTING)),
    "hanging up": Story(hanging_up, 29, is_(ContactState.ACTIVE)),
    "a caller left alone": Story(alone, 29, is_(ContactState.ACTIVE)),
    "wrap-up": Story(hung_up, 61, is_(ContactState.WRAP_UP)),
    "more wrap-up": Story(given_time, 61 + 7.001, is_(ContactState.WRAP_UP)),
    "wrap-up of who was left alone": Story(left_alone_and_over, 61, is_(ContactState.WRAP_UP)),
    "lingering": Story(abandoned, 613, is_(ContactState.ABANDONED)),
    "a watched call": Story(watched, 14_407, is_(ContactState.ARRIVED)),
    "the customer's turn": Story(his_turn, 86_413, is_(ContactState.WAITING)),
    "the customer's turn until": Story(his_turn_after_an_answer, 71.003, is_(ContactState.WAITING)),
    "what was handed on": Story(handed_on, 67, reserved),
    "what is kept for who knows": Story(known_to_an, 601, reserved),
    "waiting without a word": Story(nobody, 907, lambda w, one: w.contact(one).attention == ""),
    "the work of a lost one": Story(lost, 41, is_(ContactState.ACTIVE)),
    "a resolved case": Story(resolved, 3 * 86_400, case_is(CaseState.RESOLVED)),
    "an open case": Story(left_open, 86_453, lambda w, one: not w.state.cases[one].attention),
    "a case whose customer is silent": Story(silent, 3 * 86_400, case_is(CaseState.WAITING_CUSTOMER)),
    "what was silent, then resolved": Story(silent_and_over, 3 * 86_400, case_is(CaseState.RESOLVED)),
}


@pytest.mark.parametrize("name", STORIES)
def test_i12_it_lasts_as_long_as_the_rules_say(name: str) -> None:
    story = STORIES[name]
    world = World(a_catalogue(an_agent("an"), an_agent("binh"), rules=RULES))
    world.sign_in("an")
    ref = story.begin(world)
    assert story.lasts(world, ref), "it has begun"
    world.wait(story.seconds - 0.001)
    assert story.lasts(world, ref), "a millisecond before"
    world.wait(0.001)
    assert not story.lasts(world, ref), "now"


@pytest.mark.parametrize(("window_s", "presence"), [(70, Presence.READY), (71, Presence.NOT_READY)])
def test_i12_a_miss_counts_for_the_window_and_no_longer(window_s: int, presence: Presence) -> None:
    """The second miss comes 70 s after the first: a pause of 11 s, and an offer of 59 s."""
    rules = msgspec.structs.replace(RULES, miss_limit=2, miss_window_s=window_s)
    world = World(a_catalogue(an_agent("an"), rules=rules))
    world.sign_in("an")
    missed(2)(world)
    assert world.presence_of("an") is presence
    assert len(world.state.agents["an"].misses) == (1 if presence is Presence.READY else 2)


def test_i12_who_says_that_he_is_there_begins_anew() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.sign_in("an")
    missed(3)(world)
    assert len(world.state.agents["an"].misses) == 3
    world.sign_in("an")
    assert not world.state.agents["an"].misses


def test_i12_the_limit_of_misses_is_reached_by_the_miss_that_reaches_it() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.sign_in("an")
    contact_id = missed(3)(world)
    assert world.presence_of("an") is Presence.READY
    miss(world, contact_id)
    assert (world.presence_of("an"), world.state.agents["an"].reason) == (Presence.NOT_READY, "rona")


def test_a_refusal_is_no_miss() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.sign_in("an")
    contact_id = declined(world)
    assert world.state.agents["an"].misses == ()
    miss(world, contact_id)
    assert world.state.agents["an"].penalties == {"*": world.now + 11_000}


def test_what_a_person_assigned_comes_before_what_is_kept_and_what_waits_longer() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.sign_in("an")
    case_id = resolved(world)
    world.sign_in("an", Presence.ON_DEMAND)
    kept, older = world.write(Channel.EMAIL, case_id=case_id), world.write(Channel.EMAIL)
    world.wait(1)
    assigned = world.write(Channel.EMAIL)
    sup: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}
    world.give(c.AssignContact(**sup, contact_id=assigned, agent_id="an", reason="asked"))
    assert world.contact(kept).reserved_for == "an"
    world.sign_in("an")
    order = []
    for _ in range(3):
        contact_id = world.state.offers[world.state.agents["an"].offer_id].contact_id
        world.accept("an")
        order.append(contact_id)
        world.complete("an", contact_id)
    assert order == [assigned, kept, older]


def test_idle_is_counted_from_the_end_of_the_last_work_and_from_coming() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.wait(5)
    world.sign_in("an")
    agent = world.state.agents["an"]
    assert (agent.idle_since, agent.ready_since, agent.presence_since) == (START + 5_000,) * 3
    world.wait(5)
    world.sign_in("an")
    assert (agent.idle_since, agent.ready_since) == (START + 5_000,) * 2, "saying it again changes nothing"
    first = taken(world)
    second = taken(world)
    world.wait(5)
    world.give(c.SetPresence(**AN, agent_id="an", presence=Presence.NOT_READY))
    world.complete("an", first)
    assert agent.idle_since == START + 5_000, "he has work"
    world.wait(5)
    world.complete("an", second)
    assert agent.idle_since == START + 20_000
    world.wait(5)
    world.sign_in("an")
    assert (agent.idle_since, agent.ready_since) == (START + 25_000,) * 2


def test_the_first_answer_is_the_one_that_counts() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.sign_in("an")
    world.wait(5)
    contact_id = taken(world)
    world.wait(5)
    world.give(c.WaitForCustomer(**AN, contact_id=contact_id, until=0))
    world.wait(5)
    world.write(Channel.EMAIL, case_id=world.contact(contact_id).case_id)
    contact = world.contact(contact_id)
    assert (contact.state, contact.answered_at, contact.arrived_at) == (
        ContactState.ACTIVE,
        START + 5_000,
        START + 5_000,
    )
    assert (contact.reserved_for, contact.wait_until, contact.ends_at) == ("", 0, 0)


def test_a_returned_contact_waits_with_its_reason_and_its_time_of_arrival() -> None:
    world = World(a_catalogue(an_agent("an"), rules=RULES))
    world.sign_in("an")
    contact_id = taken(world)
    world.wait(5)
    world.sign_in("an", Presence.NOT_READY)
    made = world.give(c.RequeueContact(**AN, contact_id=contact_id))
    contact = world.contact(contact_id)
    assert (contact.reason, contact.arrived_at, contact.agent_id) == (OfferReason.RETURNED, START, "")
    assert contact.attention_at == START + 5_000 + 907_000
    assert [one for one in made.decisions if isinstance(one, d.AssignmentEnded)] == [
        d.AssignmentEnded(contact_id, "an", "requeued")
    ]
