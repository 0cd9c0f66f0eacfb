"""A small world around the pure core: a catalogue, a clock that tests move, and the invariants to hold after every step."""

import itertools

import msgspec

from ccc_router.events.commands import AcceptOffer, Command, CompleteContact, OpenDemand, SetPresence
from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.facts import CallEvent, MessageReceived
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, LegRole, OfferState, Presence, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import State, Step, next_due, step
from ccc_router.routing.calendar import is_open
from ccc_router.routing.decisions import InvariantViolated, MessageCounted
from ccc_router.routing.policy import (
    Agent,
    Calendar,
    Capacity,
    Catalogue,
    Deadline,
    Department,
    Disposition,
    Endpoint,
    Interval,
    Queue,
    QueueProfile,
    Requirement,
    Rules,
    Skill,
    Text,
    Topic,
)
from ccc_router.routing.rows import Contact
from tests.support.tables import Tables

START = 1_800_000_000_000
CHANNELS = ("phone", "email", "fanpage", "portal")


def text(name: str) -> Text:
    """The same word in both languages."""
    return Text(vi=name, en=name)


def an_agent(
    agent_id: str,
    *,
    skills: dict[str, int] | None = None,
    profiles: tuple[QueueProfile, ...] = (QueueProfile("general"), QueueProfile("health")),
    channels: dict[str, int] | None = None,
) -> Agent:
    """An agent who speaks Vietnamese and takes a call or up to three messages."""
    return Agent(
        id=agent_id,
        name=agent_id,
        skills=skills or {"vi": 5},
        profiles=profiles,
        capacity=Capacity(channels or {"phone": 1, "email": 2, "fanpage": 3, "portal": 3, "internal": 2}, 100),
        phone=f"PJSIP/{agent_id}",
        phone_endpoint="hotline",
    )


def a_catalogue(*agents: Agent, rules: Rules | None = None, queues: tuple[Queue, ...] = ()) -> Catalogue:
    """Two queues, a switch, a mailbox, a page and a site, and one department."""
    always = tuple(Interval(day, 0, 1440) for day in range(7))
    return Catalogue(
        version=1,
        queues=queues
        or (
            Queue("general", text("General"), (Requirement("vi"),), CHANNELS, allowance_s={"email": 14_400}),
            Queue("health", text("Health"), (Requirement("vi"), Requirement("hi", 3)), CHANNELS),
        ),
        skills=(Skill("vi", text("vi")), Skill("en", text("en")), Skill("hi", text("hi"))),
        agents=agents or (an_agent("an"), an_agent("binh", skills={"vi": 5, "hi": 4})),
        endpoints=(
            Endpoint("hotline", "phone", text("Hotline"), "general", dialect="csta", control_url="http://127.0.0.1:1/"),
            Endpoint("tracked", "phone", text("Tracked"), "general", dialect="csta"),
            Endpoint("mailbox", "email", text("Mailbox"), "general", address="ccc@example.org"),
            Endpoint("page", "fanpage", text("Page"), "general"),
            Endpoint("site", "portal", text("Site"), "general"),
        ),
        departments=(
            Department(
                "d_hi", text("Health insurance"), "office", url="https://d.example.org/",
                deadlines={"default": Deadline(60, 480)}, ladder=("d_office",),
            ),
            Department("d_office", text("Office"), "office", email="office@example.org"),
        ),
        calendars=(Calendar("office", always),),
        dispositions=(Disposition("answered", text("Answered")), Disposition("not_given", text("Not given"))),
        topics=(Topic("card", text("Card"), "health", "d_hi"),),
        rules=rules or Rules(),
    )  # fmt: skip


