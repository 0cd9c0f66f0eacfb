"""Any standing of a small centre, drawn by hypothesis as rows: nothing was decided yet, so there are agents who could take what waits."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from ccc_router.events.vocabulary import Channel, ContactState, Presence
from ccc_router.routing import Rows, State
from ccc_router.routing.calendar import is_open, next_change
from ccc_router.routing.policy import Calendar, Catalogue, Interval, Queue, QueueProfile, Requirement, RequirementStep
from ccc_router.routing.rows import Agent, Contact, QueueState
from tests.support.world import CHANNELS, START, a_catalogue, an_agent, text

NAMES = ("an", "binh", "chi", "dung", "em")
QUEUES = (
    Queue("general", text("General"), (Requirement("vi"),), CHANNELS, max_active={"portal": 2}),
    Queue(
        "health", text("Health"), (Requirement("vi"), Requirement("hi", 4)), CHANNELS,
        preferred=("an", "chi"), prefer_s=30,
        steps=(RequirementStep(20, (Requirement("vi"), Requirement("hi", 2))), RequirementStep(50, (Requirement("vi"),))),
    ),
)  # fmt: skip
DAY = Calendar("day", tuple(Interval(weekday, 480, 1020) for weekday in range(7)))
NIGHT = Calendar("night", tuple(Interval(weekday, 1260, 1440) for weekday in range(7)))
EARLY = Calendar("early", tuple(Interval(weekday, 300, 600) for weekday in range(7)))
"""START is 15:00: ``day`` is open, ``night`` opens at 21:00 and ``early`` on the next day at 05:00."""
HOURS: tuple[dict[str, str], ...] = (
    {},
    {},
    {"default": "night"},
    {"phone": "night", "email": "early", "portal": "day"},
)
HELD = st.lists(st.sampled_from(list(Channel)), max_size=2)


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Five agents with any skills, profiles and capacity."""
    agents = []
    for name in NAMES:
        profiles = tuple(
            QueueProfile(queue, draw(st.sampled_from([1, 1, 2])), draw(st.sampled_from([0, 0, 0, 10, 30])))
            for queue in draw(
                st.sampled_from([("general", "health"), ("general", "health"), ("health",), ("general",)])
            )
        )
        skills = {"vi": draw(st.sampled_from([1, 5])), "hi": draw(st.sampled_from([0, 1, 2, 4, 5]))}
        if draw(st.booleans()):
            skills["en"] = 3
        channels = {channel.value: draw(st.sampled_from([1, 2, 2, 3])) for channel in Channel}
        if draw(st.sampled_from([False, False, True])):
            del channels[draw(st.sampled_from(["phone", "email", "portal"]))]
        agent = an_agent(name, skills=skills, profiles=profiles, channels=channels)
        agents.append(agent)
    queues = tuple(
        msgspec.structs.replace(queue, hours=draw(st.sampled_from(HOURS)), drains=draw(st.booleans()))
        for queue in QUEUES
    )
    made = a_catalogue(*agents, queues=queues)
    return msgspec.structs.replace(made, calendars=(*made.calendars, DAY, NIGHT, EARLY))


@st.composite
def standings(draw: st.DrawFn) -> State:
    """A state loaded from rows nobody decided about."""
    catalogue = draw(catalogues())
    rows = Rows([], [], [], [], [])
    for name in NAMES:
        rows.agents.append(draw(_agents(name, rows.contacts)))
    for number in range(draw(st.integers(1, 6))):
        rows.contacts.append(draw(_waiting(f"ct_{number}")))
    state = State("main", catalogue)
    rows.queues.extend(draw(_queue(state, queue)) for queue in catalogue.queues if queue.hours)
    state.load(rows)
    state.now = START
    return state


@st.composite
def _queue(draw: st.DrawFn, state: State, queue: Queue) -> QueueState:
    """The row of a queue with hours at START; it closed before or after the contacts came, who all came at START."""
    calendars = {channel: state.book.hours(queue.id, channel) for channel in queue.channels}
    known = {channel: calendar for channel, calendar in calendars.items() if calendar is not None}
    closed = {
        channel: START + draw(st.sampled_from([-60_000, 1]))
        for channel, one in known.items()
        if not is_open(one, START)
    }
    return QueueState(queue.id, closed, min(next_change(one, START) for one in known.values()))


@st.composite
def _agents(draw: st.DrawFn, name: str, contacts: list[Contact]) -> Agent:
    presence = draw(
        st.sampled_from([Presence.READY] * 4 + [Presence.ON_DEMAND, Presence.NOT_READY, Presence.SIGNED_OUT])
    )
    seldom = st.sampled_from([False] * 7 + [True])
    held = []
    for number, channel in enumerate(draw(HELD) if draw(st.booleans()) else ()):
        held.append(f"ct_{name}{number}")
        contacts.append(_contact(held[-1], channel, state=ContactState.ACTIVE, agent_id=name))
    return Agent(
        id=name,
        presence=presence,
        demand_id=draw(st.sampled_from(["", "dm_1"])) if presence is Presence.ON_DEMAND else "",
        assignments=tuple(held),
        idle_since=START - draw(st.integers(0, 3)),
        penalties=draw(st.sampled_from([{}] * 6 + [{"*": START + 5000}, {"phone": START + 9000}])),
        lost=draw(seldom),
        phone_registered=not draw(seldom),
    )


@st.composite
def _waiting(draw: st.DrawFn, contact_id: str) -> Contact:
    queue = draw(st.sampled_from(["general", "health"]))
    for_preferred = queue == "health" and draw(st.sampled_from([False, False, True]))
    return _contact(
        contact_id,
        draw(st.sampled_from([Channel.PHONE, Channel.EMAIL, Channel.PORTAL])),
        queue=queue,
        state=ContactState.QUEUED,
        language=draw(st.sampled_from(["", "vi", "en", "km"])),
        tier=draw(st.sampled_from([0, 0, 1])),
        step=draw(st.integers(0, 2)) if queue == "health" else 0,
        reserved_for="" if for_preferred else draw(st.sampled_from(["", "", "", *NAMES])),
        for_preferred=for_preferred,
        reserved_until=START + 30_000 if for_preferred else 0,
        tried=draw(st.sampled_from([(), (), ("an",), ("an", "binh")])),
    )


def _contact(contact_id: str, channel: Channel, **more: Any) -> Contact:
    contact = Contact(
        contact_id, "cs_1", "cu_1", channel, "site", "general", ContactState.ACTIVE, START, START,
        state_since=START, attention_at=START + 900_000,
    )  # fmt: skip
    return msgspec.structs.replace(contact, **more)
