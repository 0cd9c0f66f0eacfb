"""The core under anything that may happen, in any order: the invariants after every step, and the same state by three ways."""

import itertools
from typing import Any, Literal, get_args

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ccc_router.events.commands import (
    AcceptOffer,
    ActivateCatalogue,
    AnyCommand,
    AssignContact,
    AttachCases,
    CallCustomer,
    CloseContact,
    CompleteContact,
    ControlCall,
    DeclineOffer,
    EditCase,
    ExtendWrapUp,
    IdentifyCustomer,
    LinkContact,
    OpenIncident,
    PromiseCallback,
    RequeueContact,
    ResolveIncident,
    SendMessage,
    SetPresence,
    SetPriority,
    SetSurge,
    TransferContact,
    UndoIdentification,
    WaitForCustomer,
)
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import (
    AgentBack,
    AgentLost,
    DraftKept,
    MessageReceived,
    OfferFetched,
    PhoneRegistered,
    Private,
)
from ccc_router.events.vocabulary import CallEventName, Channel, LegRole, Newcomers, Presence, Role, Visibility
from ccc_router.kernel.ids import derive
from ccc_router.routing import State, apply, begin
from ccc_router.routing.decisions import ContactHandedOver, FactForwarded
from ccc_router.routing.policy import (
    AgentOrder,
    Calendar,
    Catalogue,
    ContactOrder,
    IdleSince,
    Interval,
    OnTop,
    OverflowRule,
    Queue,
    QueueProfile,
    Requirement,
    RequirementStep,
    Rules,
)
from ccc_router.routing.rows import Contact, Rows
from tests.support.matcher import Watched
from tests.support.tables import Tables
from tests.support.world import CHANNELS as WAYS
from tests.support.world import World, a_catalogue, an_agent, check_invariants, text

AGENTS = ("an", "binh", "chi")
CHANNELS = st.sampled_from([Channel.EMAIL, Channel.FANPAGE, Channel.PORTAL])
QUEUES = st.sampled_from(["", "general", "health"])
CALLS = st.sampled_from(["c1", "c2", "c3"])


QUEUES_WITH_STEPS = (
    Queue("general", text("General"), (Requirement("vi"),), WAYS, allowance_s={"email": 14_400}),
    Queue(
        "health", text("Health"), (Requirement("vi"), Requirement("hi", 3)), WAYS,
        steps=(
            RequirementStep(12, (Requirement("vi"), Requirement("hi"))),
            RequirementStep(40, (Requirement("vi"),)),
        ),
    ),
)  # fmt: skip


AGENT_ORDERS: tuple[tuple[AgentOrder, ...], ...] = (Rules().agent_order, ("idle",), ("scarcity", "load"), ())


Matrix = dict[str, dict[str, OnTop]]
MATRICES: tuple[Matrix, ...] = (
    Rules().on_top,
    {},
    {"fanpage": {"email": "interrupts", "portal": "never"}, "phone": {"fanpage": "interrupts", "email": "never"}},
)


