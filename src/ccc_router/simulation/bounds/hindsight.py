"""How many contacts of a recorded window could have been answered in time by somebody who knew the window beforehand.

*The true problem.* Every contact i may be started once, at a moment σ with ``a_i <= σ <= a_i + within_i``, by an agent who is able and
at work at σ, who is then busy during ``[σ, σ + h)`` without interruption; an agent has so many places at once. Maximise the number
started. (Contacts that would be late are left aside: with hindsight one need not take them, which can only help the others.)

*The relaxation that is solved.* Agents alike in queues, pace and hours are one group g with ``places`` places, and time has slots of δ
ms. A variable ``0 <= x[i,g,s] <= 1`` says that i is started by g in slot s. With ``first`` and ``last`` the earliest and latest
permitted moment of the slot, such a contact is being handled at every moment t with ``last <= t < first + h``, wherever in the slot
it was started (its compulsory part). Maximise ``Σ x`` subject to
  (1) ``Σ_{g,s} x[i,g,s] <= 1`` for every contact, and
  (2) ``Σ x[i,g,s]`` over the compulsory parts that contain t ``<= places_g`` for every group and every slot boundary ``t = kδ``.

*Why it is a bound for every policy.* Take what any policy did, or could have done, on the window, clairvoyant or not. For each contact
it started in time set the one x of its group and slot to 1, all others to 0. (1) holds as a contact is started once. (2) holds as
every x counted at t is a contact that really is being handled by the group at t, and a group never handles more than its places.
So this x is feasible and the optimum is at least the number the policy answered in time. Nothing was assumed about what the
policy knew. Replacing 0/1 by [0, 1] only adds feasible points, so the linear optimum, rounded down, is a bound too.

*Parts.* A long window may be cut into parts by time of arrival, each solved with all agents free at its beginning. What a policy did to
the contacts of one part is feasible for that part, so the sum of the parts' bounds is a bound for the whole; looser at the cuts.

*Groups.* More than a few dozen different groups take long; they are united to fewer, who can do what any of their members could
(`window.pooled`): again only more is permitted, so the bound stays one.

*What must be given for it to stay true.* ``within_ms`` is the threshold, or the patience if that is shorter; where patience is unknown
because the contact was answered, take the threshold. ``handling_ms`` must not be longer than it would have been; of who abandoned
it is unknown: 0 keeps the bound true, a mean makes an estimate of it. Agents who are still busy when the window begins count as free.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ccc_router.simulation.bounds.solving import Programme, maximum
from ccc_router.simulation.bounds.window import Agents, Arrival, Interval, alike, pooled


@dataclass(frozen=True, slots=True)
class HindsightBound:
    """No policy answers more than `in_time_at_most` of the `arrived` contacts of the window in time."""

    arrived: int
    in_time_at_most: int

    @property
    def service_level_at_most(self) -> float:
        """Share of all that arrived, abandons in; 1 for an empty window."""
        return self.in_time_at_most / self.arrived if self.arrived else 1.0


def hindsight(
    arrivals: Sequence[Arrival],
    agents: Sequence[Agents],
    *,
    slot_ms: int = 10_000,
    part_ms: int = 1_800_000,
    groups_at_most: int = 12,
    integral: bool = False,
) -> HindsightBound:
    """The bound described above, for slots of `slot_ms`, parts of `part_ms` and groups united to `groups_at_most`.

    Smaller slots, longer parts and more groups are tighter, and dearer.

    `integral` asks for whole x: tighter, and at ``slot_ms=1`` in one part the exact optimum, but its time may explode.
    Raises Misconfigured if the extra ``simulation`` is not installed, ValueError for slots or parts that are not positive.
    """
    if slot_ms < 1 or part_ms < 1:
        raise ValueError("slots and parts are at least a millisecond")
    groups = pooled(alike(agents), groups_at_most)
    parts: dict[int, list[Arrival]] = {}
    for arrival in sorted(arrivals, key=lambda one: one.at_ms):
        parts.setdefault(arrival.at_ms // part_ms, []).append(arrival)
    total = sum(_part(part, groups, slot_ms, integral=integral) for part in parts.values())
    return HindsightBound(len(arrivals), total)


@dataclass(slots=True)
class _Rows:
    """Constraint (2) of one group: at which boundary which variables are being handled."""

    columns: dict[int, list[int]] = field(default_factory=dict)
    endings: set[int] = field(default_factory=set)  # boundaries that are some variable's last

    def add(self, column: int, begin: int, end: int) -> None:
        """The variable's compulsory part holds the boundaries from `begin` to before `end`."""
        for boundary in range(begin, end):
            self.columns.setdefault(boundary, []).append(column)
        if end > begin:
            self.endings.add(end - 1)

    def binding(self, places: int) -> list[list[int]]:
        """Those that can be violated. Where nothing ends, the next boundary holds all of this one's variables and more."""
        return [self.columns[at] for at in sorted(self.endings) if len(self.columns[at]) > places]


def _part(arrivals: Sequence[Arrival], groups: Sequence[Agents], slot_ms: int, *, integral: bool) -> int:
    """The optimum of one part, rounded down."""
    programme = Programme()
    rows = [_Rows() for _ in groups]
    for arrival in arrivals:
        own: list[int] = []
        for group, held in zip(groups, rows, strict=True):
            if arrival.queue not in group.pace:
                continue
            handling = arrival.handling_ms * group.pace[arrival.queue] // 1000
            for first, last in _starts(arrival, group, slot_ms):
                column = programme.variable()
                own.append(column)
                held.add(column, -(-last // slot_ms), -(-(first + handling) // slot_ms))
        if len(own) > 1:
            programme.at_most(1, own)
    for group, held in zip(groups, rows, strict=True):
        for columns in held.binding(group.places):
            programme.at_most(group.places, columns)
    return maximum(programme, integral=integral)


def _starts(arrival: Arrival, group: Agents, slot_ms: int) -> list[Interval]:
    """For every slot in which `group` may start the contact: the earliest and the latest moment for it."""
    found: list[Interval] = []
    deadline = arrival.at_ms + arrival.within_ms
    for slot in range(arrival.at_ms // slot_ms, deadline // slot_ms + 1):
        begin, end = max(slot * slot_ms, arrival.at_ms), min((slot + 1) * slot_ms - 1, deadline)
        inside = [
            (max(begin, start), min(end, stop - 1)) for start, stop in group.at_work if start <= end and begin < stop
        ]
        if inside:
            found.append((min(first for first, _ in inside), max(last for _, last in inside)))
    return found
