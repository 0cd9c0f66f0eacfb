"""The board: every sighting of a switch's channels, and the facts that follow from them together. Pure.

The facts are a function of the set of sightings, and more sightings only add facts: so order and repetition do not matter
(I3), and a board built anew from the stored sightings says the same. A leg's sightings are facts only once it is known
whose leg it is and which call it belongs to, and that a customer called; until then they wait here.
"""

import re
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ccc_router.channels.channel import Keyed
from ccc_router.channels.phone.ari.seen import Seen, Word
from ccc_router.channels.phone.wording import call_event, caller
from ccc_router.events.facts import CallEvent
from ccc_router.events.vocabulary import CallEventName, LegRole
from ccc_router.routing.policy import Endpoint

KEPT_MS: Final = 6 * 3_600_000
"""A channel nobody spoke of for so long (the switch's clock) leaves the board."""
_PRUNE_EVERY: Final = 2_000
_OFFER: Final = re.compile(r"of_[0-9a-z]{26}")
"""Who originates an agent's channel may name it by the offer: then the offer is known even if nobody answers."""

_FOR_CUSTOMER: Final[dict[Word, tuple[CallEventName, ...]]] = {
    Word.CALLS: (CallEventName.OFFERED,),
    Word.WAITS: (CallEventName.QUEUED, CallEventName.HELD),
    Word.TALKS: (CallEventName.RETRIEVED,),
    Word.HELD: (CallEventName.HELD,),
    Word.RETRIEVED: (CallEventName.RETRIEVED,),
    Word.LEFT: (CallEventName.CONNECTION_CLEARED,),
    Word.DESTROYED: (CallEventName.CONNECTION_CLEARED,),
}
_FOR_AGENT: Final[dict[Word, tuple[CallEventName, ...]]] = {
    Word.RINGING: (CallEventName.DELIVERED,),
    Word.JOINS: (CallEventName.ESTABLISHED,),
    Word.REPLACES: (CallEventName.ESTABLISHED,),
    Word.ANSWERED: (CallEventName.ESTABLISHED,),
    Word.REFUSED: (CallEventName.FAILED,),
    Word.HELD: (CallEventName.HELD,),
    Word.RETRIEVED: (CallEventName.RETRIEVED,),
    Word.TRANSFERS: (CallEventName.TRANSFERRED,),
    Word.LEFT: (CallEventName.CONNECTION_CLEARED,),
    Word.DESTROYED: (CallEventName.CONNECTION_CLEARED,),
}


class Place(NamedTuple):
    """Whose leg a channel is: the call (the customer's channel id), the role, and the offer it was made for."""

    call_id: str
    role: LegRole
    offer_id: str = ""


