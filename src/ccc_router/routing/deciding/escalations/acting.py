"""Acting: what a department, an agent or a supervisor does with an open escalation."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from ....events.commands import ActOnEscalation
from ....events.envelope import Input
from ....events.vocabulary import EscalationState, Role
from ...decisions import Accepted, CaseReturned, CommandRefused, Decision, EscalationSet
from ...rows import Escalation
from ...state import State
from .clocks import OPEN, WORKED_ON, after_rejection, moved, rearmed, started
from .notices import call_supervisor, case_back, owe, result, tell_agent

LONGEST_CHAIN: Final = 3
_Act = Callable[[State, Input, ActOnEscalation, Escalation], Iterator[Decision]]


def act_on_escalation(state: State, given: Input, cmd: ActOnEscalation) -> Iterator[Decision]:
    """One action. Refuses with ``escalation_over``, ``unknown`` (another department's), ``not_yours``, ``wrong_state``,
    ``unknown_department``, ``same_department``, ``chain_too_long``, ``invalid_until``.
    """
    escalation = state.escalations.get(cmd.escalation_id)
    if escalation is None:
        yield CommandRefused("escalation_over", cmd.escalation_id)
        return
    refused = _not_allowed(state, cmd, escalation) or _not_now(state, given, cmd, escalation)
    if refused is not None:
        yield refused
        return
    yield from _ACTS[cmd.action](state, given, cmd, escalation)
    # An ended one has left the state; what it became is the last that was said of it, which its caller asked for.
    after = state.escalations.get(escalation.id) or msgspec.structs.replace(escalation, state=_ENDS[cmd.action])
    yield Accepted(result(after))


def _not_allowed(state: State, cmd: ActOnEscalation, escalation: Escalation) -> CommandRefused | None:
    """Who may: the department it lies with, the agents of the case, a supervisor."""
    match cmd.actor_role:
        case Role.DEPARTMENT:
            if cmd.actor != escalation.department:
                return CommandRefused("unknown", cmd.escalation_id)
            allowed = cmd.action in _OF_DEPARTMENT
        case Role.AGENT:
            allowed = cmd.action in _OF_DESK and _is_of_case(state, cmd.actor, escalation)
        case Role.SUPERVISOR | Role.ADMIN:
            allowed = cmd.action in _OF_DESK or cmd.action in _OF_SUPERVISOR
        case _:
            allowed = False
    return None if allowed else CommandRefused("not_yours", cmd.action)


def _is_of_case(state: State, agent_id: str, escalation: Escalation) -> bool:
    case = state.cases.get(escalation.case_id)
    if agent_id == escalation.raised_by or case is None or case.knows == agent_id:
        return True
    contacts = (state.contacts.get(contact_id) for contact_id in case.contacts)
    return any(contact is not None and contact.agent_id == agent_id for contact in contacts)


def _not_now(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> CommandRefused | None:
    """Whether the escalation is in a state for it, and what is asked makes sense."""
    if escalation.state not in _WHEN[cmd.action]:
        return CommandRefused("wrong_state", escalation.state.value)
    match cmd.action:
        case "forward" if cmd.department not in state.book.departments:
            return CommandRefused("unknown_department", cmd.department)
        case "forward" if cmd.department == escalation.department:
            return CommandRefused("same_department", cmd.department)
        case "forward" if len(escalation.forwarded_by) >= LONGEST_CHAIN:
            return CommandRefused("chain_too_long", ",".join(escalation.forwarded_by))
        case "extend" if cmd.until <= max(given.at, escalation.answer_by):
            return CommandRefused("invalid_until", str(escalation.answer_by))
        case "grant" | "refuse" if not escalation.asked_until:
            return CommandRefused("wrong_state", "no_extension_asked")
        case _:
            return None


def _acknowledge(state: State, given: Input, _: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    if escalation.state is EscalationState.RAISED:
        yield EscalationSet("acknowledged", _acknowledged(state, escalation, given.at))


def _ask(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    yield EscalationSet("asked", _acknowledged(state, escalation, given.at), cmd.message_id)
    yield from tell_agent(state, given, escalation, "asked", cmd.message_id)


def _progress(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    yield EscalationSet("progressed", _acknowledged(state, escalation, given.at), cmd.message_id)
    yield from tell_agent(state, given, escalation, "progressed", cmd.message_id)


def _answer(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    answered = msgspec.structs.replace(
        _acknowledged(state, escalation, given.at),
        state=EscalationState.ANSWERED,
        answered_at=given.at,
        asked_until=0,
    )
    yield EscalationSet("answered", rearmed(state, answered, given.at), cmd.message_id)
    yield from tell_agent(state, given, escalation, "answered", cmd.message_id)


def _return(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    """Given back unsolved. Given back too often is ping-pong: a supervisor decides where it belongs."""
    yield EscalationSet("returned", _ended(escalation, EscalationState.RETURNED), cmd.message_id)
    case = state.cases.get(escalation.case_id)
    returns = case.returns + 1 if case is not None else 0
    if case is not None:
        yield CaseReturned(case.id, returns)
    yield from tell_agent(state, given, escalation, "returned", cmd.message_id)
    yield from case_back(state, given, escalation, attention=returns >= state.book.rules.ping_pong_returns)


def _forward(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    """To a department that can do it, with clocks of its own; back to where it has been is ping-pong as well."""
    been_there = cmd.department in escalation.forwarded_by
    onward = msgspec.structs.replace(
        escalation,
        department=cmd.department,
        state=EscalationState.RAISED,
        acknowledged_at=0,
        forwarded_by=(*escalation.forwarded_by, escalation.department),
    )
    onward = started(state, onward, given.at)
    yield EscalationSet("forwarded", onward, cmd.message_id)
    # The former department's text goes along with the agent's summary.
    yield owe(state, given, onward, "raised", message_id=onward.summary_id, note_id=cmd.message_id)
    if been_there:
        yield from call_supervisor(state, onward)


def _extend(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    asked = msgspec.structs.replace(_acknowledged(state, escalation, given.at), asked_until=cmd.until)
    yield EscalationSet("extension_asked", asked, cmd.message_id)
    yield from call_supervisor(state, escalation)


def _grant(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    longer = moved(state, escalation, escalation.asked_until, given.at)
    yield EscalationSet("extension_granted", longer, cmd.message_id)
    yield owe(state, given, longer, "reply", message_id=cmd.message_id, extension="granted")
    yield from call_supervisor(state, escalation, attention=False)


def _refuse(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    same = msgspec.structs.replace(escalation, asked_until=0)
    yield EscalationSet("extension_refused", same, cmd.message_id)
    yield owe(state, given, same, "reply", message_id=cmd.message_id, extension="refused")
    yield from call_supervisor(state, escalation, attention=False)


def _reply(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    yield EscalationSet("replied", escalation, cmd.message_id)
    yield owe(state, given, escalation, "reply", message_id=cmd.message_id)


def _accept(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    yield EscalationSet("accepted", _ended(escalation, EscalationState.ACCEPTED), cmd.message_id)
    yield from case_back(state, given, escalation)


def _reject(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    again = msgspec.structs.replace(
        escalation, state=EscalationState.ACKNOWLEDGED, rejections=escalation.rejections + 1, answered_at=0
    )
    again = moved(state, again, after_rejection(state, escalation, given.at), given.at)
    yield EscalationSet("rejected", again, cmd.message_id)
    yield owe(state, given, again, "rejected", message_id=cmd.message_id)
    if again.rejections >= state.book.rules.ping_pong_returns:
        yield from call_supervisor(state, again)


def _withdraw(state: State, given: Input, cmd: ActOnEscalation, escalation: Escalation) -> Iterator[Decision]:
    over = _ended(escalation, EscalationState.WITHDRAWN)
    yield EscalationSet("withdrawn", over, cmd.message_id)
    yield owe(state, given, over, "withdrawn", message_id=cmd.message_id)
    yield from case_back(state, given, escalation)


def _acknowledged(state: State, escalation: Escalation, now: int) -> Escalation:
    """Whatever a department does with it shows that it has it."""
    if escalation.state is not EscalationState.RAISED:
        return escalation
    seen = msgspec.structs.replace(escalation, state=EscalationState.ACKNOWLEDGED, acknowledged_at=now)
    return rearmed(state, seen, now)


def _ended(escalation: Escalation, end: EscalationState) -> Escalation:
    return msgspec.structs.replace(escalation, state=end, due_at=0, asked_until=0)


_OF_DEPARTMENT: Final = frozenset({"acknowledge", "ask", "progress", "answer", "return", "forward", "extend"})
_OF_DESK: Final = frozenset({"reply", "accept", "reject", "withdraw"})
_OF_SUPERVISOR: Final = frozenset({"grant", "refuse"})
_ANSWERED: Final = frozenset({EscalationState.ANSWERED})
_WHEN: Final[Mapping[str, frozenset[EscalationState]]] = (
    dict.fromkeys(_OF_DEPARTMENT | _OF_SUPERVISOR, WORKED_ON)
    | dict.fromkeys(("accept", "reject"), _ANSWERED)
    | dict.fromkeys(("reply", "withdraw"), OPEN)
)
_ENDS: Final[Mapping[str, EscalationState]] = {
    "return": EscalationState.RETURNED,
    "accept": EscalationState.ACCEPTED,
    "withdraw": EscalationState.WITHDRAWN,
}
_ACTS: Final[Mapping[str, _Act]] = {
    "acknowledge": _acknowledge,
    "ask": _ask,
    "progress": _progress,
    "answer": _answer,
    "return": _return,
    "forward": _forward,
    "extend": _extend,
    "grant": _grant,
    "refuse": _refuse,
    "reply": _reply,
    "accept": _accept,
    "reject": _reject,
    "withdraw": _withdraw,
}