class World:
    """Gives inputs to a state, stamped like the engine does, and remembers what followed."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        """A pool with the catalogue in force and everybody signed out."""
        self.catalogue = catalogue or a_catalogue()
        self.state = State("main", self.catalogue)
        self.state.activate(self.catalogue)
        self.now = START
        self.log: list[tuple[Input, Step]] = []
        self._numbers = itertools.count(1)
        self.tables = Tables(self.state)

    def give(self, body: AnyInput, resolved: Resolved | None = None) -> Step:
        """One input, now."""
        if resolved is None:
            resolved = self.resolve(body)
        given = Input(self.state.position + 1, self.now, body, resolved, received_at=self.now)
        made = step(self.state, given)
        self.wrote(given, made)
        assert not any(isinstance(one, InvariantViolated) for one in made.decisions), made.decisions
        return made

    def wrote(self, given: Input, made: Step) -> None:
        """Remember what followed, and see that it is whole: a command has one answer, and what changed is what is written."""
        self.log.append((given, made))
        answers = [one for one in (made.refused, made.result) if one is not None]
        assert len(answers) == isinstance(given.body, Command), f"{len(answers)} answers to {given.body}"
        self.tables.keep(self.state)

    def resolve(self, body: AnyInput) -> Resolved:
        """A customer nobody knew for every arrival; what belongs together is said by the tests."""
        contact = self.state.contacts.get(getattr(body, "contact_id", ""))
        if isinstance(body, CallEvent) and contact is not None and contact.handed_over is not None:
            return Resolved(contact_id=contact.id, contact_state=contact.state, handed_to=contact.handed_over.pool)
        if isinstance(body, MessageReceived | CallEvent) and contact is None:
            return Resolved(customer_id=derive("cu", body.contact_id), customer_new=True)
        return Resolved()

    def wait(self, seconds: float) -> None:
        """Let time pass; timers fire in order, each at its due time."""
        until = self.now + int(1000 * seconds)
        while (due := next_due(self.state)) is not None and due.due <= until:
            self.now = max(self.now, due.due)
            self.give(due, Resolved())
        self.now = until

    # people

    def sign_in(self, agent_id: str, presence: Presence = Presence.READY) -> Step:
        """The agent says he is there."""
        return self.give(SetPresence(actor=agent_id, actor_role=Role.AGENT, agent_id=agent_id, presence=presence))

    def demand(self, agent_id: str, seconds: int = 25) -> Step:
        """``work/next``."""
        return self.give(
            OpenDemand(
                actor=agent_id, actor_role=Role.AGENT, agent_id=agent_id, demand_id=f"dm_{next(self._numbers)}",
                until=self.now + 1000 * seconds,
            )
        )  # fmt: skip

    def accept(self, agent_id: str) -> Step:
        """Accept what is offered."""
        offer_id = self.state.agents[agent_id].offer_id
        return self.give(AcceptOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer_id))

    def complete(self, agent_id: str, contact_id: str) -> Step:
        """Finish a contact."""
        return self.give(
            CompleteContact(actor=agent_id, actor_role=Role.AGENT, contact_id=contact_id, disposition="answered")
        )

    # customers

    def write(
        self,
        channel: Channel = Channel.PORTAL,
        *,
        case_id: str = "",
        queue: str = "",
        language: str = "",
        automatic: bool = False,
    ) -> str:
        """A customer writes; the contact it belongs to."""
        number = next(self._numbers)
        endpoint = {"portal": "site", "email": "mailbox", "fanpage": "page"}[channel.value]
        fact = MessageReceived(
            channel=channel, endpoint=endpoint, message_id=f"ms_{number}", contact_id=f"ct_{number}", case_id=f"cs_{number}",
            queue=queue, language=language, automatic=automatic,
        )  # fmt: skip
        resolved = Resolved(customer_id=f"cu_{number}", customer_new=not case_id, case_id=case_id)
        made = self.give(fact, resolved)
        return next((one.contact_id for one in made.decisions if isinstance(one, MessageCounted)), "")

    def call(self, event: CallEventName, call_id: str = "c1", leg: str = "cust", **more: object) -> Step:
        """One event of a call; the customer's leg is ``cust``."""
        return self.give(self.event(event, call_id, leg, **more))

    def event(self, event: CallEventName, call_id: str = "c1", leg: str = "cust", **more: object) -> CallEvent:
        """The same, to be given by the test."""
        endpoint = str(more.pop("endpoint", "hotline"))
        fact = CallEvent(
            at=int(str(more.pop("at", self.now))),
            endpoint=endpoint,
            call_id=call_id,
            leg_id=leg,
            contact_id=derive("ct", endpoint, "call", call_id),
            case_id=derive("cs", endpoint, "call", call_id),
            event=event,
            role=LegRole.CUSTOMER if leg == "cust" else LegRole.AGENT,
        )
        return msgspec.structs.replace(fact, **more)

    def contact(self, contact_id: str) -> Contact:
        """The contact as it stands."""
        return self.state.contacts[contact_id]

    def state_of(self, contact_id: str) -> ContactState:
        """The contact's state as it stands."""
        return self.state.contacts[contact_id].state

    def presence_of(self, agent_id: str) -> Presence:
        """The agent's presence as it stands."""
        return self.state.agents[agent_id].presence

    def offered_to(self, contact_id: str) -> str:
        """Whom the contact is offered to now, or nobody."""
        offer = self.state.offers.get(self.state.contacts[contact_id].offer_id)
        return offer.agent_id if offer is not None else ""


