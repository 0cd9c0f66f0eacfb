"""From what there is to see to how long one contact still waits.

*Ahead of it* stands who will be offered to its agents first. An agent takes from all his lines: by his profile's priority, then by rank. So of
every line the contacts that go before this one are counted, each with the share of its able agents who are able for this one too: whoever
can be taken by others as well is ahead only in part. Those still to come who will rank before it (a call before a letter) count as many
as come during its median wait, as long as their rank is smaller.

*Free* become the agents who are able, signed in and take contacts: each once so much of what he has in hand is over that this channel fits,
at the pace of its queues. Those with room count as free already. Nothing is assumed about who will sign in or leave.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from ccc_router.events.vocabulary import Channel, ContactState
from ccc_router.queues.waits.distribution import Wait
from ccc_router.queues.waits.paces import Line, Paces
from ccc_router.queues.waits.sight import Sight
from ccc_router.routing.calendar import next_change
from ccc_router.routing.rows import Agent, Contact
from ccc_router.routing.rulebook import ContactClass, Rulebook
from ccc_router.routing.standing.capacity import has_room

SHARES: Final = (0.2, 0.5, 0.8)
_LONGEST_S: Final = 7 * 24 * 3600.0
_ROUNDS: Final = 40
_CHANNELS: Final = tuple(one.value for one in Channel)

Unknown = Literal["", "closed", "nobody_able", "nobody_here", "kept_for_agent", "too_long"]


class Expected(NamedTuple):
    """``position`` in its queue, 1 is the next. ``waits_ms`` are the times within which it is answered with probability `SHARES`; where
    nothing can be said none, with the reason in ``unknown``. ``opens_at`` (ms) of a closed queue, 0 if it never opens."""

    position: int
    ahead: float = 0.0
    waits_ms: tuple[int, ...] = ()
    unknown: Unknown = ""
    opens_at: int = 0


class _Share(NamedTuple):
    """Of a line's able agents those who are able for a class too: who would take the line first, and who goes by rank."""

    first: float
    by_rank: float


