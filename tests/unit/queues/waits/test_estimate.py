"""The estimate from what there is to see: against the known formulas where they hold, and what must change it changes it."""

from collections.abc import Mapping

import msgspec
import pytest

from ccc_router.events.vocabulary import Channel, ContactState, Presence
from ccc_router.queues.waits.distribution import Wait
from ccc_router.queues.waits.estimate import SHARES, Estimator, Expected
from ccc_router.queues.waits.paces import Line, Paces
from ccc_router.queues.waits.sight import Sight
from ccc_router.routing.policy import Calendar, Capacity, Catalogue, Interval, Queue, QueueProfile, Requirement
from ccc_router.routing.rows import Agent, Contact
from ccc_router.routing.rulebook import Rulebook
from tests.support.builders import CHANNELS, a_catalogue, an_agent, text

NOW = 1_772_384_400_000
CALLS: Line = ("general", "phone")
STEADY = Paces(busy_s=300.0, abandons_per_s=0.0, arrivals_per_s=0.0, reaction_s=0.0)


def centre(queues: Mapping[str, tuple[str, ...]], **changes: object) -> Catalogue:
    """Agents by the queues they serve, all with the same priority; one call or three chats at a time."""
    named = dict.fromkeys(queue for served in queues.values() for queue in served)
    agents = tuple(
        an_agent(
            agent,
            profiles=tuple(QueueProfile(queue) for queue in served),
            capacity=Capacity({"phone": 1, "portal": 3, "email": 2}, 105),
        )
        for agent, served in queues.items()
    )
    made = tuple(Queue(queue, text(queue), (Requirement("vi"),), CHANNELS) for queue in named)
    return msgspec.structs.replace(a_catalogue(), queues=made, agents=agents, **changes)


def sight(
    catalogue: Catalogue,
    waiting: Mapping[Line, list[int]] | None = None,
    held: Mapping[str, Mapping[Line, int]] | None = None,
    **changes: object,
) -> Sight:
    """Everybody is here and has one call, if nothing else is said."""
    here = [Agent(one.id, Presence.READY) for one in catalogue.agents]
    talking = {one.id: {CALLS: 1} for one in catalogue.agents}
    return Sight(NOW, here, talking if held is None else held, waiting or {}, {})._replace(**changes)  # type: ignore[arg-type]


def a_call(rank: int = NOW, queue: str = "general", channel: Channel = Channel.PHONE, **changes: object) -> Contact:
    made = Contact("ct", "cs", "", channel, "", queue, ContactState.QUEUED, NOW, rank)
    return msgspec.structs.replace(made, **changes)


def estimated(
    catalogue: Catalogue, seen: Sight, contact: Contact | None = None, paces: Mapping[Line, Paces] | None = None
) -> Expected:
    known = paces or {}
    return Estimator(Rulebook(catalogue), seen, lambda line: known.get(line, STEADY)).of(contact or a_call())


def ms(wait: Wait) -> tuple[int, ...]:
    return tuple(round(1000 * wait.quantile(share)) for share in SHARES)


FIVE = centre({f"a{number}": ("general",) for number in range(5)})


@pytest.mark.parametrize("ahead", [0, 1, 6])
def test_one_queue_is_m_m_n_with_k_ahead(ahead: int) -> None:
    found = estimated(FIVE, sight(FIVE, {CALLS: [NOW - 9 + k for k in range(ahead)]}))
    assert (found.position, found.ahead, found.unknown) == (ahead + 1, ahead, "")
    assert found.waits_ms == ms(Wait(ahead, 5 / 300))


def test_who_stands_behind_does_not_matter_and_who_gives_up_ahead_does() -> None:
    line = {CALLS: [NOW - 2, NOW - 1, NOW + 1, NOW + 2]}
    impatient = {CALLS: STEADY._replace(abandons_per_s=0.01)}
    assert estimated(FIVE, sight(FIVE, line)).waits_ms == ms(Wait(2, 5 / 300))
    assert estimated(FIVE, sight(FIVE, line), paces=impatient).waits_ms == ms(Wait(2, 5 / 300, 0.01))


def test_the_time_until_an_agent_answers_is_added() -> None:
    slow = {CALLS: STEADY._replace(reaction_s=7.0)}
    assert estimated(FIVE, sight(FIVE), paces=slow).waits_ms == tuple(one + 7000 for one in ms(Wait(0, 5 / 300)))
    assert estimated(FIVE, sight(FIVE, held={}), paces=slow).waits_ms == (7000, 7000, 7000), "all are free"


def test_free_agents_take_those_ahead_at_once() -> None:
    held = {f"a{number}": {CALLS: 1} for number in range(3)}
    line = {CALLS: [NOW - 9 + k for k in range(4)]}
    assert estimated(FIVE, sight(FIVE, line, held)).waits_ms == ms(Wait(2, 5 / 300))


def test_only_who_is_here_and_able_counts() -> None:
    seen = sight(FIVE)
    assert estimated(FIVE, seen._replace(here=seen.here[:2])).waits_ms == ms(Wait(0, 2 / 300))
    assert estimated(FIVE, seen._replace(here=())).unknown == "nobody_here"
    assert estimated(FIVE, seen, a_call(excluded=("a0", "a1"))).waits_ms == ms(Wait(0, 3 / 300))
    assert estimated(FIVE, seen, a_call(language="en")).unknown == "nobody_able"
    assert estimated(FIVE, seen, a_call(queue="nowhere")).unknown == "nobody_able"
    assert estimated(FIVE, seen, a_call(reserved_for="a0")).unknown == "kept_for_agent"
    assert estimated(FIVE, seen, a_call(reserved_for="a0", reserved_until=NOW + 5)).waits_ms == ms(Wait(0, 5 / 300))


