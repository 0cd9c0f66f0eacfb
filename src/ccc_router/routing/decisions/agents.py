"""What becomes of agents, and of what they are offered."""

import msgspec

from ...events.vocabulary import OfferReason, OfferState, Overtaking, Presence
from .base import Decision


class Overtaken(msgspec.Struct, frozen=True):
    """The front of a line that ranks before the contact that is offered, and why its agent did not get this one."""

    contact_id: str
    rank: int
    why: Overtaking


class OfferMade(Decision, frozen=True, tag="OfferMade"):
    """The contact is held for one agent. The last fields say why it was this one, the first lines it overtook, and until when it would
    be answered in time."""

    offer_id: str
    contact_id: str
    agent_id: str
    reason: OfferReason
    attempt: int
    expires_at: int
    catalogue: int = 0
    rank: int = 0
    eligible: int = 0
    won: tuple[int | str, ...] = ()
    runner_up: str = ""
    step: int = 0
    overtaken: tuple[Overtaken, ...] = ()
    target_at: int = 0


class OfferSeen(Decision, frozen=True, tag="OfferSeen"):
    """The agent's client fetched the offer."""

    offer_id: str


class OfferEnded(Decision, frozen=True, tag="OfferEnded"):
    """The offer left ``pending``; ``by`` says who or what ended it. ``accepted`` makes the agent the owner."""

    offer_id: str
    state: OfferState
    by: str
    connect_by: int = 0


class AssignmentEnded(Decision, frozen=True, tag="AssignmentEnded"):
    """The agent no longer owns the contact."""

    contact_id: str
    agent_id: str
    reason: str


class PresenceChanged(Decision, frozen=True, tag="PresenceChanged"):
    """What the agent, a supervisor or the missed offers made of the agent's presence."""

    agent_id: str
    presence: Presence
    reason: str = ""
    after_current: bool = False


class DemandOpened(Decision, frozen=True, tag="DemandOpened"):
    """The agent asks for work until ``until``."""

    agent_id: str
    demand_id: str
    until: int


class DemandClosed(Decision, frozen=True, tag="DemandClosed"):
    """The agent no longer asks."""

    agent_id: str
    demand_id: str


class AgentPenalised(Decision, frozen=True, tag="AgentPenalised"):
    """No offers of ``channel`` (``*``: any) until ``until``. ``missed``: it counts as a missed offer."""

    agent_id: str
    channel: str
    until: int
    missed: bool = False


class PenaltyOver(Decision, frozen=True, tag="PenaltyOver"):
    """The agent may be offered this channel again."""

    agent_id: str
    channel: str


class AgentMarkedLost(Decision, frozen=True, tag="AgentMarkedLost"):
    """Nothing is heard of the agent; ``release_at`` is when his assignments are given to others."""

    agent_id: str
    release_at: int


class AgentMarkedBack(Decision, frozen=True, tag="AgentMarkedBack"):
    """The agent is heard of again."""

    agent_id: str


class PhoneMarked(Decision, frozen=True, tag="PhoneMarked"):
    """The agent's phone is registered, or not."""

    agent_id: str
    registered: bool
    at: int = 0


class DeadlinesMoved(Decision, frozen=True, tag="DeadlinesMoved"):
    """Every deadline for an agent, a phone or the switch is ``by_ms`` later: nobody led so long. Those towards customers and departments stay."""

    by_ms: int
