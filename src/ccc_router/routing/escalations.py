"""What departments and clocks do to escalations (the escalations room writes it; until then nothing is escalated)."""

from collections.abc import Iterator

from ..events.commands import ActOnEscalation, RaiseEscalation
from ..events.envelope import Input
from ..events.facts import DeliveryReported, TimerFired
from . import decisions as d
from .state import State


def raise_escalation(state: State, given: Input, command: RaiseEscalation) -> Iterator[d.Decision]:
    """Refused."""
    yield d.CommandRefused("unknown_department", command.department)


def act_on_escalation(state: State, given: Input, command: ActOnEscalation) -> Iterator[d.Decision]:
    """Refused."""
    yield d.CommandRefused("escalation_over")


def escalation_due(state: State, given: Input, fired: TimerFired) -> Iterator[d.Decision]:
    """Nothing is due."""
    yield from ()


def delivery_reported(state: State, given: Input, fact: DeliveryReported) -> Iterator[d.Decision]:
    """Nothing follows."""
    yield from ()
