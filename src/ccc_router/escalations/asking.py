"""Asking the engine for an action on an escalation."""

from collections.abc import Mapping
from typing import Final, Literal

from ..events.commands import ActOnEscalation, AnyCommand
from ..events.facts import Attachment, Private
from ..kernel import ids
from ..kernel.errors import Invalid, NotFound
from ..rest.asking import ask
from ..rest.principal import Principal
from .documents import EscalationView
from .services import EscalationsRoom
from .shaping import view

Action = Literal[
    "acknowledge", "ask", "progress", "answer", "return", "forward", "extend",
    "reply", "accept", "reject", "withdraw", "grant", "refuse",
]  # fmt: skip

_FAULTS: Final = {
    "unknown_department": "There is no such department.",
    "invalid_until": "The new deadline must be later than the present one.",
}
_NOT_YOURS: Final = frozenset({"unknown", "not_yours"})


async def act(room: EscalationsRoom, command: AnyCommand, key: str) -> Mapping[str, object]:
    """The engine's result. Raises ``NotFound``, ``Invalid``, ``Conflict`` with the refusal's code, or ``Unavailable``."""
    return await ask(room.desk, command, key, faults=_FAULTS, hidden=_NOT_YOURS)


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