class Estimator:
    """One sight, looked at for any number of contacts; ``paces`` says how fast a line goes."""

    def __init__(self, book: Rulebook, sight: Sight, paces: Callable[[Line], Paces]) -> None:
        self._book = book
        self._sight = sight
        self._paces = _remembered(paces)
        self._here = Counter(book.agent_classes[agent.id] for agent in sight.here if agent.id in book.agent_classes)
        self._shares: dict[tuple[ContactClass, Line], _Share] = {}
        self._newcomers: dict[Line, Expected] = {}
        self._freeing: dict[tuple[ContactClass, tuple[str, ...]], tuple[int, float]] = {}

    def newcomer(self, queue: str, channel: str) -> Expected:
        """Of an ordinary contact that would come this moment."""
        found = self._newcomers.get((queue, channel))
        if found is None:
            at = self._sight.at
            rank = self._book.rank(at, queue, Channel(channel), 0)
            contact = Contact("", "", "", Channel(channel), "", queue, ContactState.QUEUED, at, rank)
            found = self._newcomers[queue, channel] = self.of(contact)
        return found

    def of(self, contact: Contact) -> Expected:
        """Of one that waits."""
        book, sight, line = self._book, self._sight, (contact.queue, contact.channel.value)
        queue = book.queues.get(contact.queue)
        if queue is None:
            return Expected(1, unknown="nobody_able")
        position = 1 + sum(sight.before(one, contact.rank) for one in sight.waiting if one[0] == contact.queue)
        since = sight.closed.get(line)
        if since is not None and not (queue.drains and contact.arrived_at < since):
            hours = book.hours(*line)
            return Expected(position, unknown="closed", opens_at=next_change(hours, sight.at) if hours else 0)
        if contact.reserved_for and not contact.reserved_until:
            return Expected(position, unknown="kept_for_agent")
        kind = book.contact_class(contact)
        able = book.able(kind)
        if not able:
            return Expected(position, unknown="nobody_able")
        free, freed_per_s = self._freed(kind, contact.excluded)
        if freed_per_s <= 0:
            return Expected(position, unknown="nobody_here")
        return self._waiting(contact, kind, position, free, freed_per_s)

    def _waiting(self, contact: Contact, kind: ContactClass, position: int, free: int, freed_per_s: float) -> Expected:
        line = (contact.queue, contact.channel.value)
        before = {one: self._ahead(kind, one, contact.rank) for one in self._sight.waiting}
        ahead = sum(before.values())
        reaction_s = self._paces(line).reaction_s
        if ahead + 1 <= free:
            return Expected(position, ahead, (round(1000 * reaction_s),) * len(SHARES))
        patience = sum(many * self._paces(one).abandons_per_s for one, many in before.items()) / ahead if ahead else 0.0
        standing = max(0.0, ahead - free)
        coming = list(self._coming(kind, contact.rank))
        total = standing
        for _ in range(_ROUNDS):
            median = Wait(total, freed_per_s, patience).quantile(0.5)
            if median > _LONGEST_S:
                break
            grown = standing + sum(per_s * min(median, until_s) for per_s, until_s in coming)
            if abs(grown - total) < 0.01 * (1.0 + total):
                break
            total = grown
        wait = Wait(total, freed_per_s, patience)
        seconds = [wait.quantile(share) + reaction_s for share in SHARES]
        if seconds[-1] > _LONGEST_S:
            return Expected(position, total, unknown="too_long")
        return Expected(position, total, tuple(round(1000 * one) for one in seconds))

    def _freed(self, kind: ContactClass, excluded: tuple[str, ...]) -> tuple[int, float]:
        """How many of those able could take one now, and how many a second become free besides. Looked up once a class and sight: it
        goes over all who are here."""
        known = self._freeing.get((kind, excluded))
        if known is None:
            known = self._freeing[kind, excluded] = self._counted(kind, excluded)
        return known

    def _counted(self, kind: ContactClass, excluded: tuple[str, ...]) -> tuple[int, float]:
        able, classes, line = self._book.able(kind), self._book.agent_classes, (kind.queue, kind.channel)
        free, per_s = 0, 0.0
        for agent in self._sight.here:
            if classes.get(agent.id) not in able or agent.id in excluded:
                continue
            held = dict(self._sight.in_hand.get(agent.id, {}))
            needs_s = self._room_in(agent, line[1], held)
            free += needs_s == 0.0
            per_s += 1.0 / (needs_s or self._paces(line).busy_s) if needs_s < math.inf else 0.0
        return free, per_s

    def _room_in(self, agent: Agent, channel: str, held: dict[Line, int]) -> float:
        """How long until he has room (s), if he takes nothing meanwhile: one thing after the other ends, the quick ones first."""
        beside = self._book.rules.on_top.get(channel, {})
        held = {one: many for one, many in held.items() if beside.get(one[1]) != "interrupts"}
        passed = 0.0
        while not has_room(self._book, agent, channel, _by_channel(held)):
            if not held:
                return math.inf  # a penalty, or no phone
            passed += 1.0 / sum(many / self._paces(one).busy_s for one, many in held.items())
            quickest = min(held, key=lambda one: self._paces(one).busy_s)
            held[quickest] -= 1
            if not held[quickest]:
                del held[quickest]
        return passed

    def _ahead(self, kind: ContactClass, line: Line, rank: int) -> float:
        """How many of a line are ahead of a contact of that class and rank."""
        if line in self._sight.closed and not self._book.queues[line[0]].drains:
            return 0.0
        share = self._share(kind, line)
        return share.first * len(self._sight.waiting[line]) + share.by_rank * self._sight.before(line, rank)

    def _coming(self, kind: ContactClass, rank: int) -> Iterable[tuple[float, float]]:
        """Of every line how many come a second who will be ahead, and for how long that is so (s)."""
        for queue in self._book.queues.values():
            for channel in queue.channels or _CHANNELS:
                line = (queue.id, channel)
                share, per_s = self._share(kind, line), self._paces(line).arrivals_per_s
                if per_s <= 0 or line in self._sight.closed:
                    continue
                yield share.first * per_s, _LONGEST_S
                until = rank - self._book.rank(self._sight.at, queue.id, Channel(channel), 0)
                yield share.by_rank * per_s, max(0.0, until / 1000)

    def _share(self, kind: ContactClass, line: Line) -> _Share:
        known = self._shares.get((kind, line))
        if known is None:
            known = self._shares[kind, line] = self._shared(kind, line)
        return known

    def _shared(self, kind: ContactClass, line: Line) -> _Share:
        if line == (kind.queue, kind.channel):
            return _Share(0.0, 1.0)
        if line[0] not in self._book.queues:
            return _Share(0.0, 0.0)
        mine = self._book.able(kind)
        theirs = self._book.able(ContactClass(line[0], self._book.needs(line[0], ""), line[1], 0))
        every = sum(self._here[one] for one in theirs)
        if not every:
            return _Share(0.0, 0.0)
        both = [one for one in theirs if one in mine]
        first = sum(self._here[one] for one in both if theirs[one] < mine[one])
        by_rank = sum(self._here[one] for one in both if theirs[one] == mine[one])
        return _Share(first / every, by_rank / every)


def _by_channel(held: Mapping[Line, int]) -> dict[str, int]:
    used: dict[str, int] = {}
    for (_, channel), many in held.items():
        used[channel] = used.get(channel, 0) + many
    return used


def _remembered(paces: Callable[[Line], Paces]) -> Callable[[Line], Paces]:
    known: dict[Line, Paces] = {}

    def remembered(line: Line) -> Paces:
        found = known.get(line)
        if found is None:
            found = known[line] = paces(line)
        return found

    return remembered
