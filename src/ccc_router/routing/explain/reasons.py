"""Why an agent cannot be offered a contact: a closed set of values. Times are engine milliseconds, 0 means "not known"."""

from typing import assert_never

import msgspec

from ...events.vocabulary import Presence


class Reason(msgspec.Struct, frozen=True, tag_field="code"):
    """What all reasons share: nothing but their code."""


class UnknownAgent(Reason, frozen=True, tag="unknown_agent"):
    """The catalogue in force does not know him."""


class Absent(Reason, frozen=True, tag="presence"):
    """He is not there: signed out or not ready, and why."""

    presence: Presence
    reason: str = ""


class NoDemand(Reason, frozen=True, tag="no_demand"):
    """He is on demand and does not ask for work now."""


class Lost(Reason, frozen=True, tag="lost"):
    """Nothing is heard of his client."""


class OfferPending(Reason, frozen=True, tag="offer_pending"):
    """He is being offered something; one at a time."""


class QueueNotServed(Reason, frozen=True, tag="queue_not_served"):
    """None of his profiles is for the contact's queue."""

    queue: str


class QueueClosed(Reason, frozen=True, tag="queue_closed"):
    """The contact's queue is closed for its channel since then, and opens at ``opens_at`` (0: its calendar names no opening)."""

    queue: str
    since: int
    opens_at: int = 0


class DelayNotReached(Reason, frozen=True, tag="profile_delay"):
    """His profile sees contacts of the queue only from an age on, which this one reaches at ``until``."""

    queue: str
    until: int


class Unskilled(Reason, frozen=True, tag="skill"):
    """The present step needs more of a skill than he has. At ``step`` it would be enough (0: never), from ``at`` on while it waits."""

    skill: str
    needed: int
    has: int
    step: int = 0
    at: int = 0


class ChannelNotTaken(Reason, frozen=True, tag="channel_not_taken"):
    """His capacity has no place for the channel at all."""

    channel: str


class ChannelFull(Reason, frozen=True, tag="channel_full"):
    """He has as many of the channel as he may."""

    channel: str
    used: int
    limit: int


class WeightFull(Reason, frozen=True, tag="weight_full"):
    """What he keeps beside it, with its own weight, would be more than his total."""

    weight: int
    beside: int
    limit: int


class NotBeside(Reason, frozen=True, tag="not_beside"):
    """Nothing of the channel comes on top of what he has."""

    channel: str
    held: str


class Penalised(Reason, frozen=True, tag="penalty"):
    """After a missed or declined offer he gets none until then."""

    until: int


class NoPhone(Reason, frozen=True, tag="no_phone"):
    """He has no phone in the catalogue."""


class PhoneNotRegistered(Reason, frozen=True, tag="phone_not_registered"):
    """His phone is not registered at the switch as far as we know."""


class ReservedForAnother(Reason, frozen=True, tag="reserved"):
    """The contact is kept for ``agent``, until then (0: until it is released)."""

    agent: str
    until: int = 0


class QueuePrefers(Reason, frozen=True, tag="queue_prefers"):
    """The queue gives the contact to the agents it prefers until then, and he is none of them."""

    queue: str
    until: int = 0


class Excluded(Reason, frozen=True, tag="excluded"):
    """A supervisor keeps the contact from him."""


class TriedBefore(Reason, frozen=True, tag="tried_before"):
    """He had one of its last offers, and somebody else can take it."""


class TooEarly(Reason, frozen=True, tag="not_before"):
    """The customer is to be called back, but not before ``until``."""

    until: int


class NotWaiting(Reason, frozen=True, tag="not_waiting"):
    """The contact does not wait: it is offered, in somebody's hands, or over."""

    state: str


class QueueAtLimit(Reason, frozen=True, tag="queue_at_limit"):
    """Agents have as many contacts of the queue and channel as may be at once: one of those has to end first, whoever is free."""

    queue: str
    channel: str
    active: int
    limit: int


AnyReason = (
    UnknownAgent
    | Absent
    | NoDemand
    | Lost
    | OfferPending
    | QueueNotServed
    | QueueClosed
    | DelayNotReached
    | Unskilled
    | ChannelNotTaken
    | ChannelFull
    | WeightFull
    | NotBeside
    | Penalised
    | NoPhone
    | PhoneNotRegistered
    | ReservedForAnother
    | QueuePrefers
    | Excluded
    | TriedBefore
    | TooEarly
    | NotWaiting
    | QueueAtLimit
)


def lasts(reason: AnyReason) -> bool:
    """Whether the reason lies in what he is and not in what he does now: who has one is not *able*, who has none but others is busy."""
    match reason:
        case UnknownAgent() | QueueNotServed() | DelayNotReached() | Unskilled() | ChannelNotTaken() | NoPhone():
            return True
        case (
            Absent()
            | NoDemand()
            | Lost()
            | OfferPending()
            | QueueClosed()
            | ChannelFull()
            | WeightFull()
            | NotBeside()
            | Penalised()
            | PhoneNotRegistered()
            | ReservedForAnother()
            | QueuePrefers()
            | Excluded()
            | TriedBefore()
            | TooEarly()
            | NotWaiting()
            | QueueAtLimit()
        ):
            return False
        case _:
            assert_never(reason)


def of_many(reason: AnyReason) -> AnyReason:
    """The reason without what is one agent's own: equal for all whom the same thing stops."""
    match reason:
        case Absent():
            return Absent(reason.presence)
        case Unskilled():
            return Unskilled(reason.skill, reason.needed, 0)
        case DelayNotReached():
            return DelayNotReached(reason.queue, 0)
        case ChannelFull():
            return ChannelFull(reason.channel, 0, 0)
        case WeightFull():
            return WeightFull(0, 0, 0)
        case Penalised():
            return Penalised(0)
        case TooEarly():
            return TooEarly(0)
        case (
            UnknownAgent()
            | NoDemand()
            | Lost()
            | OfferPending()
            | QueueNotServed()
            | QueueClosed()
            | ChannelNotTaken()
            | NotBeside()
            | NoPhone()
            | PhoneNotRegistered()
            | ReservedForAnother()
            | QueuePrefers()
            | Excluded()
            | TriedBefore()
            | NotWaiting()
            | QueueAtLimit()
        ):
            return reason
        case _:
            assert_never(reason)
