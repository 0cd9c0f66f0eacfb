"""Agents with a contact: they see an offer, take it, handle it, hand it on, write it up."""

from ...events.commands import AcceptOffer, CompleteContact, TransferContact
from ...events.facts import DraftKept, OfferFetched
from ...events.vocabulary import CallEventName, Channel, Role
from ...routing.rows import awaits_action
from ..workloads.workload import MISSED
from .calls import call_of, leg_event
from .departments import Departments
from .ends import DISPOSITION
from .place import Place
from .promises import Promises
from .stays import Visit


class Work:
    """What agents do with contacts, by what their customers brought along."""

    def __init__(self, world: Place, promises: Promises, departments: Departments) -> None:
        """Nobody has anything yet."""
        self._world = world
        self._promises = promises
        self._departments = departments

    def offered(self, at: int, offer_id: str, contact_id: str) -> None:
        """An agent's client shows an offer; he takes it after his reaction, or never."""
        visit = self._world.visits[contact_id]
        reactions = visit.arrival.reactions_ms
        reaction = reactions[min(visit.offers, len(reactions) - 1)]
        visit.offers += 1
        self._world.later(at, self._see, offer_id)
        if reaction != MISSED:
            self._world.later(at + reaction, self._accept, offer_id)

    def _see(self, at: int, offer_id: str) -> None:
        if offer_id in self._world.state.offers:
            self._world.give(at, OfferFetched(offer_id=offer_id))

    def _accept(self, at: int, offer_id: str) -> None:
        world = self._world
        offer = world.state.offers.get(offer_id)
        if offer is None:
            return
        contact_id, agent_id = offer.contact_id, offer.agent_id
        world.give(at, AcceptOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer_id))
        visit, contact = world.visits.get(contact_id), world.state.contacts.get(contact_id)
        if visit is None or visit.arrival.channel is not Channel.PHONE or visit.stay.ended_at:
            return
        phone = world.state.book.agents[agent_id].phone
        if contact is not None and contact.callback is not None:
            self._promises.dialled(at, visit, offer_id, phone)
        else:
            established = CallEventName.ESTABLISHED
            world.give(at, leg_event(visit, established, at, offer_id, phone, call_id=call_of(contact)))

    def answered(self, at: int, contact_id: str) -> None:
        """The exchange with an agent begins; it lasts as long as was drawn. The first one is the answer."""
        visit, contact = self._world.visits[contact_id], self._world.state.contacts.get(contact_id)
        if visit.begun > visit.handed_on or (contact is not None and contact.callback is not None):
            return  # it has begun, or his phone rings before the customer's does
        visit.begun += 1
        visit.stay.answered_at = visit.stay.answered_at or at
        if visit.arrival.channel is not Channel.PHONE:
            self._world.later(at, self._begin, contact_id)  # nobody here takes something and leaves it
        transfers = visit.arrival.transfers
        if visit.handed_on < len(transfers):
            self._world.later(at + transfers[visit.handed_on].after_ms, self._hand_on, contact_id)
        else:
            self._to_the_end(at, visit)

    def _begin(self, at: int, contact_id: str) -> None:
        contact = self._world.state.contacts.get(contact_id)
        if contact is not None and awaits_action(contact):
            self._world.give(at, DraftKept(contact_id=contact_id, agent_id=contact.agent_id))

    def _to_the_end(self, at: int, visit: Visit) -> None:
        """With this agent it ends."""
        arrival, contact_id = visit.arrival, visit.contact_id
        ends_at = at + arrival.handling_ms
        if arrival.channel is Channel.PHONE:
            self._world.later(ends_at, self._hang_up, contact_id)
            return
        if arrival.escalation is not None:
            self._world.later(ends_at, self._departments.escalate, contact_id)
        self._world.later(ends_at + arrival.wrap_up_ms, self._complete, contact_id)

    def _hand_on(self, at: int, contact_id: str) -> None:
        """To another queue, or to the others of this one. Where the catalogue does not have that queue, he goes on himself."""
        world = self._world
        visit, contact = world.visits.get(contact_id), world.state.contacts.get(contact_id)
        if visit is None or contact is None or not contact.agent_id or visit.stay.ended_at:
            return
        agent_id, offer_id, call = contact.agent_id, contact.offer_id, contact.call
        queue = visit.arrival.transfers[visit.handed_on].queue
        visit.handed_on += 1
        done = world.give(
            at,
            TransferContact(
                actor=agent_id, actor_role=Role.AGENT, contact_id=contact_id, queue=queue, exclude=(agent_id,)
            ),
        )
        if done.refused is not None:
            visit.handed_on -= 1
            self._to_the_end(at, visit)
            return
        world.run.passed.transferred += at >= world.run.measured_from_ms
        if call is not None:
            phone = world.state.book.agents[agent_id].phone
            cleared = CallEventName.CONNECTION_CLEARED
            world.give(at, leg_event(visit, cleared, at, offer_id, phone, call_id=call.call_id))
            if visit.patience_ms:
                world.later(at + visit.patience_ms, self._give_up_again, f"{contact_id} {visit.handed_on}")

    def _give_up_again(self, at: int, ref: str) -> None:
        """He was handed on and waits again for nobody: he hangs up, and has been answered all the same."""
        contact_id, handed_on = ref.split()
        visit, contact = self._world.visits.get(contact_id), self._world.state.contacts.get(contact_id)
        if visit is None or contact is None or contact.call is None or visit.stay.ended_at:
            return
        if visit.begun == visit.handed_on == int(handed_on):
            gone = leg_event(visit, CallEventName.CONNECTION_CLEARED, at, call_id=contact.call.call_id)
            self._world.give(at, gone)

    def _hang_up(self, at: int, contact_id: str) -> None:
        """The customer has what he wanted; the agent writes it up and completes."""
        visit, contact = self._world.visits.get(contact_id), self._world.state.contacts.get(contact_id)
        if visit is None or visit.stay.ended_at:
            return
        if visit.arrival.escalation is not None:
            self._departments.escalate(at, contact_id)
        self._world.give(at, leg_event(visit, CallEventName.CONNECTION_CLEARED, at, call_id=call_of(contact)))
        self._world.later(at + visit.arrival.wrap_up_ms, self._complete, contact_id)

    def _complete(self, at: int, contact_id: str) -> None:
        contact = self._world.state.contacts.get(contact_id)
        if contact is None or not contact.agent_id:
            return
        if contact.channel is Channel.INTERNAL:
            self._departments.settle(at, contact)
        command = CompleteContact(
            actor=contact.agent_id, actor_role=Role.AGENT, contact_id=contact_id, disposition=DISPOSITION
        )
        self._world.give(at, command)
