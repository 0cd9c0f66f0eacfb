"""The rows of the state: what is true of each open contact, offer, agent, case and escalation, and of queues and incidents.

They are what the tables hold (``dump`` and ``load`` are exact), integers and strings only. Only ``apply`` changes them.
Times are engine milliseconds; 0 means "not".
"""

import msgspec

from .cases import Case, Escalation, Incident
from .contacts import Call, Callback, Contact, Handover, Identification, Leg, Offer, awaits_action, kept_for
from .people import Agent, QueueState, Surge, queue_due

__all__ = [
    "Agent",
    "Call",
    "Callback",
    "Case",
    "Contact",
    "Escalation",
    "Groups",
    "Handover",
    "Identification",
    "Incident",
    "Leg",
    "Offer",
    "QueueState",
    "Rows",
    "Surge",
    "awaits_action",
    "kept_for",
    "queue_due",
]


class Rows(msgspec.Struct):
    """Rows of a state: all of them (``dump``), or those changed since the last look (``take_changed``), ended ones among them."""

    contacts: list[Contact] = []
    offers: list[Offer] = []
    agents: list[Agent] = []
    cases: list[Case] = []
    escalations: list[Escalation] = []
    queues: list[QueueState] = []
    incidents: list[Incident] = []


class Groups(msgspec.Struct):
    """The same by id."""

    contacts: dict[str, Contact] = {}
    offers: dict[str, Offer] = {}
    agents: dict[str, Agent] = {}
    cases: dict[str, Case] = {}
    escalations: dict[str, Escalation] = {}
    queues: dict[str, QueueState] = {}
    incidents: dict[str, Incident] = {}

    def rows(self) -> Rows:
        """All of them, in the order they came."""
        return Rows(*(list(group.values()) for group in msgspec.structs.astuple(self)))
