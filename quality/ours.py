"""Our own policy: the production core under the play's clock. Who is offered what is decided by `ccc_router.routing.step` alone.

Every arrival is a call on a controlled switch. Agents accept an offer and their phones answer it at once, and they complete a call as
soon as the customer hangs up, so that it is comparable with the others. The settings are those a catalogue has if it says nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bench.plain import DISPOSITIONS, LANGUAGE, a_queue, skills, text
from ccc_router.events.commands import AcceptOffer, CompleteContact, SetPresence
from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.facts import CallEvent
from ccc_router.events.vocabulary import CallEventName, LegRole, Presence, Role
from ccc_router.routing import State, next_due, step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Agent, Capacity, Catalogue, Endpoint, QueueProfile, Rules, ServiceLevel
from quality.play import Match
from quality.scenarios import QUEUES, THRESHOLD_S
from quality.scenarios import Agent as Person

_POOL: Final = "quality"
_START: Final = 1_800_000_000_000
_FORGET_EVERY: Final = 4096
"""Inputs after which rows that an engine would have written are let go."""


def catalogue(people: Sequence[Person], rules: Rules) -> Catalogue:
    """The scenario's queues, each with a skill, and its agents, who serve the queues whose skills they have and take a call at a time."""
    return Catalogue(
        version=1,
        queues=tuple(
            a_queue(queue, (LANGUAGE, queue), ("phone",), service_level=ServiceLevel(80, int(THRESHOLD_S)))
            for queue in QUEUES
        ),
        skills=skills(QUEUES),
        agents=tuple(_agent(number, [QUEUES[skill] for skill in one.skills]) for number, one in enumerate(people)),
        endpoints=(
            Endpoint(
                "switch", "phone", text("switch"), QUEUES[0], dialect="csta", control_url="http://switch.invalid/"
            ),
        ),
        dispositions=DISPOSITIONS,
        rules=rules,
    )


def _agent(number: int, queues: Sequence[str]) -> Agent:
    return Agent(
        id=_agent_id(number),
        name=_agent_id(number),
        skills={LANGUAGE: 5} | dict.fromkeys(queues, 3),
        profiles=tuple(QueueProfile(queue) for queue in queues),
        capacity=Capacity({"phone": 1}),
        phone=_agent_id(number),
        phone_endpoint="switch",
    )


def _agent_id(number: int) -> str:
    return f"a{number:04d}"


class Ours:
    """A `Policy` that keeps the core's state: what happens becomes inputs, offers become matches."""

    def __init__(self, people: Sequence[Person], rules: Rules | None = None) -> None:
        """Everybody is signed out."""
        made = catalogue(people, rules or Rules())
        self.state = State(_POOL, made)
        self.state.activate(made)
        self.inputs = 0
        self._matches: list[Match] = []

    # what the play tells

    def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
        """A call is offered by the switch."""
        resolved = Resolved(customer_id=f"cu_{contact:08d}", customer_new=True)
        self._give(now_ms, _leg(contact, CallEventName.OFFERED, now_ms, queue=QUEUES[queue]), resolved)
        return self._taken()

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        """The customer of the agent's call hangs up and the agent completes it; who has none comes to work."""
        agent_id = _agent_id(agent)
        assignments = self.state.agents[agent_id].assignments
        for contact_id in assignments:
            self._give(now_ms, _leg(_number(contact_id), CallEventName.CONNECTION_CLEARED, now_ms))
            self._give(
                now_ms,
                CompleteContact(
                    actor=agent_id, actor_role=Role.AGENT, contact_id=contact_id, disposition="answered"
                ),
            )  # fmt: skip
        if not assignments:
            ready = SetPresence(actor=agent_id, actor_role=Role.AGENT, agent_id=agent_id, presence=Presence.READY)
            self._give(now_ms, ready)
        return self._taken()

    def abandoned(self, now_ms: int, contact: int) -> None:
        """A caller who waits hangs up."""
        self._give(now_ms, _leg(contact, CallEventName.CONNECTION_CLEARED, now_ms))

    def look_at(self, now_ms: int) -> int | None:
        """When the core's next timer is due: then, after all else that happens at that moment."""
        due = next_due(self.state)
        return None if due is None else max(now_ms, due.due - _START)

    def look(self, now_ms: int) -> Iterable[Match]:
        """Timers fire."""
        while (due := next_due(self.state)) is not None and due.due <= _START + now_ms:
            self._give(now_ms, due)
        return self._taken()

    # the core

    def _give(self, now_ms: int, body: AnyInput, resolved: Resolved | None = None) -> None:
        """One input. Raises AssertionError if the core refuses it or finds an invariant broken: the figures would be of nothing."""
        at = _START + now_ms
        made = step(self.state, Input(self.state.position + 1, at, body, resolved or Resolved(), _POOL, received_at=at))
        self.inputs += 1
        if not self.inputs % _FORGET_EVERY:
            self.state.take_changed()
        faults = [one for one in made.decisions if isinstance(one, d.CommandRefused | d.InvariantViolated)]
        if faults:
            raise AssertionError(f"{body}: {faults}")
        for decision in made.decisions:
            if isinstance(decision, d.OfferMade):
                self._accept(now_ms, decision)

    def _accept(self, now_ms: int, offer: d.OfferMade) -> None:
        agent_id, contact = offer.agent_id, _number(offer.contact_id)
        self._matches.append((contact, int(agent_id[1:])))
        self._give(now_ms, AcceptOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer.offer_id))
        established = _leg(contact, CallEventName.ESTABLISHED, now_ms, offer_id=offer.offer_id, agent=agent_id)
        self._give(now_ms, established)

    def _taken(self) -> list[Match]:
        matches, self._matches = self._matches, []
        return matches


def _number(contact_id: str) -> int:
    return int(contact_id[3:])


def _leg(
    contact: int, event: CallEventName, now_ms: int, *, queue: str = "", offer_id: str = "", agent: str = ""
) -> CallEvent:
    """What the switch tells of the customer's leg, or of the agent's if one is named."""
    return CallEvent(
        at=_START + now_ms,
        endpoint="switch",
        call_id=f"{contact:08d}",
        leg_id=offer_id or "customer",
        contact_id=f"ct_{contact:08d}",
        case_id=f"cs_{contact:08d}",
        event=event,
        role=LegRole.AGENT if agent else LegRole.CUSTOMER,
        queue=queue,
        language="vi",
        agent=agent,
        offer_id=offer_id,
    )
