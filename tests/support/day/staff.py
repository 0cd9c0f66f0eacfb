"""Agents: shifts, offers taken, refused and missed, handling of every kind, and clients that go silent."""

from typing import Any

from ccc_router.events import commands as c
from ccc_router.events.facts import AgentBack, AgentLost, DraftKept, Handle, OfferFetched, PhoneRegistered, Private
from ccc_router.events.vocabulary import Channel, ContactState, Presence, Role, Visibility
from ccc_router.kernel.ids import derive
from ccc_router.routing import decisions as d
from ccc_router.routing.decisions import Decision
from ccc_router.routing.rows import Contact, awaits_action
from tests.support.day.centre import Centre

_TALK = frozenset({ContactState.ACTIVE, ContactState.HELD})
_SLEEPY = 0.15
"""The share of agents who ask for each contact (presence ``on_demand``)."""


class Staff:
    """The agents of a catalogue, each with a shift."""

    def __init__(self, centre: Centre, agents: list[str], hours: float) -> None:
        self._centre = centre
        self._agents = agents
        self._on_demand = {agent for agent in agents if centre.chance(_SLEEPY)}
        reactions = {
            "OfferMade": self._offered,
            "OfferEnded": self._taken,
            "ContactActive": self._in_exchange,
            "WrapUpStarted": self._wraps_up,
            "PresenceChanged": self._sent_away,
        }
        for name, react in reactions.items():
            centre.reactions.setdefault(name, []).append(react)
        for number, agent in enumerate(agents):
            self._shift(agent, number, hours)

    def _shift(self, agent: str, number: int, hours: float) -> None:
        """Two overlapping shifts and a night's watch, with breaks; some clients go silent."""
        rng, later = self._centre.rng, self._centre.later
        begin, end = ((0.02, 0.55), (0.35, 0.9), (0.0, 1.0))[0 if number % 5 < 2 else 1 if number % 5 < 4 else 2]
        begins, ends = 3_600 * hours * begin + rng.uniform(1, 300), 3_600 * hours * end - rng.uniform(1, 300)
        later(begins, lambda: self._start(agent))
        for _ in range(max(1, round(hours / 3))):
            pause = rng.uniform(begins, ends)
            later(pause, lambda: self._presence(agent, Presence.NOT_READY, "break"))
            later(pause + rng.uniform(300, 1_200), lambda: self._start(agent))
        for _ in range(1 if rng.random() < 0.5 else 0):
            silent = rng.uniform(begins, ends)
            later(silent, lambda: self._centre.give(AgentLost(agent_id=agent), "engine"))
            later(silent + rng.expovariate(1 / 60), lambda: self._centre.give(AgentBack(agent_id=agent), "engine"))
        if rng.random() < 0.2:
            out = rng.uniform(begins, ends)
            later(out, lambda: self._phone(agent, registered=False))
            later(out + 120, lambda: self._phone(agent, registered=True))
        later(ends, lambda: self._presence(agent, Presence.SIGNED_OUT, after_current=rng.random() < 0.8))
        later(ends + 900, lambda: self._presence(agent, Presence.SIGNED_OUT, after_current=True))

    def _start(self, agent: str) -> None:
        if agent in self._on_demand:
            self._presence(agent, Presence.ON_DEMAND)
            self._ask(agent)
        else:
            self._presence(agent, Presence.READY)

    def _ask(self, agent: str) -> None:
        """``work/next`` again and again while he is on demand."""
        centre = self._centre
        if centre.state.agents[agent].presence is not Presence.ON_DEMAND:
            return
        demand = f"dm-{centre.number()}"
        centre.give(c.OpenDemand(**_by(agent), agent_id=agent, demand_id=demand, until=centre.now + 25_000))
        if centre.chance(0.1):
            centre.later(5, lambda: centre.give(c.CloseDemand(**_by(agent), agent_id=agent, demand_id=demand)))
        centre.later(60, lambda: self._ask(agent))

    def _presence(self, agent: str, presence: Presence, reason: str = "", *, after_current: bool = False) -> None:
        command = c.SetPresence(
            **_by(agent), agent_id=agent, presence=presence, reason=reason, after_current=after_current
        )
        self._centre.give(command)

    def _phone(self, agent: str, *, registered: bool) -> None:
        profile = self._centre.state.book.agents.get(agent)
        if profile is not None:
            fact = PhoneRegistered(at=self._centre.now, endpoint="hotline", phone=profile.phone, registered=registered)
            self._centre.give(fact)

    def _sent_away(self, one: Decision) -> None:
        """Whoever missed too many offers comes back after a while."""
        if isinstance(one, d.PresenceChanged) and one.reason == "rona":
            self._centre.later(120, lambda: self._start(one.agent_id))

    # offers

    def _offered(self, one: Decision) -> None:
        assert isinstance(one, d.OfferMade)
        centre, rng, by = self._centre, self._centre.rng, _by(one.agent_id)
        if one.reason == "assigned" and one.offer_id not in centre.state.offers:
            return
        if rng.random() < 0.97:
            centre.later(0.3, lambda: centre.give(OfferFetched(offer_id=one.offer_id), "engine"))
        will = rng.random()
        if will < 0.88:
            for _ in range(2 if rng.random() < 0.02 else 1):
                centre.later(rng.uniform(0.8, 8), lambda: centre.give(c.AcceptOffer(**by, offer_id=one.offer_id)))
        elif will < 0.93:
            command = c.DeclineOffer(**by, offer_id=one.offer_id, reason="expertise")
            centre.later(rng.uniform(0.8, 8), lambda: centre.give(command))
        elif will < 0.94:
            other = rng.choice(self._agents)
            centre.later(1, lambda: centre.give(c.AcceptOffer(**_by(other), offer_id=one.offer_id)))

    def _taken(self, one: Decision) -> None:
        assert isinstance(one, d.OfferEnded)
        if one.state == "accepted":
            self._centre.later(0.001, lambda: self._begin(one.offer_id))

    def _begin(self, offer_id: str) -> None:
        found = [one for one in self._centre.state.contacts.values() if one.offer_id == offer_id]
        if found and found[0].channel is not Channel.PHONE:
            self._plan(found[0])

    def _in_exchange(self, one: Decision) -> None:
        """A call is answered, or a customer who was waited for wrote again."""
        assert isinstance(one, d.ContactActive)
        contact = self._centre.state.contacts.get(one.contact_id)
        if contact is not None and contact.agent_id:
            self._plan(contact)

    # handling

    def _plan(self, contact: Contact) -> None:
        mean = {Channel.PHONE: 60, Channel.EMAIL: 150, Channel.INTERNAL: 60}.get(contact.channel, 120)
        agent, contact_id = contact.agent_id, contact.id
        self._centre.later(self._centre.rng.expovariate(1 / mean), lambda: self._act(agent, contact_id))
        if contact.channel is not Channel.PHONE and self._centre.chance(0.2):
            self._centre.later(30, lambda: self._draft(agent, contact_id))

    def _draft(self, agent: str, contact_id: str) -> None:
        """He has begun to write, and is still at it."""
        contact = self._centre.state.contacts.get(contact_id)
        if contact is not None and contact.agent_id == agent and awaits_action(contact):
            self._centre.give(DraftKept(contact_id=contact_id, agent_id=agent))

    def _act(self, agent: str, contact_id: str) -> None:
        """One of the things an agent does next with what he has."""
        contact = self._centre.state.contacts.get(contact_id)
        if contact is None or contact.agent_id != agent or contact.state not in _TALK:
            return
        if contact.channel is Channel.PHONE:
            self._act_on_call(agent, contact)
        elif contact.escalation_id and contact.escalation_id in self._centre.state.escalations:
            self._act_on_return(agent, contact)
        else:
            self._act_on_message(agent, contact)

    def _act_on_call(self, agent: str, contact: Contact) -> None:
        centre, will, mine = self._centre, self._centre.rng.random(), _mine(agent, contact)
        if will < 0.1:
            centre.give(c.ControlCall(**mine, action="hold"))
            centre.later(20, lambda: centre.give(c.ControlCall(**mine, action="resume")))
        elif will < 0.2:
            centre.give(c.ControlCall(**mine, action="hangup"))
        elif will < 0.25:
            centre.give(c.TransferContact(**mine, queue=centre.rng.choice(sorted(centre.state.book.queues))))
        elif will < 0.28:
            centre.give(c.RequeueContact(**mine, reason="break"))
        elif will < 0.33:
            self._escalate(agent, contact)
        elif will < 0.4:
            proved = Private(handles=(Handle("phone", f"+849{centre.number():08d}"),))
            centre.give(c.IdentifyCustomer(**mine, evidence="asked", private=proved))
            if will < 0.35:
                centre.later(10, lambda: centre.give(c.UndoIdentification(**mine, reason="another of that name")))

    def _act_on_message(self, agent: str, contact: Contact) -> None:
        centre, will, mine = self._centre, self._centre.rng.random(), _mine(agent, contact)
        if will < 0.3:
            self._reply(agent, contact, then="complete")
        elif will < 0.4:
            self._reply(agent, contact, then="wait")
        elif will < 0.5:
            self._reply(agent, contact, then="keep")
            self._plan(contact)
        elif will < 0.55:
            centre.give(c.TransferContact(**mine, queue=centre.rng.choice(sorted(centre.state.book.queues))))
        elif will < 0.58:
            centre.give(c.TransferContact(**mine, agent_id=centre.rng.choice(self._agents)))
        elif will < 0.6:
            centre.give(c.RequeueContact(**mine))
        elif will < 0.65:
            self._escalate(agent, contact)
        elif will < 0.67:
            cases = sorted(centre.state.cases)
            centre.give(c.LinkContact(**mine, case_id=centre.rng.choice(cases)))
            self._plan(contact)
        elif will < 0.7:
            centre.give(c.WaitForCustomer(**mine, until=centre.now + 1_800_000))
        else:
            self._complete(agent, contact)

    def _act_on_return(self, agent: str, contact: Contact) -> None:
        centre, rng = self._centre, self._centre.rng
        action: Any = rng.choice(["accept", "accept", "reject", "reply", "withdraw"])
        centre.give(
            c.ActOnEscalation(
                **_by(agent), escalation_id=contact.escalation_id, action=action, message_id=derive("ms", centre.number()),
                private=Private(text="Ý kiến của trung tâm"),
            )
        )  # fmt: skip
        self._complete(agent, contact)
        if rng.random() < 0.1:
            self._call_back(agent, contact)

    def _call_back(self, agent: str, contact: Contact) -> None:
        centre, call = self._centre, f"out-{self._centre.number()}"
        centre.give(
            c.CallCustomer(
                **_by(agent), case_id=contact.case_id, endpoint="hotline", call_id=call,
                contact_id=derive("ct", "hotline", "call", call),
            )
        )  # fmt: skip

    def _reply(self, agent: str, contact: Contact, *, then: Any) -> None:
        centre = self._centre
        note = centre.chance(0.1)
        seen = contact.customer_message if centre.chance(0.95) else max(0, contact.customer_message - 1)
        centre.give(
            c.SendMessage(
                **_mine(agent, contact), message_id=derive("ms", centre.number()), seen_up_to=seen,
                visibility=Visibility.NOTE if note else Visibility.PRIVATE, then=then, disposition="answered",
                wait_until=centre.now + 1_800_000, private=Private(text="Xin chào"),
            )
        )  # fmt: skip
        if contact.state in _TALK:
            self._plan(contact)

    def _escalate(self, agent: str, contact: Contact) -> None:
        centre = self._centre
        centre.give(
            c.RaiseEscalation(
                **_mine(agent, contact), escalation_id=derive("es", centre.number()),
                department=centre.rng.choice(sorted(centre.state.book.departments)), message_id=derive("ms", centre.number()),
                urgency="urgent" if centre.chance(0.2) else "normal", keep=centre.chance(0.3),
                private=Private(text="Tóm tắt"),
            )
        )  # fmt: skip
        if contact.state in _TALK:
            self._plan(contact)

    def _wraps_up(self, one: Decision) -> None:
        """Mostly he finishes in time; sometimes he asks for more, or lets the time run out."""
        assert isinstance(one, d.WrapUpStarted)
        centre = self._centre
        contact = centre.state.contacts[one.contact_id]
        if not contact.agent_id or centre.chance(0.1):
            return
        mine = _mine(contact.agent_id, contact)
        if centre.chance(0.1):
            centre.later(5, lambda: centre.give(c.ExtendWrapUp(**mine, extend_ms=60_000, reason="notes")))
        centre.later(centre.rng.uniform(3, 55), lambda: self._complete(str(mine["actor"]), contact))

    def _complete(self, agent: str, contact: Contact) -> None:
        resolution: Any = self._centre.rng.choice(["resolved"] * 8 + ["unresolved", "waiting_customer"])
        note = Private(text="Đã trả lời") if self._centre.chance(0.3) else None
        command = c.CompleteContact(
            **_mine(agent, contact), disposition="answered", resolution=resolution, private=note
        )
        self._centre.give(command)


def _by(agent: str) -> dict[str, Any]:
    return {"actor": agent, "actor_role": Role.AGENT}


def _mine(agent: str, contact: Contact) -> dict[str, Any]:
    return {**_by(agent), "contact_id": contact.id}
