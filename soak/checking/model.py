"""The centre as the journal's entries tell it, in their order; whatever breaks an invariant on the way is a fault.

It is said anew here, as simply as the words of the invariants go: nothing of the core decides whether the core was right.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from soak.centre import TRACKED
from soak.checking.entries import Given, Made, Step

_ENDS: Final = frozenset({"closed", "abandoned", "deflected", "merged", "handed_over"})
_SHOWN: Final = 5


class Offer(NamedTuple):
    """An offer that is pending."""

    contact_id: str
    agent_id: str


@dataclass
class Faults:
    """What was found: how often, by the invariant and its words, with a few examples."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, where: object) -> None:
        """One more."""
        self.counts[what] += 1
        if len(self.examples[what]) < _SHOWN:
            self.examples[what].append(str(where))

    def total(self) -> int:
        """How many in all."""
        return sum(self.counts.values())


class _Capacity(msgspec.Struct):
    channels: dict[str, int]


class _Agent(msgspec.Struct):
    id: str
    capacity: _Capacity


class _Catalogue(msgspec.Struct):
    agents: list[_Agent]


class Model:
    """Who waits, who is offered what, who owns what; what is owed; what was fired."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.double_offers = Faults()
        self.doubled = Faults()
        self.names: set[str] = set()
        self.positions: dict[str, int] = {}
        """Where the entries of those inputs are that have a key of a command (their sources hold a colon)."""
        self.offers: dict[str, Offer] = {}
        self.made: dict[str, Offer] = {}
        self.ended: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.channels: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.owed: dict[str, Made] = {}
        self.over: dict[str, str] = {}
        self.hung_up: set[str] = set()
        """Contacts of watched calls whose customer's leg was cleared."""
        self.answered: set[str] = set()
        """Contacts of watched calls that some agent's leg was established of."""
        self.inputs: Counter[str] = Counter()
        self._held: Counter[tuple[str, str]] = Counter()
        self._capacity: dict[str, dict[str, int]] = {}
        self._pending: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        self._lost: set[str] = set()
        self._fired: set[tuple[str, str, int, tuple[str, ...]]] = set()
        self._raised: set[tuple[str, str]] = set()
        self._decide = {
            "ContactOpened": self._contact_opened,
            "ContactEnded": self._contact_ended,
            "ContactQueued": self._contact_queued,
            "OfferMade": self._offer_made,
            "OfferEnded": self._offer_ended,
            "ContactActive": self._contact_active,
            "ContactWaiting": self._disowned,
            "AssignmentEnded": self._disowned,
            "AgentMarkedLost": self._lost_agent,
            "AgentMarkedBack": self._back,
            "DeliveryOwed": self._owed,
            "DeliveryEnded": self._delivery_ended,
            "InvariantViolated": self._violated,
        }

    @property
    def kinds(self) -> set[str]:
        """The decisions it follows, by their words."""
        return set(self._decide)

    def take(self, step: Step) -> None:
        """The next row."""
        given = step.given
        self._input(step)
        for made in step.made:
            decide = self._decide.get(made.kind)
            if decide is not None:
                decide(given, made)
        if given.body.kind == "AgentLost" and given.body.agent_id in self._lost & self._asked.keys():
            self.faults.add("I7: a lost agent keeps his offer", f"{given.position} {given.body.agent_id}")

    def _input(self, step: Step) -> None:
        given, body = step.given, step.given.body
        self.inputs[body.kind] += 1
        if given.key:
            name = f"{given.key}{given.source}"
            if name in self.names:
                self.doubled.add("I2: an input twice", f"{given.position} {given.source} {body.kind}")
            self.names.add(name)
            if ":" in given.source:
                self.positions[name] = given.position
        if given.kind:
            self.faults.add("an input was put aside", given.position)
        if body.actor_role == "" and body.actor:
            self.faults.add("I16: a change by somebody without a role", given.position)
        match body.kind:
            case "TimerFired":
                self._timer(step)
            case "CallEvent" if body.endpoint == TRACKED:
                if body.event == "ConnectionCleared" and body.role == "customer":
                    self.hung_up.add(body.contact_id)
                elif body.event == "Established" and body.role == "agent":
                    self.answered.add(body.contact_id)
            case "ActivateCatalogue":
                known = msgspec.json.decode(body.catalogue, type=_Catalogue)
                self._capacity = {agent.id: agent.capacity.channels for agent in known.agents}
            case _:
                pass

    def _timer(self, step: Step) -> None:
        given, body = step.given, step.given.body
        if body.due > given.at:
            self.faults.add("I12: a timer early", f"{given.position} {body.timer}")
        # What a call waits for and a step of its queue may be due in one millisecond: each does its own.
        fired = (body.timer, body.ref, body.due, tuple(made.kind for made in step.made))
        if fired in self._fired:
            self.faults.add("I12: a timer twice", f"{given.position} {body.timer}")
        self._fired.add(fired)

    def _contact_opened(self, given: Given, made: Made) -> None:
        if made.contact_id in self.channels:
            self.doubled.add("I2: a contact opened twice", f"{given.position} {made.contact_id}")
        self.channels[made.contact_id] = made.channel

    def _contact_ended(self, given: Given, made: Made) -> None:
        if made.state not in _ENDS:
            self.faults.add("I18: a contact ended in a state that is no end", given.position)
        self.ends[made.contact_id] = made.state

    def _contact_queued(self, _given: Given, made: Made) -> None:
        self.ends.pop(made.contact_id, None)

    def _offer_made(self, given: Given, made: Made) -> None:
        where = f"{given.position} {made.contact_id}"
        if made.contact_id in self._pending:
            self.double_offers.add("I4: a contact offered twice at once", where)
        if made.contact_id in self.owners:
            self.double_offers.add("I4: a contact offered that has an owner", where)
        if made.agent_id in self._asked:
            self.faults.add("I5: two offers to one agent at once", where)
        if made.agent_id in self._lost:
            self.faults.add("I7: an offer to a lost agent", where)
        if made.contact_id in self.ends:
            self.faults.add("I4: an offer of a contact that is over", where)
        if made.offer_id in self.made:
            self.doubled.add("I6: an offer made twice", where)
        self.offers[made.offer_id] = self.made[made.offer_id] = Offer(made.contact_id, made.agent_id)
        self._pending[made.contact_id] = self._asked[made.agent_id] = made.offer_id

    def _offer_ended(self, given: Given, made: Made) -> None:
        offer = self.offers.pop(made.offer_id, None)
        if offer is None:
            self.faults.add("I6: an offer ended that was not pending", f"{given.position} {made.offer_id}")
            return
        self.ended[made.offer_id] = made.state
        self._pending.pop(offer.contact_id, None)
        self._asked.pop(offer.agent_id, None)
        if made.state == "accepted":
            self._own(given, offer.contact_id, offer.agent_id)

    def _own(self, given: Given, contact_id: str, agent_id: str) -> None:
        if self.owners.get(contact_id, agent_id) != agent_id:
            self.double_offers.add("I4: a contact with two owners", f"{given.position} {contact_id}")
        if contact_id in self.owners:
            return
        self.owners[contact_id] = agent_id
        channel = self.channels.get(contact_id, "")
        self._held[agent_id, channel] += 1
        if self._held[agent_id, channel] > self._capacity.get(agent_id, {}).get(channel, 0):
            self.faults.add("I5: more of a channel than an agent may have", f"{given.position} {agent_id} {channel}")

    def _contact_active(self, given: Given, made: Made) -> None:
        if made.agent_id:
            self._own(given, made.contact_id, made.agent_id)

    def _disowned(self, _given: Given, made: Made) -> None:
        agent_id = self.owners.pop(made.contact_id, None)
        if agent_id is not None:
            self._held[agent_id, self.channels.get(made.contact_id, "")] -= 1

    def _lost_agent(self, _given: Given, made: Made) -> None:
        self._lost.add(made.agent_id)

    def _back(self, _given: Given, made: Made) -> None:
        self._lost.discard(made.agent_id)

    def _owed(self, given: Given, made: Made) -> None:
        if made.delivery_id in self.owed:
            self.doubled.add("I10: a delivery owed twice", f"{given.position} {made.delivery_id}")
        self.owed[made.delivery_id] = made
        raised = (made.escalation_id, made.target)
        if made.delivery == "webhook" and made.type.endswith("raised.v1"):
            if raised in self._raised:
                self.doubled.add("I10: an escalation told to a department twice", f"{given.position} {raised}")
            self._raised.add(raised)

    def _delivery_ended(self, _given: Given, made: Made) -> None:
        self.over[made.delivery_id] = made.state

    def _violated(self, given: Given, made: Made) -> None:
        self.faults.add(f"{made.invariant}: found by the core", f"{given.position} {made.ref} {made.what}")
