"""How far a recorded window was from what the bounds allow, by channel.

*In hindsight*: contacts that could have been answered in time (`hindsight`), channel by channel as if every agent did nothing else, so
the sum is above what any policy could do. A contact keeps its agent for the first stretch it was in hand for, or not at all if it never was,
and can go to whoever serves a queue it waited in. An answer counts until the threshold, or until the customer gave up.

*Pooled*: calls only, for nobody else gives up: every half hour by itself as Erlang A of all agents at work who take calls, as if each could take
every call and did nothing else. A yardstick for the day rather than a bound, for a half hour has not the time to settle.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from ...events.vocabulary import Channel
from ...kernel.errors import Misconfigured
from ...routing.policy import Agent, Catalogue
from ..workloads.workload import Shift, Stayed
from .erlang import Demand, performance
from .hindsight import hindsight
from .window import Agents, Arrival

_PART_MS: Final = 1_800_000
_LONG_MS: Final = 600_000
"""Where so much time is given (letters), the programme would be large and say what is known: nearly all can be answered in time."""


class Recording(msgspec.Struct, frozen=True):
    """What came between two moments (ms), who was there, and the catalogue in force."""

    from_ms: int
    until_ms: int
    stays: tuple[Stayed, ...]
    shifts: tuple[Shift, ...]
    catalogue: Catalogue


class ChannelBounds(msgspec.Struct, frozen=True):
    """Of ``contacts`` that came, ``in_time`` were answered within their queue's threshold; who can still be is not counted. ``pooled`` and
    ``hindsight`` are how many by the bounds; None where a bound says nothing, with the reason: ``calls_only``, ``not_installed``."""

    channel: Channel
    contacts: int
    in_time: int
    pooled: float | None = None
    hindsight: int | None = None
    without_pooled: str = ""
    without_hindsight: str = ""


def bounds_of(recording: Recording) -> list[ChannelBounds]:
    """By channel, of those with contacts."""
    found = []
    for channel in Channel:
        decided = [one for one in recording.stays if one.channel is channel and _decided(recording, one)]
        if decided:
            found.append(_of_channel(recording, channel, decided))
    return found


def _of_channel(recording: Recording, channel: Channel, stays: Sequence[Stayed]) -> ChannelBounds:
    in_time = sum(one.answered and one.waited_ms <= _threshold_ms(recording, one) for one in stays)
    pooled = _pooled(recording, stays) if channel is Channel.PHONE else None
    try:
        at_most, missing = _in_hindsight(recording, channel, stays), ""
    except Misconfigured:
        at_most, missing = None, "not_installed"
    return ChannelBounds(
        channel,
        len(stays),
        in_time,
        pooled,
        at_most,
        "" if channel is Channel.PHONE else "calls_only",
        missing,
    )


def _threshold_ms(recording: Recording, stay: Stayed) -> int:
    """Of the queue it waited in last; a queue that is gone has none."""
    found = (queue.service_level.seconds for queue in recording.catalogue.queues if queue.id == stay.queues[-1])
    return 1000 * next(found, 0)


def _decided(recording: Recording, stay: Stayed) -> bool:
    return stay.answered or stay.gave_up or stay.waited_ms >= _threshold_ms(recording, stay)


def _in_hindsight(recording: Recording, channel: Channel, stays: Sequence[Stayed]) -> int:
    arrivals = []
    surely = 0
    for one in stays:
        within = _threshold_ms(recording, one)
        if within > _LONG_MS:
            surely += 1
            continue
        within = min(within, one.waited_ms) if one.gave_up else within
        arrivals.append(Arrival(one.at_ms, "|".join(one.queues), one.busy_ms, within))
    lines = {one.queue for one in arrivals}
    agents = []
    for agent in recording.catalogue.agents:
        served = {profile.queue for profile in agent.profiles}
        pace = {line: 1000 for line in lines if not served.isdisjoint(line.split("|"))}
        at_work = tuple((one.from_ms, one.until_ms) for one in recording.shifts if one.agent_id == agent.id)
        places = _places(recording.catalogue, agent, channel)
        if pace and at_work and places:
            agents.append(Agents(pace, at_work, places))
    if not arrivals:
        return surely
    return surely + (hindsight(arrivals, agents).in_time_at_most if agents else 0)


def _places(catalogue: Catalogue, agent: Agent, channel: Channel) -> int:
    """How many contacts of a channel he has at once if he has no others."""
    most, weight = agent.capacity.channels.get(channel, 0), catalogue.rules.weights.get(channel, 0)
    return min(most, agent.capacity.total_weight // weight) if weight else most


def _pooled(recording: Recording, calls: Sequence[Stayed]) -> float:
    talked = [one.busy_ms for one in calls if one.busy_ms]
    gave_up = sum(one.gave_up for one in calls)
    patience_s = sum(one.waited_ms for one in calls) / 1000 / gave_up if gave_up else math.inf
    handling_s = sum(talked) / len(talked) / 1000 if talked else 1.0
    places = {agent.id: _places(recording.catalogue, agent, Channel.PHONE) for agent in recording.catalogue.agents}
    parts: dict[int, list[Stayed]] = {}
    for call in calls:
        parts.setdefault((call.at_ms - recording.from_ms) // _PART_MS, []).append(call)
    in_time = 0.0
    for part, came in parts.items():
        begins = recording.from_ms + part * _PART_MS
        ends = min(begins + _PART_MS, recording.until_ms)
        worked = sum(
            places.get(one.agent_id, 0) * max(0, min(one.until_ms, ends) - max(one.from_ms, begins))
            for one in recording.shifts
        )
        agents = math.ceil(worked / (ends - begins))
        demand = Demand(1000 * len(came) / (ends - begins), handling_s, max(patience_s, 0.001))
        for threshold_ms, many in Counter(_threshold_ms(recording, one) for one in came).items():
            in_time += many * performance(agents, demand, threshold_ms / 1000).service_level if agents else 0.0
    return in_time
