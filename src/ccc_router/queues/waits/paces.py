"""How fast it goes: what the journal's last hour says of each queue and channel, drawn to what is usual where it says little.

Sums are weighted by age (half after half an hour). A mean is ``(n₀m + Σx)/(n₀ + n)``: a queue's is drawn to its channel's, a channel's
to the number below. That is the mean of a gamma prior worth n₀ observations: the less was seen, the more the usual counts.
"""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from ccc_router.events.envelope import Entry
from ccc_router.events.vocabulary import Channel, ContactState, Direction, OfferState
from ccc_router.routing import decisions as d

Line = tuple[str, str]
"""A queue and a channel."""

_HALF_MS: Final = 1_800_000
_STILL_MS: Final = 1_000
_LIKE_TEN: Final = 10.0
_USUAL_BUSY_MS: Final = {Channel.PHONE.value: 300_000.0, Channel.EMAIL.value: 600_000.0}
_OTHER_BUSY_MS: Final = 300_000.0
_USUAL_PATIENCE_MS: Final = 180_000.0
_USUAL_REACTION_MS: Final = 5_000.0
_SHORTEST_MS: Final = 600_000.0
"""Over less than this nothing is said of how often somebody comes."""
_FORGOTTEN_MS: Final = 24 * 3_600_000


class Paces(NamedTuple):
    """Of one queue and channel: how long a contact keeps its agent busy from the offer on (s), how fast those who wait give up and
    new ones come (1/s), and how long after the offer the customer is answered (s)."""

    busy_s: float
    abandons_per_s: float
    arrivals_per_s: float
    reaction_s: float


class _Sums(msgspec.Struct):
    """Weighted by age at ``at``."""

    at: int = 0
    arrived: float = 0.0
    seen_ms: float = 0.0
    ended: float = 0.0
    busy_ms: float = 0.0
    abandoned: float = 0.0
    waited_ms: float = 0.0
    answered: float = 0.0
    reacted_ms: float = 0.0

    def aged(self, at: int) -> "_Sums":
        """Itself as it is at ``at``, to a second: nothing ages in less."""
        passed = max(0, at - self.at) if self.at else 0
        if self.at and passed < _STILL_MS:
            return self
        weight = 0.5 ** (passed / _HALF_MS)
        self.seen_ms = self.seen_ms * weight + (1.0 - weight) * _HALF_MS / math.log(2.0)
        for name in ("arrived", "ended", "busy_ms", "abandoned", "waited_ms", "answered", "reacted_ms"):
            setattr(self, name, getattr(self, name) * weight)
        self.at = max(at, self.at)
        return self


class _Life(msgspec.Struct):
    """A contact that is not over: since when it waits and keeps an agent busy (0: it does not)."""

    line: Line
    heard_at: int
    waits_since: int = 0
    offered_at: int = 0
    busy_since: int = 0