def check_invariants(state: State) -> None:
    """What must be true between any two inputs (I4, I5, I6, I8, I9)."""
    live: dict[str, str] = {}
    for offer in state.offers.values():
        assert offer.state is OfferState.PENDING
        assert offer.contact_id not in live, f"I4: two offers of {offer.contact_id}"
        live[offer.contact_id] = offer.agent_id
        assert state.contacts[offer.contact_id].state is ContactState.OFFERED
        assert state.agents[offer.agent_id].offer_id == offer.id
    owners = {}
    for agent in state.agents.values():
        for contact_id in agent.assignments:
            assert contact_id not in owners, "I4: two owners"
            assert contact_id not in live, "I4: an owner and an offer"
            owners[contact_id] = agent.id
            assert state.contacts[contact_id].agent_id == agent.id
        profile = state.book.agents.get(agent.id)
        if profile is not None:
            used = state.load_of(agent)
            for channel, count in used.items():
                assert count <= profile.capacity.channels.get(channel, 0), f"I5: {agent.id} {channel}"
            assert carried(state, agent.assignments) <= profile.capacity.total_weight, f"I5: {agent.id}"
    for contact in state.contacts.values():
        if contact.agent_id:
            assert owners.get(contact.id) == contact.agent_id
        if contact.state is ContactState.QUEUED:
            held = shut(state, contact)
            assert not held or later(contact) or state.doors.rows[contact.queue].due_at, (
                f"I9: {contact.id} waits for no opening"
            )
            assert (state.waiting.holds(contact.id), state.doors.holds(contact.id)) == (not held, held)
            assert state.contact_due(contact) or contact.attention, f"I9: {contact.id}"
        elif contact.state is ContactState.OFFERED:
            assert contact.offer_id in state.offers
        elif contact.state in (ContactState.WAITING, ContactState.WRAP_UP, ContactState.CONNECTING):
            assert state.contact_due(contact), f"I9: {contact.id} {contact.state}"
    check_work_conservation(state)
    for case in state.cases.values():
        assert case.contacts or case.escalations or case.due_at or case.attention, f"I9: case {case.id}"


def carried(state: State, assignments: tuple[str, ...]) -> int:
    """What weighs on an agent: each of his contacts that none of the others sets aside."""
    on_top, weights = state.book.rules.on_top, state.book.rules.weights
    held = [state.contacts[contact_id].channel.value for contact_id in assignments]
    return sum(weights[one] for one in held if not any(on_top.get(x, {}).get(one) == "interrupts" for x in held))