def test_of_another_queue_those_count_whom_shared_agents_will_take() -> None:
    """Of four agents for the other queue two are able for ours: half of those ahead there are ahead of ours."""
    shared = centre(
        {"a": ("general",), "b": ("general", "other"), "c": ("general", "other"), "d": ("other",), "e": ("other",)}
    )
    others = {("other", "phone"): [NOW - 9 + k for k in range(6)]}
    assert estimated(shared, sight(shared, others)).ahead == pytest.approx(3.0)
    assert estimated(shared, sight(shared, others)).position == 1, "in its own queue it is the next"
    apart = centre({"a": ("general",), "d": ("other",)})
    assert estimated(apart, sight(apart, others)).ahead == 0


@pytest.mark.parametrize(("priorities", "ahead"), [((1, 2), 0), ((2, 1), 4), ((1, 1), 2)])
def test_an_agent_takes_first_from_the_queue_his_profile_prefers(priorities: tuple[int, int], ahead: int) -> None:
    profiles = (QueueProfile("general", priorities[0]), QueueProfile("other", priorities[1]))
    catalogue = centre({"a": ("general", "other")})
    [agent] = catalogue.agents
    catalogue = msgspec.structs.replace(catalogue, agents=(msgspec.structs.replace(agent, profiles=profiles),))
    others = {("other", "phone"): [NOW - 2, NOW - 1, NOW + 1, NOW + 2]}
    assert estimated(catalogue, sight(catalogue, others)).ahead == ahead


def test_a_letter_waits_for_the_calls_that_will_come_before_it() -> None:
    """Two of three agents' time goes to calls that rank before the letter: it waits as if one were there."""
    catalogue = centre({"a": ("general",), "b": ("general",), "c": ("general",)})
    letter = a_call(NOW + 24 * 3_600_000, channel=Channel.EMAIL)
    calls = {CALLS: STEADY._replace(arrivals_per_s=2 / 300)}
    alone, among = estimated(catalogue, sight(catalogue), letter), estimated(catalogue, sight(catalogue), letter, calls)
    assert alone.waits_ms == ms(Wait(0, 3 / 300))
    assert among.waits_ms[1] == pytest.approx(3 * alone.waits_ms[1], rel=0.5)
    soon = estimated(catalogue, sight(catalogue), msgspec.structs.replace(letter, rank=NOW + 1), calls)
    assert soon.waits_ms == pytest.approx(alone.waits_ms, rel=0.01), (
        "who comes a millisecond later no longer goes before it"
    )


def test_more_first_than_agents_can_take_is_no_figure() -> None:
    catalogue = centre({"a": ("general",)})
    letter = a_call(NOW + 30 * 24 * 3_600_000, channel=Channel.EMAIL)
    flood = {CALLS: STEADY._replace(arrivals_per_s=1.0)}
    found = estimated(catalogue, sight(catalogue), letter, flood)
    assert (found.unknown, found.waits_ms) == ("too_long", ())


def test_a_call_needs_all_the_chats_of_an_agent_to_end_and_a_chat_one() -> None:
    """Chats are done at 1/300 s each; a call on top of three is over the weight until the last has ended."""
    catalogue = centre({"a": ("general",)})
    chats = {"a": {("general", "portal"): 2}}
    call = estimated(catalogue, sight(catalogue, held=chats))
    assert call.waits_ms == ms(Wait(0, 1 / (300 / 2 + 300)))
    full = {"a": {("general", "portal"): 3}}
    chat = estimated(catalogue, sight(catalogue, held=full), a_call(channel=Channel.PORTAL))
    assert chat.waits_ms == ms(Wait(0, 3 / 300))


def test_letters_a_call_would_set_aside_keep_nobody_from_it() -> None:
    catalogue = centre({"a": ("general",)})
    assert estimated(catalogue, sight(catalogue, held={"a": {("general", "email"): 2}})).waits_ms == (0, 0, 0)


def test_a_closed_queue_says_when_it_opens_and_those_before_its_door_stand_in_nobodys_way() -> None:
    nights = Calendar("nights", tuple(Interval(day, 60, 120) for day in range(7)))
    catalogue = centre({"a": ("general", "other")}, calendars=(nights,))
    general, other = catalogue.queues
    shut = msgspec.structs.replace(general, hours={"default": "nights"})
    catalogue = msgspec.structs.replace(catalogue, queues=(shut, other))
    seen = sight(catalogue, {CALLS: [NOW - 1]}, closed={CALLS: NOW - 5})
    found = estimated(catalogue, seen)
    assert (found.unknown, found.position, found.opens_at) == ("closed", 2, NOW + 3_600_000)
    assert estimated(catalogue, seen, a_call(queue="other")).ahead == 0
    drains = msgspec.structs.replace(catalogue, queues=(msgspec.structs.replace(shut, drains=True), other))
    assert estimated(drains, seen, a_call(arrived_at=NOW - 10)).unknown == ""
    assert estimated(drains, seen, a_call(arrived_at=NOW)).unknown == "closed"


def test_a_newcomer_stands_behind_all_who_are_there() -> None:
    line = {CALLS: [NOW - 2, NOW - 1]}
    found = Estimator(Rulebook(FIVE), sight(FIVE, line), lambda _: STEADY).newcomer("general", "phone")
    assert (found.position, found.waits_ms) == (3, ms(Wait(2, 5 / 300)))
