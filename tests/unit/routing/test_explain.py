"""What stops an agent, computed from the rows, against what the matcher does with its classes (R-13)."""

import typing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.events.vocabulary import Channel, ContactState, Presence
from ccc_router.routing import State
from ccc_router.routing.calendar import is_open
from ccc_router.routing.explain import Candidates, Terms, candidates, groups, next_relaxation, reasons, stops
from ccc_router.routing.matching import for_contact
from ccc_router.routing.policy import Capacity, Queue, QueueProfile
from ccc_router.routing.rows import Agent, Callback, Contact, QueueState
from tests.support.standing import DAY, EARLY, NIGHT, QUEUES, standings
from tests.support.world import CHANNELS, START, a_catalogue, an_agent, eligible, in_hand, shut, text

NOBODY = Agent("an", presence=Presence.READY, presence_since=START)


def judged(state: State, contact: Contact) -> Candidates:
    """The answer for one contact of a state."""
    held = {agent.id: state.load_of(agent) for agent in state.agents.values()}
    terms = Terms(state.book.catalogue, state.doors.rows.values())
    return candidates(terms, contact, state.agents.values(), held, in_hand(state, contact))


@settings(max_examples=150, deadline=None)
@given(state=standings())
def test_who_could_take_a_contact_is_whom_the_matcher_would_choose_among(state: State) -> None:
    """R-17, R-34, I8, R-13: the same people by the rows, by the classes, and by DESIGN 5 word for word; and the one chosen is one of them."""
    for contact in [one for one in state.contacts.values() if one.state is ContactState.QUEUED]:
        found = judged(state, contact)
        tried = [name for name, stopped in found.stopped.items() if stopped == (reasons.TriedBefore(),)]
        could = sorted([*found.eligible, *tried])
        assert could == sorted(name for name in state.agents if eligible(state, contact, name))
        assert state.waiting.holds(contact.id) == (not shut(state, contact)), "nobody behind a door is ever matched"
        match = for_contact(state, contact.id) if state.waiting.holds(contact.id) else None
        assert (0 if match is None else match.eligible) == len(could)
        if match is not None:
            assert match.agent.id in found.eligible
            assert match.runner_up == "" or match.runner_up in could
        doors = closed(state, contact)
        for stopped in found.stopped.values():
            assert [one for one in stopped if isinstance(one, reasons.QueueClosed)] == doors
        if not contact.reserved_for and not doors and not state.limits.full(contact):
            lists = state.free.lists.get(contact.channel.value, {})
            able = state.book.able(state.book.contact_class(contact))
            assert could == sorted(key.agent_id for one, keys in lists.items() if one in able for key in keys)


def closed(state: State, contact: Contact) -> list[reasons.QueueClosed]:
    """The closed door before a contact, asked of its calendar minute by minute."""
    if not shut(state, contact):
        return []
    calendar = state.book.hours(contact.queue, contact.channel)
    assert calendar is not None
    opens_at = next(at for at in range(START, START + 86_400_000, 60_000) if is_open(calendar, at))
    return [reasons.QueueClosed(contact.queue, state.doors.rows[contact.queue].closed[contact.channel], opens_at)]


@settings(max_examples=60, deadline=None)
@given(state=standings(), pick=st.integers(0, 5))
def test_the_groups_count_every_agent_once_a_reason(state: State, pick: int) -> None:
    waiting = [one for one in state.contacts.values() if one.state is ContactState.QUEUED]
    found = judged(state, waiting[pick % len(waiting)])
    made = groups(found)
    assert sum(group.only for group in made) == sum(
        len({reasons.of_many(one) for one in stopped}) == 1 for stopped in found.stopped.values()
    )
    for group in made:
        by_hand = [name for name, stopped in found.stopped.items() if group.reason in map(reasons.of_many, stopped)]
        assert list(group.agents) == by_hand
    stopped = {name for group in made for name in group.agents}
    assert stopped | set(found.eligible) == set(state.agents)
    assert not stopped & set(found.eligible)


def a_contact(**changes: object) -> Contact:
    """A portal message that waits in ``health``."""
    contact = Contact(
        "ct_1", "cs_1", "cu_1", Channel.PORTAL, "site", "health", ContactState.QUEUED, START, START,
        language="vi", state_since=START,
    )  # fmt: skip
    return msgspec.structs.replace(contact, **changes)


def an(**changes: object) -> Agent:
    """A ready agent with nothing to do."""
    return msgspec.structs.replace(NOBODY, **changes)