class Journalled:
    """Takes the journal's entries in order; what began before the first of them is not counted."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._begun = 0
        self._lives: dict[str, _Life] = {}
        self._offers: dict[str, str] = {}
        self._lines: dict[Line, _Sums] = {}
        self._joined: dict[str, None] = {}
        # ``Any`` because each method takes its own decision. Other decisions tell nothing of waits.
        self._takers: dict[str, tuple[type[d.Decision], Callable[[int, Any], None]]] = {
            "ContactOpened": (d.ContactOpened, self._opened),
            "ContactQueued": (d.ContactQueued, self._queued),
            "ContactOverflowed": (d.ContactOverflowed, self._overflowed),
            "OfferMade": (d.OfferMade, self._offer_made),
            "OfferEnded": (d.OfferEnded, self._offer_ended),
            "AssignmentEnded": (d.AssignmentEnded, self._let_go),
            "ContactWaiting": (d.ContactWaiting, self._let_go),
            "ContactEnded": (d.ContactEnded, self._ended),
            "ContactHandedOver": (d.ContactHandedOver, self._gone),
        }

    def take(self, entry: Entry) -> None:
        """One entry. Raises msgspec.ValidationError for one that is not as this version writes it."""
        self._begun = self._begun or entry.at
        known = self._takers.get(entry.kind) if entry.form == "decision" else None
        if known is not None:
            kind, taker = known
            taker(entry.at, msgspec.json.decode(entry.body, type=kind))

    def joined(self) -> list[str]:
        """The inbound contacts that came to wait since the last call, and were not offered to anybody yet."""
        joined, self._joined = self._joined, {}
        return list(joined)

    def paces(self, at: int, line: Line) -> Paces:
        """As it goes at ``at`` (engine ms)."""
        sums = self._lines.get(line, _Sums()).aged(at)
        alike = [one.aged(at) for (_, channel), one in self._lines.items() if channel == line[1]]
        usual = _USUAL_BUSY_MS.get(line[1], _OTHER_BUSY_MS)
        busy = _mean(usual, sum(one.busy_ms for one in alike), sum(one.ended for one in alike))
        reaction = _mean(_USUAL_REACTION_MS, sum(one.reacted_ms for one in alike), sum(one.answered for one in alike))
        return Paces(
            busy_s=_mean(busy, sums.busy_ms, sums.ended) / 1000,
            abandons_per_s=_giving_up(line[1], sums) * 1000,
            arrivals_per_s=1000 * sums.arrived / max(sums.seen_ms, _SHORTEST_MS),
            reaction_s=reaction / 1000,
        )

    def lines(self) -> list[Line]:
        """Every queue and channel something was told of."""
        return list(self._lines)

    def leap(self) -> None:
        """Entries are left out: what is under way is given up, what was counted stays."""
        self._lives, self._offers, self._joined = {}, {}, {}

    def forget(self, at: int) -> None:
        """Give up those nothing was heard of for a day."""
        since = at - _FORGOTTEN_MS
        self._lives = {name: life for name, life in self._lives.items() if life.heard_at >= since}
        self._offers = {offer: name for offer, name in self._offers.items() if name in self._lives}

    def _of(self, at: int, line: Line) -> _Sums:
        return self._lines.setdefault(line, _Sums(self._begun)).aged(at)

    # what entries tell

    def _opened(self, at: int, opened: d.ContactOpened) -> None:
        line = (opened.queue, opened.channel.value)
        self._lives[opened.contact_id] = _Life(line, at)
        if opened.direction is Direction.INBOUND:
            self._of(at, line).arrived += 1
            if opened.channel is not Channel.INTERNAL:
                self._joined[opened.contact_id] = None

    def _queued(self, at: int, queued: d.ContactQueued) -> None:
        life = self._lives.get(queued.contact_id)
        if life is not None:
            self._stop_waiting(at, life)
            life.line = (queued.queue, life.line[1])
            life.waits_since = life.heard_at = at

    def _overflowed(self, at: int, moved: d.ContactOverflowed) -> None:
        life = self._lives.get(moved.contact_id)
        if life is not None:
            self._stop_waiting(at, life)
            life.line, life.waits_since = (moved.queue, life.line[1]), at
            self._of(at, life.line).arrived += 1

    def _offer_made(self, at: int, made: d.OfferMade) -> None:
        self._joined.pop(made.contact_id, None)
        life = self._lives.get(made.contact_id)
        if life is not None:
            life.offered_at = life.heard_at = at
            self._offers[made.offer_id] = made.contact_id

    def _offer_ended(self, at: int, ended: d.OfferEnded) -> None:
        life = self._lives.get(self._offers.pop(ended.offer_id, ""))
        if life is not None and ended.state is OfferState.ACCEPTED:
            self._stop_waiting(at, life)
            sums = self._of(at, life.line)
            sums.answered += 1
            sums.reacted_ms += at - life.offered_at
            life.busy_since = life.offered_at

    def _let_go(self, at: int, told: d.AssignmentEnded | d.ContactWaiting) -> None:
        life = self._lives.get(told.contact_id)
        if life is not None and life.busy_since:
            sums = self._of(at, life.line)
            sums.ended += 1
            sums.busy_ms += at - life.busy_since
            life.busy_since = 0

    def _ended(self, at: int, ended: d.ContactEnded) -> None:
        self._joined.pop(ended.contact_id, None)
        life = self._lives.pop(ended.contact_id, None)
        if life is not None:
            if ended.state is ContactState.ABANDONED and life.waits_since:
                self._of(at, life.line).abandoned += 1
            self._stop_waiting(at, life)

    def _gone(self, at: int, handed: d.ContactHandedOver) -> None:
        self._joined.pop(handed.contact_id, None)
        life = self._lives.pop(handed.contact_id, None)
        if life is not None:
            self._stop_waiting(at, life)

    def _stop_waiting(self, at: int, life: _Life) -> None:
        if life.waits_since:
            self._of(at, life.line).waited_ms += at - life.waits_since
            life.waits_since = 0


def _mean(usual: float, total: float, count: float) -> float:
    return (_LIKE_TEN * usual + total) / (_LIKE_TEN + count)


def _giving_up(channel: str, sums: _Sums) -> float:
    """A ms; who gave up over all that was waited: the maximum likelihood of an exponential patience of which most is never seen.
    Who writes does not give up, so for messages nothing is taken for usual."""
    if channel == Channel.PHONE.value:
        return (_LIKE_TEN + sums.abandoned) / (_LIKE_TEN * _USUAL_PATIENCE_MS + sums.waited_ms)
    return sums.abandoned / sums.waited_ms if sums.waited_ms else 0.0
