"""Asking the engine for an action on an escalation: the one place where its outcomes become HTTP here."""

from collections.abc import Mapping
from typing import Final, Literal

from ..events.commands import ActOnEscalation, AnyCommand
from ..events.facts import Attachment, Private
from ..kernel import ids
from ..kernel.errors import CccError, Conflict, Invalid, NotFound
from ..rest.principal import Principal
from .documents import EscalationView
from .services import EscalationsRoom
from .shaping import view

Action = Literal[
    "acknowledge", "ask", "progress", "answer", "return", "forward", "extend",
    "reply", "accept", "reject", "withdraw", "grant", "refuse",
]  # fmt: skip

_REFUSALS: Final = {
    "wrong_state": "That is not possible in this state.",
    "escalation_over": "The escalation is over.",
    "chain_too_long": "It was forwarded too often: return it, and a supervisor decides where it belongs.",
    "same_department": "It lies with this department already.",
}
_FAULTS: Final = {
    "unknown_department": "There is no such department.",
    "invalid_until": "The new deadline must be later than the present one.",
}
_NOT_YOURS: Final = frozenset({"unknown", "not_yours"})


async def act(room: EscalationsRoom, command: AnyCommand, key: str) -> Mapping[str, object]:
    """The engine's result. Raises ``NotFound``, ``Invalid``, ``Conflict`` with the refusal's code, or ``Unavailable``."""
    outcome = await room.desk.ask(command, key)
    if outcome.status == 200:
        return outcome.result
    if outcome.status == 404 or outcome.code in _NOT_YOURS:
        raise NotFound
    if outcome.code in _FAULTS:
        raise Invalid(_FAULTS[outcome.code], code=outcome.code)
    if outcome.status == 409:
        extra = {"stands_against": outcome.detail} if outcome.detail else {}
        raise Conflict(_REFUSALS.get(outcome.code), code=outcome.code, **extra)
    raise CccError


def say(
    caller: Principal,
    escalation_id: str,
    action: Action,
    key: str,
    text: str = "",
    files: tuple[Attachment, ...] = (),
    *,
    department: str = "",
    until: int = 0,
) -> ActOnEscalation:
    """The command of an action, with what the caller wrote."""
    return ActOnEscalation(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(text=text, attachments=files) if text else None,
        escalation_id=escalation_id,
        action=action,
        message_id=ids.derive("ms", caller.source, key) if text else "",
        department=department,
        until=until,
    )


async def done(room: EscalationsRoom, caller: Principal, command: ActOnEscalation, key: str) -> EscalationView:
    """Do it, and show the escalation as it is then. Raises what ``act`` raises."""
    await act(room, command, key)
    after = await room.store.escalation(command.escalation_id)
    if after is None:
        raise NotFound
    return await view(room, caller, after)


async def uploads(room: EscalationsRoom, caller: Principal, wanted: list[str]) -> tuple[Attachment, ...]:
    """The caller's own uploads. Raises ``Invalid`` when one of them is none."""
    found = await room.store.uploads(caller.source, wanted) if wanted else {}
    if len(found) != len(set(wanted)):
        raise Invalid("An attachment is not an upload of yours.", code="unknown_attachment")
    return tuple(found[one] for one in dict.fromkeys(wanted))
