"""A recorded window: contacts that arrived, agents in groups, and making fewer groups of them without losing a bound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One contact: when and where it arrived, how long it keeps an agent busy, until when an answer counts. All in ms."""

    at_ms: int
    queue: str
    handling_ms: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class Agents:
    """`places` places (agents × what each handles at once) that are alike.

    ``pace`` maps each queue they serve to thousandths of a contact's own handling time (1000: as recorded). They may start a contact
    during ``at_work`` (half-open intervals, ms) and finish it afterwards.
    """

    pace: Mapping[str, int]
    at_work: tuple[Interval, ...]
    places: int = 1


def alike(agents: Sequence[Agents]) -> list[Agents]:
    """Who is alike is one group: fewer variables, the same optimum."""
    places: dict[tuple[tuple[tuple[str, int], ...], tuple[Interval, ...]], int] = {}
    for one in agents:
        key = (tuple(sorted(one.pace.items())), one.at_work)
        places[key] = places.get(key, 0) + one.places
    return [Agents(dict(pace), at_work, count) for (pace, at_work), count in places.items()]


def pooled(groups: Sequence[Agents], at_most: int) -> list[Agents]:
    """No more than `at_most` groups, each of the union of the queues, the best pace and all hours of those it was made from.

    Whatever the groups could do, their union can: a bound for the pooled groups is a bound for the given ones. The smallest group
    goes where it adds least that nobody there could do; with one group left it is the pooled system.
    """
    left = list(groups)
    while len(left) > max(1, at_most):
        smallest = min(left, key=lambda one: one.places)
        left.remove(smallest)
        partner = min(left, key=lambda other: _added(smallest, other))
        left.remove(partner)
        left.append(_union(smallest, partner))
    return left


def _added(one: Agents, other: Agents) -> tuple[bool, int]:
    """What a union lets happen that could not before: other hours first, then queues, weighted by the places that gain them."""
    both = one.pace.keys() | other.pace.keys()
    gained = one.places * (len(both) - len(one.pace)) + other.places * (len(both) - len(other.pace))
    return one.at_work != other.at_work, gained


def _union(one: Agents, other: Agents) -> Agents:
    pace = dict(one.pace)
    for queue, thousandths in other.pace.items():
        pace[queue] = min(thousandths, pace.get(queue, thousandths))
    return Agents(pace, tuple(sorted({*one.at_work, *other.at_work})), one.places + other.places)
