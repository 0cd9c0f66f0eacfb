"""Agents and queues."""

import msgspec

from ...events.vocabulary import Newcomers, Presence


class Agent(msgspec.Struct, omit_defaults=True):
    """An agent's presence and load. ``assignments`` are the contacts that take capacity now, in order of acceptance.

    ``phone_at`` is the switch's time of the last word about his phone. ``idle_since`` is when his last work ended or he came, ``ready_since``
    when he last began to take work, ``offered_at`` when he was last offered some.
    """

    id: str
    presence: Presence = Presence.SIGNED_OUT
    reason: str = ""
    presence_since: int = 0
    sign_out_after: bool = False
    demand_id: str = ""
    demand_until: int = 0
    offer_id: str = ""
    assignments: tuple[str, ...] = ()
    idle_since: int = 0
    penalties: dict[str, int] = {}
    misses: tuple[int, ...] = ()
    lost: bool = False
    lost_at: int = 0
    phone_registered: bool = True
    phone_at: int = 0
    ready_since: int = 0
    offered_at: int = 0


class Surge(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is done with ``newcomers`` to a queue ``until`` then, and who said so. ``announcement`` is the switch's name for what a caller
    hears, ``notice_id`` the message whose text the automatic answers of other channels bear; empty: they say nothing of it."""

    newcomers: Newcomers
    until: int
    since: int
    announcement: str
    notice_id: str = ""
    by: str = ""
    reason: str = ""


class QueueState(msgspec.Struct, omit_defaults=True):
    """What is true of a queue: the channels it is closed for, each since when, and when one of them opens or closes next; its surge.

    ``answered``, of a queue that helps others while it is on target: 1 for each of the last contacts answered in time, else 0.
    """

    id: str
    closed: dict[str, int] = {}
    due_at: int = 0
    answered: tuple[int, ...] = ()
    surge: Surge | None = None


def queue_due(row: QueueState) -> int:
    """When the queue opens, closes or is past its surge; 0: nothing is to come."""
    dues = (row.due_at, row.surge.until if row.surge is not None else 0)
    return min((due for due in dues if due), default=0)
