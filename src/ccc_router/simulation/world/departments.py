"""Departments in the virtual world: agents hand cases to them, they solve them after a time, and what they send back is handled."""

from typing import Literal

from ...events.commands import ActOnEscalation, RaiseEscalation
from ...events.vocabulary import Channel, EscalationState, Role
from ...routing import decisions as d
from ...routing.rows import Contact
from ..workloads.workload import Arrival, Escalating
from .place import Place
from .stays import Stay, Visit


class Departments:
    """What is with them, by case, and whose it is."""

    def __init__(self, world: Place) -> None:
        """Nothing is."""
        self._world = world
        self._with: dict[str, tuple[Visit, Escalating]] = {}

    def escalate(self, at: int, contact_id: str) -> None:
        """The agent who has the contact hands its case to the department that was drawn, if the catalogue has it."""
        visit, contact = self._world.visits.get(contact_id), self._world.state.contacts.get(contact_id)
        does = visit.arrival.escalation if visit is not None else None
        if visit is None or contact is None or does is None or not contact.agent_id:
            return
        escalation_id = f"es{contact_id[2:]}"
        self._with[contact.case_id] = (visit, does)
        raised = RaiseEscalation(
            actor=contact.agent_id, actor_role=Role.AGENT, contact_id=contact_id, escalation_id=escalation_id,
            department=does.department, keep=True,
        )  # fmt: skip
        if self._world.give(at, raised).refused is not None:
            del self._with[contact.case_id]
            return
        self._world.run.passed.escalated += self._counts(at)
        if does.acknowledged_ms and (not does.solved_ms or does.acknowledged_ms < does.solved_ms):
            self._world.later(at + does.acknowledged_ms, self._acknowledge, escalation_id)
        if does.solved_ms:
            self._world.later(at + does.solved_ms, self._solve, escalation_id)

    def _acknowledge(self, at: int, escalation_id: str) -> None:
        escalation = self._world.state.escalations.get(escalation_id)
        if escalation is not None:
            self._world.give(at, _by_department(escalation.department, escalation_id, "acknowledge"))

    def _solve(self, at: int, escalation_id: str) -> None:
        escalation = self._world.state.escalations.get(escalation_id)
        if escalation is None:
            return
        raised_at, passed = escalation.raised_at, self._world.run.passed
        _, does = self._with[escalation.case_id]
        self._world.give(
            at, _by_department(escalation.department, escalation_id, "return" if does.returned else "answer")
        )
        if does.returned:
            passed.returned += self._counts(at)
        elif self._counts(at):
            passed.solved += 1
            passed.solved_ms += at - raised_at

    def came_back(self, at: int, opened: d.ContactOpened) -> None:
        """Something came back to a case, or a clock ran out: work for an agent, that came then."""
        if opened.channel is not Channel.INTERNAL:
            return
        visit, does = self._with[opened.case_id]
        stay = Stay(visit.stay.number, visit.stay.again, opened.queue, Channel.INTERNAL, visit.stay.language, at)
        arrival = Arrival(
            at, Channel.INTERNAL, does.handling_ms, queue=opened.queue, language=stay.language,
            reactions_ms=visit.arrival.reactions_ms[-1:],
        )  # fmt: skip
        self._world.run.stays.append(stay)
        self._world.visits[opened.contact_id] = Visit(arrival, stay, opened.contact_id, 0, self._world.pool)

    def settle(self, at: int, contact: Contact) -> None:
        """The agent who has what came back accepts the answers there are."""
        case = self._world.state.cases.get(contact.case_id)
        for escalation_id in case.escalations if case is not None else ():
            if self._world.state.escalations[escalation_id].state is EscalationState.ANSWERED:
                accept = ActOnEscalation(
                    actor=contact.agent_id, actor_role=Role.AGENT, escalation_id=escalation_id, action="accept"
                )
                self._world.give(at, accept)
        if case is not None and not case.escalations:
            self._with.pop(case.id, None)

    def _counts(self, at: int) -> bool:
        return at >= self._world.run.measured_from_ms


def _by_department(
    department: str, escalation_id: str, action: Literal["acknowledge", "answer", "return"]
) -> ActOnEscalation:
    return ActOnEscalation(actor=department, actor_role=Role.DEPARTMENT, escalation_id=escalation_id, action=action)
