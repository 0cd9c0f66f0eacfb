"""What became of each contact and of each agent's time: what a run leaves behind, before it is counted."""

from enum import StrEnum

import msgspec

from ...events.vocabulary import Channel
from ..workloads.workload import Arrival


class Outcome(StrEnum):
    """How a contact's stay ended. ``open``: it had not when the run did."""

    OPEN = "open"
    CLOSED = "closed"
    ABANDONED = "abandoned"
    OTHER = "other"


class Stay(msgspec.Struct):
    """One contact from its arrival on. ``answered_at`` and ``ended_at`` are 0 while they have not come. ``number`` is that of its arrival
    in the workload, ``again`` how many times the customer had given up before."""

    number: int
    again: int
    queue: str
    channel: Channel
    language: str
    arrived_at: int
    answered_at: int = 0
    ended_at: int = 0
    outcome: Outcome = Outcome.OPEN

    def waited_ms(self, until: int) -> int:
        """How long he waited for an agent, up to the end of the run."""
        return (self.answered_at or self.ended_at or until) - self.arrived_at


class Visit(msgspec.Struct):
    """A contact in the world: its arrival's draws, and what was measured. ``pool`` is where its customer comes to. ``begun`` counts the
    agents who began to handle it, ``handed_on`` how often one handed it on, ``dials`` the calls back. ``promised``: its caller left the line.
    ``through`` are the pools that handed it over."""

    arrival: Arrival
    stay: Stay
    contact_id: str
    patience_ms: int
    pool: str
    offers: int = 0
    begun: int = 0
    handed_on: int = 0
    promised: bool = False
    dials: int = 0
    through: tuple[str, ...] = ()


class WorkedTime:
    """An agent's time: there, and with work; only what lies behind ``from_ms`` is counted."""

    __slots__ = ("_from", "_since", "assignments", "busy_ms", "ready", "staffed_ms")

    def __init__(self, from_ms: int) -> None:
        """Not there, without work."""
        self._from = self._since = from_ms
        self.ready = False
        self.assignments = 0
        self.staffed_ms = 0
        self.busy_ms = 0

    def until(self, at: int) -> None:
        """Count what he was until now."""
        passed = max(0, at - self._since)
        self._since = max(at, self._from)
        if self.assignments:
            self.busy_ms += passed
        if self.assignments or self.ready:
            self.staffed_ms += passed


class Passed(msgspec.Struct):
    """What became of contacts beyond the first answer, behind the warm-up: handed on to a queue; handed to a department, which solved it
    (``solved_ms`` in all) or gave it back; promised a callback, reached by it, or called in vain for the last time."""

    transferred: int = 0
    escalated: int = 0
    solved: int = 0
    solved_ms: int = 0
    returned: int = 0
    promised: int = 0
    reached: int = 0
    unreached: int = 0


class Run(msgspec.Struct):
    """What a run leaves behind: every stay in order of arrival, agents' time by id, and how much the core was asked. What came back to a
    case is a stay of channel ``internal``."""

    stays: list[Stay]
    agents: dict[str, WorkedTime]
    until_ms: int
    measured_from_ms: int
    utc_offset_minutes: int
    inputs: int = 0
    decisions: int = 0
    refused: int = 0
    passed: Passed = msgspec.field(default_factory=Passed)
