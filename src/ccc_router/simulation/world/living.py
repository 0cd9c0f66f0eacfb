"""The virtual world: customers and agents around the production core, in virtual time.

A heap holds what people will do and when; the core's own timers come from ``next_due``. Nothing waits and nothing is random here:
what somebody does follows from the workload and from what the core decided.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final

import msgspec

from ...events.envelope import AnyInput, Input, Resolved
from ...events.facts import ContactTaken, MessageReceived
from ...events.vocabulary import CallEventName, Channel
from ...routing import State, step
from ...routing import decisions as d
from ...routing.policy import Catalogue
from ...routing.step import Step, next_due
from ..workloads.workload import Arrival, Workload
from .calls import leg_event
from .days import Days
from .departments import Departments
from .ends import own_end, with_own_ends
from .promises import Promises
from .reactions import REACTIONS
from .several import Abroad
from .stays import Outcome, Run, Stay, Visit, WorkedTime
from .work import Work

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
        arrivals: Iterable[Arrival] | None = None,
    ) -> None:
        """Nobody has come yet. Shifts of agents whom the catalogue does not know are left out. ``abroad`` are the other pools. ``arrivals``,
        in order of time, take the place of the workload's where they are too many to be in memory."""
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
        self._arrivals = enumerate(workload.arrivals if arrivals is None else arrivals)
        self._following = next(self._arrivals, None)
        self.days = Days(self, workload.window)
        self.promises, self.departments = Promises(self), Departments(self)
        self.work = Work(self, self.promises, self.departments)
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
            self.give(at, leg_event(visit, CallEventName.OFFERED, at), resolved)
            self._waits(at, visit)
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

    def _waits(self, at: int, visit: Visit) -> None:
        """A caller hangs up when his patience is over, or chooses to be called back before."""
        came, wish_ms = visit.stay.arrived_at, visit.arrival.callback.wish_ms
        if visit.patience_ms:
            self.later(max(at, came + visit.patience_ms), self._give_up, visit.contact_id)
        if wish_ms:
            self.later(max(at, came + wish_ms), self.promises.ask, visit.contact_id)

    def _give_up(self, at: int, contact_id: str) -> None:
        """His patience is over: if nobody has answered, he hangs up, and may call again later."""
        visit = self.visits.get(contact_id)
        if visit is None or visit.stay.answered_at or visit.stay.ended_at or visit.promised:
            return
        self.give(at, leg_event(visit, CallEventName.CONNECTION_CLEARED, at))
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
        if visit.arrival.channel is Channel.PHONE:
            self._waits(at, visit)

    def _call_again(self, at: int, contact_id: str) -> None:
        before = self.visits.pop(contact_id)
        arrival, again = before.arrival, before.stay.again
        number = before.stay.number
        stay = Stay(number, again + 1, arrival.queue, arrival.channel, arrival.language, at)
        patience = arrival.redials[again].patience_ms
        self._come(at, Visit(arrival, stay, f"{self._contact_id(number)}r{again + 1}", patience, self.pool), Resolved())
