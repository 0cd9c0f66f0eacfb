"""A workload from a description: arrivals by thinning a Poisson process, every other draw beside its arrival."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import gamma
from random import Random
from typing import Final

import msgspec

from ...events.vocabulary import Channel
from ...routing.policy import Catalogue, Topic
from .description import Behaviour, Description
from .drawing import exponential_ms, lognormal_ms, one_of
from .onward import Onward
from .shifts import shifts_of
from .workload import MISSED, Arrival, Redial, Window, Workload, workload_of

HOUR_MS: Final = 3_600_000
_OFFERS_DRAWN: Final = 3
_FIRST_DAYS, _LAST_DAYS = 7, 2


def synthetic(description: Description, catalogue: Catalogue, seed: int) -> Workload:
    """The workload of a description for the queues and agents of a catalogue; the same seed gives the same one on any machine.

    Raises ValueError for a time that cannot be read, KeyError for an unknown channel.
    """
    window = window_of(description)
    shifts = shifts_of(description, sorted(agent.id for agent in catalogue.agents), window)
    a_day = description.contacts_per_day or _to_keep_busy(
        description, sum(one.until_ms - one.from_ms for one in shifts)
    )
    given = msgspec.structs.replace(description, contacts_per_day=a_day)
    return workload_of(window, list(arriving(given, catalogue, seed)), shifts)


def window_of(description: Description) -> Window:
    """The time a description is of. Raises ValueError for one that cannot be read."""
    starts = datetime.fromisoformat(description.starts)
    offset = starts.utcoffset() or timedelta()
    start = int(starts.timestamp() * 1000)
    return Window(
        from_ms=start,
        until_ms=start + int(description.hours * HOUR_MS),
        measured_from_ms=start + int(description.warm_up_hours * HOUR_MS),
        utc_offset_minutes=int(offset.total_seconds() // 60),
        back_after_ms=int(1000 * description.back_after_s),
    )


def arriving(description: Description, catalogue: Catalogue, seed: int) -> Iterator[Arrival]:
    """Who comes, in order of time, each drawn when he is asked for: a day of a country is never in memory at once. ``contacts_per_day`` must
    be given. Raises KeyError for an unknown channel."""
    topics, onward = topics_of(description, catalogue), Onward(description, catalogue)
    times = arrival_times(
        description, window_of(description), description.contacts_per_day / 24, Random(f"{seed}:times")
    )
    for number, at in enumerate(times):
        found = arrival(description, topics, at, Random(f"{seed}:{number}"))
        # Drawn apart: whoever comes is the same with these rates and without.
        yield onward.of(found, Random(f"{seed}:{number}:onward")) if onward.anything else found


def arrival_times(description: Description, window: Window, an_hour: float, dice: Random) -> Iterator[int]:
    """Moments of a Poisson process whose rate follows the day and the week (thinning: Lewis and Shedler 1979)."""
    highest = an_hour * max(description.hour_weights) * max(description.weekday_factors)
    highest *= max(1.0, description.month_edge_factor)
    for surge in description.surges:
        highest *= max(1.0, surge.factor)
    at = float(window.from_ms)
    while highest > 0:
        at += dice.expovariate(highest) * HOUR_MS
        if at >= window.until_ms:
            break
        if dice.random() * highest < an_hour * intensity(description, window, int(at)):
            yield int(at)


def intensity(description: Description, window: Window, at_ms: int) -> float:
    """How busy a moment is beside the average hour of an average day (1)."""
    minutes = at_ms // 60_000 + window.utc_offset_minutes
    local = datetime(1970, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001  # local wall time, the offset is added
    weights, days = description.hour_weights, description.weekday_factors
    found = weights[local.hour] * len(weights) / sum(weights) * days[local.weekday()]
    if local.day <= _FIRST_DAYS or (local + timedelta(days=_LAST_DAYS)).month != local.month:
        found *= description.month_edge_factor
    hours = (at_ms - window.from_ms) / HOUR_MS
    for surge in description.surges:
        if surge.from_hour <= hours < surge.until_hour:
            found *= surge.factor
    return found


def _to_keep_busy(description: Description, staffed_ms: int) -> float:
    """Contacts of a day that take ``load_percent`` of the time the agents are there."""
    shares = sum(one.share_percent for one in description.channels.values())
    takes = sum(one.share_percent * (one.handling_s + one.wrap_up_s) for one in description.channels.values()) / shares
    staffed_a_day = staffed_ms / 1000 * 24 / description.hours
    return description.load_percent / 100 * staffed_a_day / takes


def topics_of(description: Description, catalogue: Catalogue) -> list[tuple[Topic, float]]:
    """The topics people come with and their shares."""
    if description.topics:
        return [(one, description.topics[one.id]) for one in catalogue.topics if one.id in description.topics]
    return [(one, float(one.share_permille)) for one in catalogue.topics if one.share_permille > 0]


def arrival(description: Description, topics: Sequence[tuple[Topic, float]], at: int, dice: Random) -> Arrival:
    """Somebody who comes at a moment (ms), with all he will do."""
    channel = one_of({name: one.share_percent for name, one in description.channels.items()}, dice)
    behaviour = description.channels[channel]
    topic = dice.choices([one for one, _ in topics], [share for _, share in topics])[0] if topics else None
    return Arrival(
        at_ms=at,
        channel=Channel(channel),
        topic=topic.id if topic is not None else "",
        queue=topic.queue if topic is not None else "",
        priority=topic.priority if topic is not None else 0,
        language=one_of(description.languages, dice),
        handling_ms=lognormal_ms(behaviour.handling_s, behaviour.handling_sigma, dice),
        patience_ms=_patience_ms(behaviour, dice),
        wrap_up_ms=exponential_ms(behaviour.wrap_up_s, dice),
        reactions_ms=_reactions(description, dice),
        redials=_redials(behaviour, dice),
    )


def _reactions(description: Description, dice: Random) -> tuple[int, ...]:
    drawn = [
        MISSED if 100 * dice.random() < description.missed_percent else exponential_ms(description.reaction_s, dice)
        for _ in range(_OFFERS_DRAWN)
    ]
    return (*drawn, int(1000 * description.reaction_s))


def _redials(behaviour: Behaviour, dice: Random) -> tuple[Redial, ...]:
    found: list[Redial] = []
    while len(found) < behaviour.redials and 100 * dice.random() < behaviour.redial_percent:
        found.append(Redial(exponential_ms(behaviour.redial_after_s, dice), _patience_ms(behaviour, dice)))
    return tuple(found)


def _patience_ms(behaviour: Behaviour, dice: Random) -> int:
    """A Weibull time with the mean asked for; 0 for who never gives up."""
    if not behaviour.patience_s:
        return 0
    scale = behaviour.patience_s / gamma(1 + 1 / behaviour.patience_shape)
    return max(1, int(1000 * dice.weibullvariate(scale, behaviour.patience_shape)))