ABLE = an_agent("an", skills={"vi": 5, "hi": 5})
UNSKILLED = an_agent("an", skills={"vi": 5, "hi": 3})
SLOW = an_agent("an", skills={"vi": 5, "hi": 5}, profiles=(QueueProfile("health", delay_s=30),))
ELSEWHERE = an_agent("an", skills={"vi": 5, "hi": 5}, profiles=(QueueProfile("general"),))
PASSED_BY = an_agent("em", skills={"vi": 5, "hi": 5})
PHONELESS = msgspec.structs.replace(ABLE, phone="")
NO_CHATS = msgspec.structs.replace(ABLE, capacity=Capacity({"phone": 1}, 100))
CALL = {"channel": Channel.PHONE}
DOORS = (
    *QUEUES,
    Queue("closed", text("Closed"), hours={"default": "night", "email": "day", "fanpage": "early"}, channels=CHANNELS),
    Queue("drains", text("Drains"), hours={"default": "night"}, channels=CHANNELS, drains=True),
)
CLOSED = QueueState("closed", {"portal": START - 9, "fanpage": START - 5}, START + 7_200_000)
"""At 15:00: mail is taken until 17:00, the next change; messages of the site from 21:00, of the page from 05:00."""
DRAINS = QueueState("drains", {"portal": START}, START + 21_600_000)
INSIDE = an_agent("an", profiles=(QueueProfile("closed"), QueueProfile("drains")))
SHUT = reasons.QueueClosed("closed", START - 9, START + 21_600_000)
SHUT_PAGE = reasons.QueueClosed("closed", START - 5, START + 50_400_000)
SHUT_LATE = reasons.QueueClosed("drains", START, START + 21_600_000)
CASES = [
    (ABLE, {}, {}, {}, ()),
    (an_agent("binh"), {}, {}, {}, (reasons.UnknownAgent(),)),
    (ABLE, {"presence": Presence.NOT_READY, "reason": "lunch"}, {}, {}, (reasons.Absent(Presence.NOT_READY, "lunch"),)),
    (ABLE, {"presence": Presence.SIGNED_OUT}, {}, {}, (reasons.Absent(Presence.SIGNED_OUT),)),
    (ABLE, {"presence": Presence.ON_DEMAND}, {}, {}, (reasons.NoDemand(),)),
    (ABLE, {"presence": Presence.ON_DEMAND, "demand_id": "dm_1"}, {}, {}, ()),
    (ABLE, {"lost": True}, {}, {}, (reasons.Lost(),)),
    (ABLE, {"offer_id": "of_1"}, {}, {}, (reasons.OfferPending(),)),
    (ELSEWHERE, {}, {}, {}, (reasons.QueueNotServed("health"),)),
    (SLOW, {}, {}, {}, (reasons.DelayNotReached("health", START + 30_000),)),
    (SLOW, {}, {"tier": 1}, {}, ()),
    (UNSKILLED, {}, {}, {}, (reasons.Unskilled("hi", 4, 3, 1, START + 20_000),)),
    (UNSKILLED, {}, {"waited": 5000}, {}, (reasons.Unskilled("hi", 4, 3, 1, START + 15_000),)),
    (UNSKILLED, {}, {"step": 1}, {}, ()),
    (ABLE, {}, {"language": "en"}, {}, (reasons.Unskilled("en", 1, 0),)),
    (NO_CHATS, {}, {}, {}, (reasons.ChannelNotTaken("portal"),)),
    (ABLE, {}, CALL, {"phone": 1}, (reasons.ChannelFull("phone", 1, 1), reasons.NotBeside("phone", "phone"))),
    (ABLE, {}, {}, {"portal": 3}, (reasons.ChannelFull("portal", 3, 3), reasons.WeightFull(34, 102, 100))),
    (ABLE, {}, {}, {"fanpage": 2}, (reasons.WeightFull(34, 68, 100),)),
    (ABLE, {}, {}, {"phone": 1}, (reasons.NotBeside("portal", "phone"),)),
    (ABLE, {}, CALL, {"email": 2}, ()),
    (ABLE, {"penalties": {"portal": START + 9}}, {}, {}, (reasons.Penalised(START + 9),)),
    (ABLE, {"penalties": {"*": START + 9}}, {}, {}, (reasons.Penalised(START + 9),)),
    (ABLE, {"penalties": {"phone": START + 9}}, {}, {}, ()),
    (PHONELESS, {}, CALL, {}, (reasons.NoPhone(),)),
    (ABLE, {}, CALL | {"callback": Callback(START, not_before=START + 9)}, {}, (reasons.TooEarly(START + 9),)),
    (ABLE, {}, CALL | {"callback": Callback(START)}, {}, ()),
    (ABLE, {"phone_registered": False}, CALL, {}, (reasons.PhoneNotRegistered(),)),
    (ABLE, {"phone_registered": False}, {}, {}, ()),
    (ABLE, {}, {"reserved_for": "binh", "reserved_until": START + 7}, {}, (reasons.ReservedForAnother("binh", START + 7),)),
    (ELSEWHERE, {}, {"reserved_for": "an"}, {}, ()),
    (ABLE, {}, {"preferred": ("binh",), "reserved_until": START + 7}, {}, (reasons.ReservedForAnother("binh", START + 7),)),
    (ELSEWHERE, {}, {"preferred": ("binh", "an")}, {}, ()),
    (PASSED_BY, {}, {"for_preferred": True, "reserved_until": START + 7}, {}, (reasons.QueuePrefers("health", START + 7),)),
    (ABLE, {}, {"for_preferred": True, "reserved_until": START + 7}, {}, ()),
    (ABLE, {}, {"excluded": ("an",)}, {}, (reasons.Excluded(),)),
    (ABLE, {}, {"excluded": ("an",), "reserved_for": "an"}, {}, ()),
    (ABLE, {}, {"queue": "general"}, {}, (reasons.QueueAtLimit("general", "portal", 2, 2),)),
    (ABLE, {}, {"queue": "general", "reserved_for": "an"}, {}, (reasons.QueueAtLimit("general", "portal", 2, 2),)),
    (ABLE, {}, {"queue": "general", "channel": Channel.FANPAGE}, {}, ()),
    (INSIDE, {}, {"queue": "closed"}, {}, (SHUT,)),
    (INSIDE, {"presence": Presence.SIGNED_OUT}, {"queue": "closed"}, {}, (reasons.Absent(Presence.SIGNED_OUT), SHUT)),
    (INSIDE, {}, {"queue": "closed", "channel": Channel.FANPAGE}, {}, (SHUT_PAGE,)),
    (INSIDE, {}, {"queue": "closed", "channel": Channel.EMAIL}, {}, ()),
    (INSIDE, {}, {"queue": "closed", "reserved_for": "an"}, {}, ()),
    (INSIDE, {}, {"queue": "drains"}, {}, (SHUT_LATE,)),
    (INSIDE, {}, {"queue": "drains", "arrived_at": START - 1}, {}, ()),
    (ABLE, {}, {"state": ContactState.ACTIVE}, {}, (reasons.NotWaiting("active"),)),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "agent", "contact", "held", "expected"), CASES)