def the_catalogue(
    agent_order: tuple[AgentOrder, ...],
    idle_since: IdleSince,
    contact_order: ContactOrder,
    on_top: Matrix,
    callers: Literal["deflect", "callback_list"] = "deflect",
) -> Catalogue:
    both = (QueueProfile("general", 2), QueueProfile("health", 1))
    made = a_catalogue(
        an_agent("an"),
        an_agent("binh", skills={"vi": 5, "hi": 4}, profiles=both),
        an_agent(
            "chi", skills={"vi": 3, "hi": 1}, profiles=(QueueProfile("general", delay_s=20), QueueProfile("health"))
        ),
        queues=QUEUES_WITH_STEPS,
        rules=Rules(
            agent_order=agent_order,
            idle_since=idle_since,
            contact_order=contact_order,
            max_extra_wait_s=30,
            on_top=on_top,
            callback_attempts=2,
            callback_pause_s=40,
        ),
    )
    by_turns = tuple(Interval(day, 60 * hour, 60 * hour + 30) for day in range(7) for hour in range(24))
    general, health = made.queues
    return msgspec.structs.replace(
        made,
        calendars=(*made.calendars, Calendar("by-turns", by_turns)),
        queues=(
            msgspec.structs.replace(
                general, hours={"email": "by-turns"}, drains=True, tell_wait={"default": "once"},
                max_waiting={"phone": 1, "email": 1}, max_active={"email": 1, "phone": 2},
                overflow_when=(
                    OverflowRule("health", after_wait_s=600, length_over=3),
                    OverflowRule("general", after_wait_s=1900, when=("closed",), pool="danang"),
                ),
            ),
            msgspec.structs.replace(
                health, hours={"default": "by-turns", "fanpage": "office"}, overflow="general",
                when_closed={"phone": callers, "portal": "overflow"},
                overflow_when=(
                    OverflowRule("general", after_wait_s=30, when=("nobody",), if_on_target=True),
                    OverflowRule("help", after_wait_s=130, pool="danang"),
                ),
                max_active={"portal": 1}, preferred=("chi", "an"), prefer_s=20, first_action_s={"default": 127, "fanpage": 0},
            ),
        ),
    )  # fmt: skip