class Board:
    """What was seen of one endpoint's channels."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._legs: dict[str, list[Seen]] = {}
        self._beside: dict[str, set[str]] = defaultdict(set)  # channel -> channels it shared a mixing bridge with
        self._linked: dict[str, set[str]] = defaultdict(set)  # channel -> channels whose place may depend on it
        self._callers: dict[str, set[str]] = defaultdict(set)  # number -> customers' channels
        self._shown: dict[str, set[str]] = defaultdict(set)  # number -> channels that were shown it
        self._since_prune = 0

    def add(self, seen: Seen) -> bool:
        """Put a sighting on the board; False when it is there already."""
        if seen.key in self._keys:
            return False
        self._keys.add(seen.key)
        insort(self._legs.setdefault(seen.leg, []), seen, key=lambda one: (one.at, one.key))
        self._index(seen)
        self._since_prune += 1
        if self._since_prune >= _PRUNE_EVERY:
            self._prune(seen.at - KEPT_MS)
        return True

    def facts(self, endpoint: Endpoint, legs: Iterable[str]) -> list[Keyed]:
        """The facts of the calls that these channels have to do with, in the order of the switch's clock, the arrival first."""
        told = [
            (fact.at, fact.event is not CallEventName.OFFERED, keyed.key, keyed)
            for leg in self._around(legs)
            for keyed, fact in self._facts_of(endpoint, leg)
        ]
        return [keyed for *_, keyed in sorted(told, key=lambda one: one[:3])]

    def _index(self, seen: Seen) -> None:
        if seen.word is Word.CALLS and seen.number:
            self._callers[seen.number].add(seen.leg)
        elif seen.word is Word.SHOWN:
            self._shown[seen.number].add(seen.leg)
        elif seen.word is Word.TALKS:
            for member in seen.members:
                if member != seen.leg:
                    self._beside[seen.leg].add(member)
                    self._beside[member].add(seen.leg)
        if seen.other and seen.word in (Word.JOINS, Word.REPLACES, Word.DIALLED_BY):
            self._linked[seen.other].add(seen.leg)
            self._linked[seen.leg].add(seen.other)

    def _around(self, legs: Iterable[str]) -> set[str]:
        """The channels whose facts a word about these may have changed: whatever is linked with them, at any distance."""
        found: set[str] = set()
        open_ends = list(legs)
        while open_ends:
            leg = open_ends.pop()
            if leg not in found:
                found.add(leg)
                open_ends += self._linked.get(leg, ())
                open_ends += self._beside.get(leg, ())
                open_ends += self._of_same_number(leg)
        return found

    def _of_same_number(self, leg: str) -> Iterator[str]:
        for seen in self._legs.get(leg, ()):
            if seen.word is Word.CALLS:
                yield from self._shown.get(seen.number, ())
            elif seen.word is Word.SHOWN:
                yield from self._callers.get(seen.number, ())

    def _place(self, leg: str, passed: frozenset[str] = frozenset()) -> Place | None:
        """Whose leg it is; None while nobody knows. What names the call outright goes before what only suggests it."""
        if leg in passed:
            return None
        passed |= {leg}
        said = {seen.word: seen for seen in reversed(self._legs.get(leg, ()))}
        if Word.CALLS in said:
            return Place(leg, LegRole.CUSTOMER)
        offer_id = said[Word.JOINS].offer_id if Word.JOINS in said else leg if _OFFER.fullmatch(leg) else ""
        for word in (Word.JOINS, Word.REPLACES, Word.DIALLED_BY):
            if word in said and said[word].other:
                place = self._place(said[word].other, passed)
                if place is None or word is Word.REPLACES:
                    return place
                return Place(place.call_id, LegRole.AGENT, offer_id)
        call_id = self._suggested(leg, said)
        return Place(call_id, LegRole.AGENT, offer_id) if call_id else None

    def _suggested(self, leg: str, said: dict[Word, Seen]) -> str:
        """The customer in the same bridge, else the one whose number was shown; of several the last who called before that."""
        if Word.JOINS in said:
            for beside in sorted(self._beside.get(leg, ())):
                if self._called_at(beside):
                    return beside
        if Word.SHOWN in said:
            shown = said[Word.SHOWN]
            callers = [(self._called_at(one), one) for one in self._callers.get(shown.number, ())]
            earlier = [(at, one) for at, one in callers if at <= shown.at]
            return max(earlier)[1] if earlier else ""
        return ""

    def _called_at(self, leg: str) -> int:
        return min((seen.at for seen in self._legs.get(leg, ()) if seen.word is Word.CALLS), default=0)

    def _facts_of(self, endpoint: Endpoint, leg: str) -> Iterator[tuple[Keyed, CallEvent]]:
        place = self._place(leg)
        if place is None or leg not in self._legs:
            return
        words = _FOR_CUSTOMER if place.role is LegRole.CUSTOMER else _FOR_AGENT
        shows_all = endpoint.options.get("subscribe_all", "no").lower() in ("yes", "true", "1")
        for seen in self._legs[leg]:
            if seen.word is Word.LEFT and shows_all:
                continue  # it left the application, not the switch; its end will be seen
            for name in words.get(seen.word, ()):
                fact = fact_of(endpoint, seen, place, name)
                yield Keyed(f"ari:{seen.key}:{name}", fact), fact

    def _prune(self, before: int) -> None:
        """Forget channels nobody spoke of since ``before``; their late repetitions are known to the inbox."""
        self._since_prune = 0
        for leg, said in list(self._legs.items()):
            if max(seen.at for seen in said) < before:
                del self._legs[leg]
                self._keys.difference_update(seen.key for seen in said)
                self._linked.pop(leg, None)
                self._beside.pop(leg, None)
                for seen in said:
                    self._callers.get(seen.number, set()).discard(leg)
                    self._shown.get(seen.number, set()).discard(leg)


def fact_of(endpoint: Endpoint, seen: Seen, place: Place, name: CallEventName) -> CallEvent:
    """The fact a sighting is once its place is known."""
    failed = seen.word is Word.DESTROYED and place.role is not LegRole.CUSTOMER and not seen.up
    customer = seen.word is Word.CALLS
    return call_event(
        endpoint, place.call_id, seen.leg, CallEventName.FAILED if failed else name,
        at=seen.at, role=place.role, cause=seen.cause, offer_id=place.offer_id,
        private=caller(seen.number, seen.called, seen.name) if customer else None,
        agent=seen.address if place.role is LegRole.AGENT else "",
        transferred_to=seen.other if seen.word is Word.TRANSFERS else "",
    )  # fmt: skip
