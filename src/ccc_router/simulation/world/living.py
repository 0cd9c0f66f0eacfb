"""The virtual world: customers and agents around the production core, in virtual time.

A heap holds what people will do and when; the core's own timers come from ``next_due``. Nothing waits and nothing is random here:
what somebody does follows from the workload and from what the core decided.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

import msgspec

from ...events.commands import AcceptOffer, CompleteContact
from ...events.envelope import AnyInput, Input, Resolved
from ...events.facts import CallEvent, ContactTaken, DraftKept, MessageReceived, OfferFetched
from ...events.vocabulary import CallEventName, Channel, LegRole, Role
from ...routing import State, step
from ...routing import decisions as d
from ...routing.policy import Catalogue
from ...routing.rows import awaits_action
from ...routing.step import Step, next_due
from ..workloads.workload import MISSED, Arrival, Workload
from .days import Days
from .ends import DISPOSITION, own_end, with_own_ends
from .reactions import REACTIONS
from .several import Abroad
from .stays import Outcome, Run, Stay, Visit, WorkedTime

POOL: Final = "simulation"
_FORGET_EVERY: Final = 4096
"""Inputs after which rows that an engine would have written are let go."""

Sink = Callable[[Input, Step], None]
"""Sees every input with what followed from it: the journal of the run."""


class World:
    """One run of a workload under a catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        workload: Workload,
        sink: Sink | None = None,
        *,
        pool: str = POOL,
        abroad: Abroad | None = None,
    ) -> None:
        """Nobody has come yet. Shifts of agents whom the catalogue does not know are left out. ``abroad`` are the other pools."""
        window = workload.window
        self.workload = workload
        self.pool = pool
        self._abroad = abroad
        self.state = State(pool, with_own_ends(catalogue))
        self.state.activate(self.state.book.catalogue)
        self.state.now = window.from_ms  # what is due at once, as the hours of queues are, is due then
        self.visits: dict[str, Visit] = {}
        self.working = {agent.id: WorkedTime(window.measured_from_ms) for agent in catalogue.agents}
        self.run = Run([], self.working, window.until_ms, window.measured_from_ms, window.utc_offset_minutes)
        self._sink = sink
        self._coming: list[tuple[int, int, Callable[[int, str], None], str]] = []
        self._number = 0
        self._arrivals = enumerate(workload.arrivals)
        self._following = next(self._arrivals, None)
        self.days = Days(self, workload.window)
        for shift in workload.shifts:
            if shift.agent_id in self.working:
                self.days.plan(shift)

    def go(self) -> Run:
        """Live through the window. Raises only on a fault of the core or of this world."""
        while self.go_on():
            pass
        return self.end()

    def next_at(self) -> int:
        """When something happens next (ms); the window's end if nothing does before."""
        until, following = self.workload.window.until_ms, self._following
        due = next_due(self.state)
        come = following[1].at_ms if following is not None else until
        then = self._coming[0][0] if self._coming else until
        first = min(come, then, until)
        return first if due is None else min(first, max(due.due, self.state.now))

    def go_on(self) -> bool:
        """The one thing that happens next; False if nothing does in the window."""
        until, coming, following = self.workload.window.until_ms, self._coming, self._following
        due = next_due(self.state)
        come = following[1].at_ms if following is not None else until
        then = coming[0][0] if coming else until
        first = min(come, then)
        if due is not None and due.due <= first:
            if due.due >= until:
                return False
            self.give(max(due.due, self.state.now), due)
        elif first >= until:
            return False
        elif then <= come:
            at, _, act, ref = heappop(coming)
            act(at, ref)
        elif following is not None:
            self._following = next(self._arrivals, None)
            self._arrive(following[0], following[1])
        return True

    def end(self) -> Run:
        """The window is over: what the run leaves behind."""
        for time in self.working.values():
            time.until(self.workload.window.until_ms)
        return self.run

    def later(self, at: int, act: Callable[[int, str], None], ref: str) -> None:
        """Somebody will do this then; who planned first does first."""
        self._number += 1
        heappush(self._coming, (at, self._number, act, ref))

    def give(self, at: int, body: AnyInput, resolved: Resolved | None = None) -> Step:
        """One input to the core, and what people make of its decisions."""
        state, run = self.state, self.run
        given = Input(state.position + 1, at, body, resolved or Resolved(), self.pool, received_at=at)
        done = step(state, given)
        run.inputs += 1
        run.decisions += len(done.decisions)
        run.refused += done.refused is not None
        if self._sink is not None:
            self._sink(given, done)
        if not run.inputs % _FORGET_EVERY:
            state.take_changed()
        for decision in done.decisions:
            react = REACTIONS.get(type(decision))
            if react is not None:
                react(self, at, decision)
        return done

    # customers

    def _arrive(self, number: int, arrival: Arrival) -> None:
        contact_id = self._contact_id(number)
        stay = Stay(number, 0, arrival.queue, arrival.channel, arrival.language, arrival.at_ms)
        self._come(
            arrival.at_ms, Visit(arrival, stay, contact_id, arrival.patience_ms, self.pool), Resolved(customer_new=True)
        )

    def _contact_id(self, number: int) -> str:
        return f"ct_{number:08d}" if self.pool == POOL else f"ct_{self.pool}_{number:08d}"

    def _come(self, at: int, visit: Visit, resolved: Resolved) -> None:
        arrival, contact_id = visit.arrival, visit.contact_id
        self.visits[contact_id] = visit
        self.run.stays.append(visit.stay)
        resolved = msgspec.structs.replace(resolved, customer_id=f"cu_{visit.stay.number:08d}")
        if arrival.channel is Channel.PHONE:
            self.give(at, self._leg(visit, CallEventName.OFFERED, at), resolved)
            if visit.patience_ms:
                self.later(at + visit.patience_ms, self._give_up, contact_id)
        else:
            fact = MessageReceived(
                channel=arrival.channel,
                endpoint=own_end(arrival.channel),
                message_id=f"ms{contact_id[2:]}",
                contact_id=contact_id,
                case_id=f"cs{contact_id[2:]}",
                queue=arrival.queue,
                topic=arrival.topic,
                language=arrival.language,
                priority=arrival.priority,
                fresh_case=True,
            )
            self.give(at, fact, resolved)
        contact = self.state.contacts.get(contact_id)
        if contact is not None:
            visit.stay.queue = contact.queue

    def _leg(self, visit: Visit, event: CallEventName, at: int, offer_id: str = "", agent: str = "") -> CallEvent:
        """What the switch tells of the customer's leg, or of the agent's if one is named."""
        contact_id, arrival = visit.contact_id, visit.arrival
        return CallEvent(
            at=at,
            endpoint=own_end(Channel.PHONE),
            call_id=contact_id,
            leg_id=offer_id or "customer",
            contact_id=contact_id,
            case_id=f"cs{contact_id[2:]}",
            event=event,
            role=LegRole.AGENT if agent else LegRole.CUSTOMER,
            queue=arrival.queue,
            language=arrival.language,
            topic=arrival.topic,
            agent=agent,
            offer_id=offer_id,
        )

    def _give_up(self, at: int, contact_id: str) -> None:
        """His patience is over: if nobody has answered, he hangs up, and may call again later."""
        visit = self.visits.get(contact_id)
        if visit is None or visit.stay.answered_at or visit.stay.ended_at:
            return
        self.give(at, self._leg(visit, CallEventName.CONNECTION_CLEARED, at))
        if visit.stay.again < len(visit.arrival.redials):
            again_at = at + visit.arrival.redials[visit.stay.again].after_ms
            if visit.pool == self.pool or self._abroad is None:
                self.later(again_at, self._call_again, contact_id)
            else:
                self._abroad.back(again_at, self.visits.pop(contact_id))
        else:
            del self.visits[contact_id]

    def call_again(self, at: int, visit: Visit) -> None:
        """Who came to this pool, and was handed over, calls here again."""
        self.visits[visit.contact_id] = visit
        self.later(at, self._call_again, visit.contact_id)

    # between pools

    def gone(self, at: int, visit: Visit, handed: d.ContactHandedOver) -> None:
        """Another pool has the contact from now on: it ends here, or goes on there if that one is played as well."""
        contact = self.state.contacts.get(visit.contact_id)
        call = msgspec.to_builtins(contact.call) if contact is not None and contact.call is not None else None
        if self._abroad is None:
            visit.stay.ended_at, visit.stay.outcome = at, Outcome.OTHER
        else:
            self._abroad.hand_over(at, self.pool, visit, handed, call)

    def take(self, at: int, visit: Visit, fact: ContactTaken) -> None:
        """A contact that another pool hands over; its customer's patience goes on."""
        self.visits[visit.contact_id] = visit
        self.give(at, fact, Resolved(customer_id=f"cu{visit.contact_id[2:]}", customer_new=True))
        if visit.patience_ms and visit.arrival.channel is Channel.PHONE:
            self.later(max(at, visit.stay.arrived_at + visit.patience_ms), self._give_up, visit.contact_id)

    def _call_again(self, at: int, contact_id: str) -> None:
        before = self.visits.pop(contact_id)
        arrival, again = before.arrival, before.stay.again
        number = before.stay.number
        stay = Stay(number, again + 1, arrival.queue, arrival.channel, arrival.language, at)
        patience = arrival.redials[again].patience_ms
        self._come(at, Visit(arrival, stay, f"{self._contact_id(number)}r{again + 1}", patience, self.pool), Resolved())

    # agents with a contact

    def offered(self, at: int, offer_id: str, contact_id: str) -> None:
        """An agent's client shows an offer; he takes it after his reaction, or never."""
        visit = self.visits[contact_id]
        reactions = visit.arrival.reactions_ms
        reaction = reactions[min(visit.offers, len(reactions) - 1)]
        visit.offers += 1
        self.later(at, self._see, offer_id)
        if reaction != MISSED:
            self.later(at + reaction, self._accept, offer_id)

    def _see(self, at: int, offer_id: str) -> None:
        if offer_id in self.state.offers:
            self.give(at, OfferFetched(offer_id=offer_id))

    def _accept(self, at: int, offer_id: str) -> None:
        offer = self.state.offers.get(offer_id)
        if offer is None:
            return
        contact_id, agent_id = offer.contact_id, offer.agent_id
        self.give(at, AcceptOffer(actor=agent_id, actor_role=Role.AGENT, offer_id=offer_id))
        visit = self.visits.get(contact_id)
        if visit is not None and visit.arrival.channel is Channel.PHONE and not visit.stay.ended_at:
            phone = self.state.book.agents[agent_id].phone
            self.give(at, self._leg(visit, CallEventName.ESTABLISHED, at, offer_id, phone))

    def answered(self, at: int, contact_id: str) -> None:
        """The exchange begins; it lasts as long as was drawn."""
        visit = self.visits[contact_id]
        if visit.stay.answered_at:
            return
        visit.stay.answered_at = at
        arrival = visit.arrival
        if arrival.channel is Channel.PHONE:
            self.later(at + arrival.handling_ms, self._hang_up, contact_id)
        else:
            self.later(at, self._begin, contact_id)  # nobody here takes something and leaves it
            self.later(at + arrival.handling_ms + arrival.wrap_up_ms, self._complete, contact_id)

    def _begin(self, at: int, contact_id: str) -> None:
        contact = self.state.contacts.get(contact_id)
        if contact is not None and awaits_action(contact):
            self.give(at, DraftKept(contact_id=contact_id, agent_id=contact.agent_id))

    def _hang_up(self, at: int, contact_id: str) -> None:
        """The customer has what he wanted; the agent writes it up and completes."""
        visit = self.visits.get(contact_id)
        if visit is not None and not visit.stay.ended_at:
            self.give(at, self._leg(visit, CallEventName.CONNECTION_CLEARED, at))
            self.later(at + visit.arrival.wrap_up_ms, self._complete, contact_id)

    def _complete(self, at: int, contact_id: str) -> None:
        contact = self.state.contacts.get(contact_id)
        if contact is not None and (mine := contact.agent_id):
            command = CompleteContact(actor=mine, actor_role=Role.AGENT, contact_id=contact_id, disposition=DISPOSITION)
            self.give(at, command)

    def come_back(self, at: int, agent_id: str) -> None:
        """Missed offers set him not ready."""
        self.days.come_back(at, agent_id)