class Centre(RuleBasedStateMachine):
    """A small centre where everybody does anything at any time; `opened` says what decides (`tests/integration/queues/test_any_order.py`)."""

    def opened(self, catalogue: Catalogue) -> World:
        """What the rules drive."""
        return Watched(catalogue)

    @initialize(
        agent_order=st.sampled_from(AGENT_ORDERS),
        idle_since=st.sampled_from(get_args(IdleSince)),
        contact_order=st.sampled_from(get_args(ContactOrder)),
        on_top=st.sampled_from(MATRICES),
        callers=st.sampled_from(["deflect", "callback_list"]),
    )
    def open(
        self,
        agent_order: tuple[AgentOrder, ...],
        idle_since: IdleSince,
        contact_order: ContactOrder,
        on_top: Matrix,
        callers: Literal["deflect", "callback_list"],
    ) -> None:
        self.world = self.opened(the_catalogue(agent_order, idle_since, contact_order, on_top, callers))
        self.world.wait(0)
        self.numbers = 0

    def ids(self) -> list[str]:
        return sorted(self.world.state.contacts)

    def command(self, command: AnyCommand) -> None:
        self.world.give(command)

    @rule(agent=st.sampled_from(AGENTS), presence=st.sampled_from(list(Presence)), after=st.booleans())
    def set_presence(self, agent: str, presence: Presence, after: bool) -> None:
        self.command(
            SetPresence(actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=presence, after_current=after)
        )

    @rule(agent=st.sampled_from(AGENTS))
    def ready(self, agent: str) -> None:
        self.world.sign_in(agent)

    @rule(agent=st.sampled_from(AGENTS))
    def demand(self, agent: str) -> None:
        self.world.demand(agent)

    @rule(channel=CHANNELS, queue=QUEUES, automatic=st.sampled_from([False] * 9 + [True]))
    def new_message(self, channel: Channel, queue: str, automatic: bool) -> None:
        self.world.write(channel, queue=queue, automatic=automatic)

    @precondition(lambda self: self.world.state.cases)
    @rule(channel=CHANNELS, pick=st.integers(0, 1000))
    def message_on_a_case(self, channel: Channel, pick: int) -> None:
        cases = sorted(self.world.state.cases)
        self.world.write(channel, case_id=cases[pick % len(cases)])

    @rule(
        call=CALLS,
        event=st.sampled_from(list(CallEventName)),
        agent=st.sampled_from(AGENTS),
        who=st.sampled_from(["cust", "agent"]),
        queue=QUEUES,
    )
    def call_event(self, call: str, event: CallEventName, agent: str, who: str, queue: str) -> None:
        contact = self.world.state.contacts.get(derive("ct", "hotline", "call", call))
        offer_id = contact.offer_id if contact is not None and who == "agent" else ""
        leg = "cust" if who == "cust" else f"leg-{offer_id or agent}"
        self.world.call(event, call, leg, offer_id=offer_id, queue=queue)

    @rule(agent=st.sampled_from(AGENTS), fetched=st.booleans())
    def accept(self, agent: str, fetched: bool) -> None:
        offer_id = self.world.state.agents[agent].offer_id
        if fetched:
            self.world.give(OfferFetched(offer_id=offer_id))
        self.command(AcceptOffer(actor=agent, actor_role=Role.AGENT, offer_id=offer_id))

    @precondition(lambda self: self.world.state.contacts)
    @rule(agent=st.sampled_from(AGENTS), pick=st.integers(0, 1000))
    def draft(self, agent: str, pick: int) -> None:
        self.world.give(DraftKept(contact_id=self.ids()[pick % len(self.ids())], agent_id=agent))

    @rule(agent=st.sampled_from(AGENTS))
    def decline(self, agent: str) -> None:
        offer_id = self.world.state.agents[agent].offer_id
        self.command(DeclineOffer(actor=agent, actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))

    @precondition(lambda self: self.world.state.contacts)
    @rule(pick=st.integers(0, 1000), what=st.integers(0, 14), other=st.sampled_from(AGENTS), queue=QUEUES)
    def handle(self, pick: int, what: int, other: str, queue: str) -> None:
        ids = self.ids()
        contact = self.world.state.contacts[ids[pick % len(ids)]]
        actor = contact.agent_id or contact.reserved_for or other
        mine: dict[str, Any] = {"actor": actor, "actor_role": Role.AGENT, "contact_id": contact.id}
        theirs: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR, "contact_id": contact.id}
        self.numbers += 1
        message = f"ms_r{self.numbers}"
        cases = sorted(self.world.state.cases)
        commands: list[AnyCommand] = [
            CompleteContact(**mine, disposition="answered"),
            CompleteContact(**mine, disposition="answered", resolution="waiting_customer"),
            WaitForCustomer(**mine, until=self.world.now + 60_000),
            TransferContact(**mine, queue=queue),
            TransferContact(**mine, agent_id=other),
            TransferContact(**mine, queue=queue, prefer=(other, AGENTS[pick % 3]), exclude=(actor,) * (pick % 2)),
            RequeueContact(**mine),
            SendMessage(**mine, message_id=message, visibility=Visibility.PUBLIC, then="wait"),
            SendMessage(
                **mine, message_id=message, visibility=Visibility.PUBLIC, then="complete", disposition="answered"
            ),
            ExtendWrapUp(**mine, extend_ms=30_000, reason="long note"),
            AssignContact(**theirs, agent_id=other, reason="asked for"),
            CloseContact(**theirs, reason="stuck")
            if pick % 5 == 0
            else SetPriority(**theirs, priority=pick % 4, reason="x"),
            LinkContact(**mine, case_id=cases[pick % len(cases)] if cases else "cs_none"),
            RequeueContact(**theirs, exclude=(other,)),
            RequeueContact(**theirs, exclude=AGENTS[: pick % 2], prefer=(other, AGENTS[pick % 3])),
        ]
        self.command(commands[what])
        if contact.channel is Channel.PHONE:
            self.command(ControlCall(**mine, action="hangup" if pick % 2 else "hold"))

    @precondition(lambda self: self.world.state.contacts)
    @rule(pick=st.integers(0, 1000), undo=st.booleans(), customer=st.sampled_from(["cu_8", "cu_9"]))
    def identify(self, pick: int, undo: bool, customer: str) -> None:
        """Not of those of whom `one_callback_a_customer_and_queue` tells."""
        contact = self.world.state.contacts[self.ids()[pick % len(self.ids())]]
        if contact.customer_id in ("cu_1", "cu_2"):
            return
        mine: dict[str, Any] = {"actor": contact.agent_id or "an", "actor_role": Role.AGENT, "contact_id": contact.id}
        if undo:
            self.command(UndoIdentification(**mine, reason="somebody else"))
        else:
            self.world.give(IdentifyCustomer(**mine, evidence="asked"), Resolved(customer_id=customer))

    @precondition(lambda self: self.world.state.cases)
    @rule(agent=st.sampled_from(AGENTS), pick=st.integers(0, 1000))
    def call_back(self, agent: str, pick: int) -> None:
        self.numbers += 1
        cases = sorted(self.world.state.cases)
        call = f"out-{self.numbers}"
        self.command(
            CallCustomer(
                actor=agent, actor_role=Role.AGENT, case_id=cases[pick % len(cases)], endpoint="hotline",
                call_id=call, contact_id=derive("ct", "hotline", "call", call),
            )
        )  # fmt: skip

    @precondition(lambda self: self.world.state.contacts)
    @rule(
        pick=st.integers(0, 1000),
        who=st.sampled_from(["his", "supervisor", "customer"]),
        later=st.sampled_from([0, 0, 35, 700]),
    )
    def promise(self, pick: int, who: str, later: int) -> None:
        ids = self.ids()
        contact = self.world.state.contacts[ids[pick % len(ids)]]
        actor, role = {
            "his": (contact.agent_id or "an", Role.AGENT),
            "supervisor": ("sup", Role.SUPERVISOR),
            "customer": (contact.id, Role.CUSTOMER),
        }[who]
        mine: dict[str, Any] = {"case_id": contact.case_id} if role is Role.CUSTOMER else {"contact_id": contact.id}
        not_before = self.world.now + 1000 * later if later else 0
        self.command(PromiseCallback(actor=actor, actor_role=role, not_before=not_before, **mine))

    @rule(call=CALLS, later=st.sampled_from([0, 0, 35]), caller=st.sampled_from(["", "", "cu_1", "cu_2"]), queue=QUEUES)
    def chosen_callback(self, call: str, later: int, caller: str, queue: str) -> None:
        contact_id = derive("ct", "hotline", "call", call)
        if caller and contact_id not in self.world.state.contacts:
            known = Resolved(customer_id=caller)
            self.world.give(self.world.event(CallEventName.OFFERED, call, queue=queue), known)
        not_before = self.world.now + 1000 * later if later else 0
        self.world.call(CallEventName.CALL_BACK, call, not_before=not_before)

    @precondition(lambda self: self.made_calls())
    @rule(
        pick=st.integers(0, 1000),
        event=st.sampled_from([CallEventName.ESTABLISHED, CallEventName.FAILED, CallEventName.CONNECTION_CLEARED]),
        agents=st.booleans(),
    )
    def event_of_a_callback(self, pick: int, event: CallEventName, agents: bool) -> None:
        contact, call_id = self.made_calls()[pick % len(self.made_calls())]
        more = {"role": LegRole.AGENT, "offer_id": contact.offer_id} if agents else {}
        leg = f"leg-{contact.offer_id}" if agents else "cust"
        fact = self.world.event(event, call_id, leg, contact_id=contact.id, **more)
        self.world.give(fact, Resolved(contact_id=contact.id))

    def made_calls(self) -> list[tuple[Contact, str]]:
        contacts = [self.world.state.contacts[one] for one in self.ids()]
        return [(one, one.call.call_id) for one in contacts if one.call is not None and "." in one.call.call_id]

    @invariant()
    def one_callback_a_customer_and_queue(self) -> None:
        """Of those known as one customer from the first event on (no identifying happens here)."""
        if not hasattr(self, "world"):
            return
        waiting = [
            (one.customer_id, one.queue)
            for one in self.world.state.contacts.values()
            if one.callback is not None and one.customer_id in ("cu_1", "cu_2") and not one.overflowed
        ]
        assert len(waiting) == len(set(waiting))

    @rule(agent=st.sampled_from(AGENTS), lost=st.booleans())
    def lose(self, agent: str, lost: bool) -> None:
        self.world.give(AgentLost(agent_id=agent) if lost else AgentBack(agent_id=agent))

    @rule(agent=st.sampled_from(AGENTS), registered=st.booleans())
    def phone(self, agent: str, registered: bool) -> None:
        self.world.give(PhoneRegistered(endpoint="hotline", phone=f"PJSIP/{agent}", registered=registered))

    @rule(seconds=st.sampled_from([1, 5, 16, 31, 45, 130, 130, 700, 700, 1900, 1, 5, 90_000]))
    def time(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(limit=st.integers(0, 2))
    def another_limit(self, limit: int) -> None:
        version = self.world.state.book.version + 1
        limits = {"portal": limit, "email": limit} if limit else {}
        queues = tuple(msgspec.structs.replace(one, max_active=limits) for one in self.world.catalogue.queues)
        changed = msgspec.structs.replace(self.world.catalogue, version=version, queues=queues)
        document = msgspec.to_builtins(changed)
        self.command(ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=version, catalogue=document))

    @rule(
        queue=st.sampled_from(["general", "health"]),
        newcomers=st.sampled_from([*Newcomers, None]),
        seconds=st.sampled_from([0, 20, 600, 90_000]),
    )
    def surge(self, queue: str, newcomers: Newcomers | None, seconds: int) -> None:
        self.command(
            SetSurge(
                actor="sup", actor_role=Role.SUPERVISOR, queue=queue, reason="outage", newcomers=newcomers,
                until=self.world.now + 1000 * seconds, announcement="outage", message_id="ms_notice",
            )
        )  # fmt: skip

    @precondition(lambda self: self.handed_over())
    @rule(pick=st.integers(0, 1000), asked=st.booleans())
    def late_for_another_pool(self, pick: int, asked: bool) -> None:
        """What comes later of what was handed over changes nothing here but the journal, whoever it is from (I9, I16)."""
        gone = self.handed_over()[pick % len(self.handed_over())]
        before = snapshot(self.world.state)
        found = Resolved(case_id=gone.case_id, contact_id=gone.contact_id, handed_to=gone.pool)
        if asked:
            edit = EditCase(actor="sup", actor_role=Role.SUPERVISOR, case_id=gone.case_id, priority=2)
            refused = self.world.give(edit, found).refused
            assert refused is not None
            assert refused.code == "handed_over"
        else:
            self.numbers += 1
            wrote = MessageReceived(
                channel=Channel.EMAIL, endpoint="mailbox", message_id=f"ms_l{self.numbers}", contact_id=f"ct_l{self.numbers}",
                case_id=f"cs_l{self.numbers}", private=Private(refs=(f"case:{gone.case_id}",), text="Xin chào"),
            )  # fmt: skip
            made = self.world.give(wrote, found).decisions
            # Which of the case's contacts it follows is not always known: what it names is the case.
            forwarded = [(one.pool, one.case_id) for one in made if isinstance(one, FactForwarded)]
            assert forwarded == [(gone.pool, gone.case_id)]
        if isinstance(self.world, Watched):  # while an engine runs, time passes
            assert snapshot(self.world.state) == before

    def handed_over(self) -> list[ContactHandedOver]:
        return [one for _, made in self.world.log for one in made.decisions if isinstance(one, ContactHandedOver)]

    @rule(topic=st.sampled_from(["", "card"]), queue=QUEUES)
    def incident(self, topic: str, queue: str) -> None:
        self.numbers += 1
        self.command(
            OpenIncident(
                actor="sup", actor_role=Role.SUPERVISOR, incident_id=f"in_{self.numbers}", title_vi="x", title_en="x",
                topic=topic, queue=queue, message_id="ms_notice",
            )
        )  # fmt: skip

    @precondition(lambda self: self.world.state.incidents)
    @rule(pick=st.integers(0, 1000), what=st.sampled_from(["attach", "attach", "detach", "resolve"]))
    def in_an_incident(self, pick: int, what: str) -> None:
        incidents, cases = sorted(self.world.state.incidents), sorted(self.world.state.cases)
        incident_id, some = incidents[pick % len(incidents)], tuple(cases[pick % (len(cases) + 1) :][:3])
        by: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR, "incident_id": incident_id}
        if what == "resolve":
            self.command(ResolveIncident(**by, message_id=f"ms_o{self.world.state.position}"))
        else:
            self.command(AttachCases(**by, cases=some, attach=what == "attach"))

    @invariant()
    def a_surge_ends_in_time(self) -> None:
        if hasattr(self, "world"):
            check_surges(self.world.state)

    @invariant()
    def holds(self) -> None:
        """R-2, R-14: freed capacity goes at once to who waits longest among those the agent may take."""
        if hasattr(self, "world"):
            check_invariants(self.world.state)

    @invariant()
    def i18_counts_add_up(self) -> None:
        if not hasattr(self, "world"):
            return
        opened, ended = set(), {}
        for _, made in self.world.log:
            for one in made.decisions:
                match type(one).__name__:
                    case "ContactOpened":
                        opened.add(one.contact_id)  # type: ignore[attr-defined]
                    case "ContactEnded":
                        ended[one.contact_id] = one.state  # type: ignore[attr-defined]
                    case "ContactHandedOver":
                        ended[one.contact_id] = "handed_over"  # type: ignore[attr-defined]
        still_open = {contact.id for contact in self.world.state.contacts.values() if contact.id not in ended}
        assert opened == set(ended) | still_open
        assert not set(ended) & still_open

    def at_the_end(self) -> None:
        """What is true when nothing more happens."""
        check_three_ways(self.world)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.at_the_end()