def check_work_conservation(state: State) -> None:
    """I8: computed the long way, over everybody, without the classes the core uses."""
    for contact in state.contacts.values():
        if contact.state is not ContactState.QUEUED:
            continue
        for agent in state.agents.values():
            assert not eligible(state, contact, agent.id), f"I8: {agent.id} is idle while {contact.id} waits"


def in_hand(state: State, contact: Contact) -> int:
    """How many contacts of its queue and channel are offered or somebody's: over everybody, not by what the core counts."""
    alike = [one for one in state.contacts.values() if (one.queue, one.channel) == (contact.queue, contact.channel)]
    return sum(one.state.value in ("offered", "connecting", "active", "held", "wrap_up") for one in alike)


def at_limit(state: State, contact: Contact) -> bool:
    """Whether its queue may have no more of its channel in hand."""
    limit = state.book.queues[contact.queue].max_active.get(contact.channel)
    return limit is not None and in_hand(state, contact) >= limit


def is_free(state: State, agent_id: str, channel: Channel) -> bool:
    """Whether an agent could take one more contact of a channel, if he can do it at all."""
    agent, profile = state.agents[agent_id], state.book.agents.get(agent_id)
    if profile is None or agent.lost or agent.offer_id or "*" in agent.penalties or channel.value in agent.penalties:
        return False
    if not (agent.presence is Presence.READY or (agent.presence is Presence.ON_DEMAND and agent.demand_id)):
        return False
    if channel is Channel.PHONE and not (agent.phone_registered and profile.phone):
        return False
    if state.load_of(agent).get(channel.value, 0) >= profile.capacity.channels.get(channel.value, 0):
        return False
    held = [state.contacts[contact_id].channel.value for contact_id in agent.assignments]
    on_top, weights = state.book.rules.on_top.get(channel.value, {}), state.book.rules.weights
    if any(on_top.get(one) == "never" for one in held):
        return False
    stays = sum(weights[one] for one in held if on_top.get(one) != "interrupts")
    return stays + weights[channel.value] <= profile.capacity.total_weight


def eligible(state: State, contact: Contact, agent_id: str) -> bool:
    """DESIGN 5, word for word, and the limits of queues."""
    if not is_free(state, agent_id, contact.channel):
        return False
    if later(contact) or at_limit(state, contact):
        return False
    profile = state.book.agents[agent_id]
    if contact.reserved_for or contact.preferred:
        return agent_id in (contact.reserved_for, *contact.preferred)
    queue = state.book.queues[contact.queue]
    passed_by = contact.for_preferred and agent_id not in queue.preferred
    if passed_by or agent_id in contact.excluded or shut(state, contact):
        return False
    asked = [queue.requirements, *(one.requirements for one in queue.steps)][contact.step]
    needs = {need.skill: need.level for need in asked}
    if contact.language in state.book.skills:
        needs.setdefault(contact.language, 1)
    if any(profile.skills.get(skill, 0) < level for skill, level in needs.items()):
        return False
    outlived = max(state.book.delays(contact.queue)[: contact.tier], default=0)
    return any(item.queue == contact.queue and 1000 * item.delay_s <= outlived for item in profile.profiles)


def shut(state: State, contact: Contact) -> bool:
    """Whether the contact waits for its time or its queue to open: asked of the calendar, not of what the core remembers."""
    if later(contact):
        return True
    calendar = state.book.hours(contact.queue, contact.channel)
    if contact.reserved_for or contact.preferred or calendar is None or is_open(calendar, state.now):
        return False
    row = state.doors.rows[contact.queue]
    since = row.closed.get(contact.channel)
    if since is None:  # it closes at this very moment, after the timer that acts now
        assert row.due_at == state.now, f"I12: {contact.queue} closed, and was due at {row.due_at}"
        return False
    drains = state.book.queues[contact.queue].drains and contact.callback is None
    return not (drains and contact.arrived_at < since)


def later(contact: Contact) -> bool:
    """Whether its customer is to be called back, but not yet."""
    return contact.callback is not None and contact.callback.not_before > 0