def test_each_thing_that_stops_an_agent_is_named(
    profile: typing.Any,
    agent: dict[str, object],
    contact: dict[str, object],
    held: dict[str, int],
    expected: tuple[reasons.AnyReason, ...],
) -> None:
    """R-30: who may be offered something: there, heard of, allowed, with room; who is lost gives back with the place kept."""
    catalogue = msgspec.structs.replace(a_catalogue(profile, queues=DOORS), calendars=(DAY, NIGHT, EARLY))
    who = an(id=profile.id, **agent) if profile is PASSED_BY else an(**agent)
    assert stops(Terms(catalogue, [CLOSED, DRAINS]), a_contact(**contact), who, held, in_hand=2) == expected


def test_the_cases_name_every_reason_there_is() -> None:
    shown = {type(reason) for case in CASES for reason in case[-1]}
    assert shown | {reasons.TriedBefore} == set(typing.get_args(reasons.AnyReason))


def test_who_had_one_of_the_last_offers_is_passed_over_while_somebody_else_can() -> None:
    terms = Terms(a_catalogue(ABLE, an_agent("binh", skills={"vi": 5, "hi": 5}), queues=QUEUES), ())
    both = [an(), an(id="binh")]
    found = candidates(terms, a_contact(tried=("an",)), both, {})
    assert (found.eligible, found.stopped["an"]) == (("binh",), (reasons.TriedBefore(),))
    alone = candidates(terms, a_contact(tried=("an",)), both[:1], {})
    assert alone.eligible == ("an",), "nobody else: he may have it again"


def test_the_next_step_is_counted_in_waiting_time_alone() -> None:
    """The clock stands while the contact is offered."""
    skills = frozenset({"vi", "hi"})
    waiting = next_relaxation(QUEUES[1], a_contact(waited=5000), skills)
    assert waiting == (1, START + 15_000, {"vi": 1, "hi": 2})
    offered = next_relaxation(QUEUES[1], a_contact(state=ContactState.OFFERED), skills)
    assert offered == (1, 0, {"vi": 1, "hi": 2})
    assert next_relaxation(QUEUES[1], a_contact(step=2), skills) is None
