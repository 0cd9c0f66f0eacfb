"""Raising: an agent hands the case of a contact to the department that can solve it."""

from collections.abc import Iterator

from ....events.commands import RaiseEscalation
from ....events.envelope import Input
from ....events.vocabulary import Channel, ContactState, EscalationState, Role
from ...decisions import Accepted, CommandRefused, Decision, EscalationSet, WrapUpStarted
from ...rows import Contact, Escalation
from ...state import ENDED, State
from .clocks import started
from .notices import case_with_department, owe, result


def raise_escalation(state: State, given: Input, cmd: RaiseEscalation) -> Iterator[Decision]:
    """Both clocks start, the department is owed a notice, the case is escalated. The same id again: the same answer again.

    Refuses with ``contact_over``, ``not_yours``, ``unknown_department``.
    """
    known = state.escalations.get(cmd.escalation_id)
    if known is not None:
        yield Accepted(result(known))
        return
    contact = state.contacts.get(cmd.contact_id)
    if contact is None or contact.state in ENDED or contact.case_id not in state.cases:
        yield CommandRefused("contact_over", cmd.contact_id)
        return
    if cmd.actor_role is Role.AGENT and contact.agent_id != cmd.actor:
        yield CommandRefused("not_yours", cmd.contact_id)
        return
    if cmd.department not in state.book.departments:
        yield CommandRefused("unknown_department", cmd.department)
        return
    escalation = started(state, _new(contact, cmd, given.at), given.at)
    yield EscalationSet("raised", escalation, cmd.message_id)
    yield owe(state, given, escalation, "raised", message_id=cmd.message_id)
    yield from case_with_department(state, escalation)
    if not cmd.keep:
        yield from _let_go(state, given, contact)
    yield Accepted(result(escalation))


def _new(contact: Contact, cmd: RaiseEscalation, now: int) -> Escalation:
    return Escalation(
        id=cmd.escalation_id,
        case_id=contact.case_id,
        contact_id=contact.id,
        department=cmd.department,
        state=EscalationState.RAISED,
        raised_at=now,
        raised_by=cmd.actor,
        acknowledge_by=0,
        answer_by=0,
        urgency=cmd.urgency,
        reveal_identity=cmd.reveal_identity,
        summary_id=cmd.message_id,
    )


def _let_go(state: State, given: Input, contact: Contact) -> Iterator[Decision]:
    """The agent does not keep the contact: its wrap-up starts. A live call stays with him until the customer's leg clears."""
    if contact.channel is Channel.PHONE or contact.state is not ContactState.ACTIVE:
        return
    wrap_up_s = state.book.rules.wrap_up_s.get(contact.channel.value, 30)
    yield WrapUpStarted(contact.id, given.at + 1000 * wrap_up_s)