def check_surges(state: State) -> None:
    """I12: no surge is past its end, and each has a timer for it."""
    for row in state.doors.rows.values():
        if row.surge is not None:
            assert row.surge.until > state.now
            assert 0 < state.timers.due_of("queue", row.id) <= row.surge.until


def snapshot(state: State) -> dict[str, bytes]:
    """A state's rows by id, as bytes."""
    rows = state.dump()
    groups = (rows.contacts, rows.offers, rows.agents, rows.cases, rows.escalations, rows.queues, rows.incidents)
    return {row.id: msgspec.json.encode(row, order="deterministic") for group in groups for row in group}


def check_three_ways(world: World) -> None:
    """I13: live, rebuilt from the entries, and loaded from the rows are one state, and decide alike from here on."""
    live = world.state
    rebuilt = State("main", world.catalogue)
    rebuilt.activate(world.catalogue)
    for given, made in world.log:
        begin(rebuilt, given)
        for decision in made.decisions:
            apply(rebuilt, given, decision)
    assert snapshot(rebuilt) == snapshot(live)
    assert rebuilt.position == live.position
    loaded = State("main", live.book.catalogue)
    loaded.load(msgspec.json.decode(msgspec.json.encode(live.dump()), type=Rows))
    loaded.position, loaded.now = live.position, live.now
    assert snapshot(loaded) == snapshot(live)
    worlds = []
    for state in (live, rebuilt, loaded):
        other = World(world.catalogue)
        other.state, other.now, other._numbers = state, world.now, itertools.count(1_000_000)
        other.tables = Tables(state)
        for agent in AGENTS:
            other.sign_in(agent)
        other.write(Channel.EMAIL, queue="health")
        other.call(CallEventName.OFFERED, "after")
        other.wait(2000)
        worlds.append((snapshot(state), [made.decisions for _, made in other.log]))
    assert worlds[0] == worlds[1] == worlds[2]


Centre.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestCentre = Centre.TestCase
