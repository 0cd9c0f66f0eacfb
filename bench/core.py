"""The pure core alone: lives decided and applied in memory, without a database, an encoder or a clock.

Counted are the decisions that the engine would journal, against the processor time of this process: what other programs on the
machine do meanwhile is not the core's.
"""

import gc
import time
from typing import Final, NamedTuple

from bench.centre import catalogue
from bench.load import median
from bench.watching import a_message
from ccc_router.events.commands import AcceptOffer, CompleteContact, SetPresence
from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.facts import MessageReceived
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.routing import State, step

AGENTS: Final = 300
_ROUNDS: Final = 5
_START: Final = 1_800_000_000_000


class Speed(NamedTuple):
    """What the core does in a second of processor time."""

    decisions_per_s: float
    inputs_per_s: float


class _World:
    """A state whose time goes on by a millisecond with each input."""

    def __init__(self) -> None:
        made = catalogue(AGENTS)
        self.state = State("bench", made)
        self.state.activate(made)
        self.inputs = 0
        self.decisions = 0
        for agent in made.agents:
            self.give(SetPresence(actor=agent.id, actor_role=Role.AGENT, agent_id=agent.id, presence=Presence.READY))

    def give(self, body: AnyInput, resolved: Resolved | None = None) -> None:
        now = _START + self.inputs
        given = Input(self.state.position + 1, now, body, resolved or Resolved(), "bench", received_at=now)
        self.decisions += len(step(self.state, given).decisions)
        self.inputs += 1

    def lives(self, facts: list[MessageReceived]) -> None:
        """Every fact's contact is offered, accepted and completed."""
        state = self.state
        for number, fact in enumerate(facts):
            self.give(fact, Resolved(customer_id=f"cu_{number}", customer_new=True))
            offer = state.offers[state.contacts[fact.contact_id].offer_id]
            self.give(AcceptOffer(actor=offer.agent_id, actor_role=Role.AGENT, offer_id=offer.id))
            self.give(
                CompleteContact(
                    actor=offer.agent_id, actor_role=Role.AGENT, contact_id=fact.contact_id, disposition="answered"
                )
            )


def decide(lives: int) -> Speed:
    """The median of some rounds of so many lives each."""
    speeds = []
    for _ in range(_ROUNDS):
        world = _World()
        facts = [
            fact
            for number in range(lives)
            if isinstance(fact := a_message(f"core-{number}", number).body, MessageReceived)
        ]
        decisions, inputs = world.decisions, world.inputs
        gc.collect()
        gc.freeze()  # as the engine does once it has loaded its state
        began = time.process_time()
        world.lives(facts)
        took = time.process_time() - began
        gc.unfreeze()
        speeds.append(((world.decisions - decisions) / took, (world.inputs - inputs) / took))
    return Speed(median([one for one, _ in speeds]), median([one for _, one in speeds]))
