"""Asking the engine: the one place where its outcomes become HTTP."""

from collections.abc import Collection, Mapping
from typing import Final, Protocol

from ..events.commands import AnyCommand
from ..kernel.errors import CccError, Conflict, Invalid, NotFound


class Outcome(Protocol):
    """What the engine answered to a command: 200 with a result, or a refusal's status and code."""

    @property
    def status(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def result(self) -> Mapping[str, object]: ...


class Desk(Protocol):
    """Appends a command and waits for its outcome. Raises ``Unavailable`` when none comes in 5 s."""

    async def ask(self, command: AnyCommand, key: str) -> Outcome: ...


_NONE: Final[Mapping[str, str]] = {}


async def ask(
    desk: Desk, command: AnyCommand, key: str, *, faults: Mapping[str, str] = _NONE, hidden: Collection[str] = ()
) -> Mapping[str, object]:
    """The engine's result.

    Raises ``NotFound`` (also for the codes in ``hidden``: what is not yours does not exist), ``Conflict`` with the refusal's code,
    ``Invalid`` for the codes in ``faults`` (what the request itself got wrong), or ``Unavailable``.
    """
    outcome = await desk.ask(command, key)
    if outcome.status == 200:
        return outcome.result
    if outcome.status == 404 or outcome.code in hidden:
        raise NotFound
    if outcome.code in faults:
        raise Invalid(faults[outcome.code], code=outcome.code)
    if outcome.status == 409:
        extra = {"stands_against": outcome.detail} if outcome.detail else {}
        raise Conflict(_REFUSALS.get(outcome.code), code=outcome.code, **extra)
    raise CccError


_REFUSALS: Final = {
    "not_yours": "The contact is not yours.",
    "offer_over": "The offer is over.",
    "customer_wrote": "The customer wrote meanwhile: read it, then send again with the new seen_up_to.",
    "call_live": "The call is still on: hang up first.",
    "has_work": "There is work at hand: finish it, or send after_current.",
    "not_ready": "You take no contacts now: set your presence first.",
    "capacity": "There is no room for one more.",
    "unknown_queue": "There is no such queue.",
    "incident_over": "The incident is over, or there is none.",
    "until_past": "That time is over.",
    "until_too_far": "At most seven days: what lasts longer belongs into the catalogue.",
    "unknown_agent": "There is no such agent.",
    "unknown_department": "There is no such department.",
    "unknown_disposition": "There is no such disposition.",
    "not_identified": "Nobody identified the customer, or it is undone.",
    "wrong_state": "That is not possible in this state.",
    "contact_over": "The contact is over.",
    "case_over": "The case is over.",
    "handed_over": "Another pool has it by now: ask there.",
    "escalation_over": "The escalation is over.",
    "chain_too_long": "It was forwarded too often: return it, and a supervisor decides where it belongs.",
    "catalogue_changed": "Another catalogue was put in force meanwhile.",
    "queue_in_use": "Contacts are in a queue that would go: name its successor.",
    "endpoint_in_use": "Open contacts came by an endpoint that would go: end them first.",
    "agent_in_use": "An agent who would go has work at hand.",
    "unknown_topic": "There is no such topic.",
    "same_department": "It lies with this department already.",
    "no_window": "The channel does not let us write to this customer any more.",
    "agent_signed_out": "The agent is signed out.",
    "not_a_supervisor": "Only a supervisor says whom it goes to.",
    "agent_busy": "The agent is busy.",
    "outside_hours": "Nobody calls at that time: it is outside the queue's hours, or more than thirty days away.",
    "no_control": "This switch takes no call control.",
    "not_tracked": "This switch takes no call control.",
}
