"""A workload from the journal: who came and how he was handled, and who was there, as entries tell it.

What the journal cannot know is drawn from what it does know. How long a caller who was answered would have waited: longer than he did, by
an exponential time whose mean is all callers' waiting over the number who gave up (the maximum likelihood of a censored exponential). How
long somebody who was never answered would have talked: as long as another one of his channel did. Whoever calls again is in the
journal himself, so nobody redials.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

import msgspec

from ...events.envelope import Entry
from ...events.vocabulary import Channel, ContactState, Direction, OfferReason, OfferState, Presence
from ...routing import decisions as d
from .observed import Observed
from .workload import MISSED, Arrival, Shift, Stayed, Transfer, Window, Workload, workload_of

_REACTION_MS: Final = 3000
_HANDLING_MS: Final = 300_000


class _Life(msgspec.Struct):
    """What the entries told of a contact so far; ``since`` is when what it does now began, 0 while nobody handles it."""

    opened: d.ContactOpened
    arrived_at: int
    waited_until: int = 0
    since: int = 0
    wrapping: bool = False
    handled_ms: int = 0
    wrapped_ms: int = 0
    answered: bool = False
    abandoned: bool = False
    reactions: list[int] = []
    queues: tuple[str, ...] = ()
    first_ms: int = 0
    handing_on: bool = False
    transfers: tuple[Transfer, ...] = ()

    def rest(self, at: int) -> None:
        """What it did until now is over."""
        if self.since and self.wrapping:
            self.wrapped_ms += at - self.since
        elif self.since:
            self.handled_ms += at - self.since
        self.since = 0

    def stayed(self, now: int) -> Stayed:
        """What was seen of it, the last time at ``now``."""
        busy = self.first_ms or self.handled_ms + self.wrapped_ms + (now - self.since if self.since else 0)
        waited = (self.waited_until or now) - self.arrived_at
        channel, queues = self.opened.channel, self.queues or (self.opened.queue,)
        return Stayed(self.arrived_at, channel, queues, waited, self.answered, self.abandoned, busy)


class Recorder:
    """Takes a journal's entries in order, from its beginning or at least from when the first agent of the window came in."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._lives: dict[str, _Life] = {}
        self._offers: dict[str, tuple[str, int]] = {}
        self._there: dict[str, int] = {}
        self._shifts: list[Shift] = []
        self._now = 0
        self._observed = observed = Observed()
        self._back: dict[str, _Life] = {}
        # ``Any`` because each method takes its own decision. Other decisions tell nothing of customers or agents.
        self._takers: dict[str, tuple[type[d.Decision], Callable[[int, Any], None]]] = {
            "ContactOpened": (d.ContactOpened, self._opened),
            "ContactQueued": (d.ContactQueued, self._queued),
            "ContactOverflowed": (d.ContactOverflowed, self._queued),
            "OfferMade": (d.OfferMade, self._offer_made),
            "OfferEnded": (d.OfferEnded, self._offer_ended),
            "ContactActive": (d.ContactActive, self._active),
            "WrapUpStarted": (d.WrapUpStarted, self._wrap_up),
            "AssignmentEnded": (d.AssignmentEnded, self._let_go),
            "ContactWaiting": (d.ContactWaiting, self._let_go),
            "ContactEnded": (d.ContactEnded, self._ended),
            "ContactHandedOver": (d.ContactHandedOver, self._handed_over),
            "PresenceChanged": (d.PresenceChanged, self._presence),
            "EscalationSet": (d.EscalationSet, observed.escalated),
            "CallbackSet": (d.CallbackSet, observed.callback_set),
            "CallbackDialled": (d.CallbackDialled, observed.dialled),
            "CallbackReached": (d.CallbackReached, self._reached),
        }

    def take(self, entry: Entry) -> None:
        """One entry. Raises msgspec.ValidationError for one that is not as this version writes it."""
        self._now = entry.at
        known = self._takers.get(entry.kind) if entry.form == "decision" else None
        if known is not None:
            kind, taker = known
            taker(entry.at, msgspec.json.decode(entry.body, type=kind))

    def workload(self, from_ms: int, until_ms: int, seed: int = 1, back_after_ms: int = 120_000) -> Workload:
        """Who came in the window, and who worked in it."""
        lives = {name: life for name, life in self._lives.items() if from_ms <= life.arrived_at < until_ms}
        calls = {name: life for name, life in lives.items() if life.opened.channel is Channel.PHONE}
        gave_up = sum(life.abandoned for life in calls.values())
        on_line = {name: self._on_line_until(name, life) - life.arrived_at for name, life in calls.items()}
        patience = sum(on_line.values()) / gave_up if gave_up else 0.0
        wishing = self._observed.wishing_ms(on_line)
        busy = {name: life.handled_ms + life.wrapped_ms for name, life in self._back.items() if life.answered}
        like: dict[Channel, list[str]] = {}
        for name, life in lives.items():
            if life.answered and not life.handing_on:
                like.setdefault(life.opened.channel, []).append(name)
        arrivals = []
        for name, life in lives.items():
            found = self._arrival(name, patience, like.get(life.opened.channel, []), Random(f"{seed}:{name}"), busy)
            if life.opened.channel is Channel.PHONE:
                dice = Random(f"{seed}:{name}:callback")
                callback = self._observed.callback(name, on_line[name], wishing, dice)
                found = msgspec.structs.replace(found, callback=callback)
            arrivals.append(found)
        still = [Shift(agent, since, until_ms) for agent, since in self._there.items() if since < until_ms]
        window = Window(from_ms, until_ms, from_ms, back_after_ms=back_after_ms)
        return workload_of(window, arrivals, [*self._shifts, *still])

    def stays(self, from_ms: int, until_ms: int) -> list[Stayed]:
        """What was seen of those who came between two moments, in their order."""
        return [life.stayed(self._now) for life in self._lives.values() if from_ms <= life.arrived_at < until_ms]

    def _on_line_until(self, contact_id: str, life: _Life) -> int:
        return self._observed.left_line_at(contact_id) or life.waited_until or self._now

    def _arrival(self, name: str, patience: float, like: list[str], dice: Random, busy: Mapping[str, int]) -> Arrival:
        """``like`` are those of its channel who were handled to the end: one who was not, or not to the end, goes on as one of them."""
        life, handled = self._lives[name], name
        opened, transfers = life.opened, life.transfers
        handling, wrap_up = life.handled_ms, life.wrapped_ms
        if not life.answered or life.handing_on:
            handled = dice.choice(like) if like else ""
            other = self._lives.get(handled)
            handling, wrap_up = (other.handled_ms, other.wrapped_ms) if other is not None else (_HANDLING_MS, 0)
            transfers = transfers or (other.transfers if other is not None else ())
        waits = 0
        if opened.channel is Channel.PHONE and patience:
            waits = self._on_line_until(name, life) - life.arrived_at
            if not life.abandoned:
                waits += int(dice.expovariate(1 / patience))
            waits = max(1, waits)
        return Arrival(
            at_ms=life.arrived_at,
            channel=opened.channel,
            handling_ms=handling,
            queue=opened.queue,
            topic=opened.topic,
            language=opened.language,
            priority=opened.priority,
            patience_ms=waits,
            wrap_up_ms=wrap_up,
            reactions_ms=(*life.reactions, next((one for one in life.reactions if one != MISSED), _REACTION_MS)),
            transfers=transfers,
            escalation=self._observed.escalation(handled, self._now, busy, Random(f"{name}:escalation")),
        )

    # what entries tell

    def _opened(self, at: int, opened: d.ContactOpened) -> None:
        if opened.channel is Channel.INTERNAL:
            self._back[opened.contact_id] = _Life(opened, at)
            self._observed.opened(at, opened)
        elif opened.direction is Direction.INBOUND:
            self._lives[opened.contact_id] = _Life(opened, at)

    def _life(self, contact_id: str) -> _Life | None:
        return self._lives.get(contact_id) or self._back.get(contact_id)

    def _reached(self, at: int, reached: d.CallbackReached) -> None:
        self._observed.reached(at, reached)
        life = self._lives.get(reached.contact_id)
        if life is not None:
            self._handled(at, life)

    def _queued(self, _at: int, queued: d.ContactQueued | d.ContactOverflowed) -> None:
        life = self._lives.get(queued.contact_id)
        if life is None:
            return
        if life.queues[-1:] != (queued.queue,):
            life.queues += (queued.queue,)
        if life.handing_on and isinstance(queued, d.ContactQueued) and queued.reason is OfferReason.TRANSFER:
            life.transfers += (Transfer(queued.queue, life.handled_ms),)
            life.handled_ms = life.wrapped_ms = 0

    def _offer_made(self, at: int, made: d.OfferMade) -> None:
        self._offers[made.offer_id] = (made.contact_id, at)

    def _offer_ended(self, at: int, ended: d.OfferEnded) -> None:
        contact_id, made_at = self._offers.pop(ended.offer_id, ("", 0))
        life = self._life(contact_id)
        if life is None:
            return
        if ended.state is OfferState.ACCEPTED:
            life.reactions.append(at - made_at)
            if not ended.connect_by:
                self._handled(at, life)
        elif ended.state is OfferState.EXPIRED:
            life.reactions.append(MISSED)

    def _active(self, at: int, active: d.ContactActive) -> None:
        life = self._life(active.contact_id)
        if self._observed.being_called(active.contact_id):
            return
        if life is not None and (not life.since or life.wrapping):
            life.rest(at)
            self._handled(at, life)

    def _handled(self, at: int, life: _Life) -> None:
        life.waited_until = life.waited_until or at
        life.answered, life.since, life.wrapping, life.handing_on = True, at, False, False

    def _wrap_up(self, at: int, started: d.WrapUpStarted) -> None:
        life = self._life(started.contact_id)
        if life is not None and not life.wrapping:
            life.rest(at)
            life.since, life.wrapping = at, True

    def _let_go(self, at: int, told: d.AssignmentEnded | d.ContactWaiting) -> None:
        life = self._life(told.contact_id)
        if life is not None:
            life.handing_on = isinstance(told, d.AssignmentEnded) and told.reason == "transferred"
            life.rest(at)
            life.wrapping = False
            life.first_ms = life.first_ms or life.handled_ms + life.wrapped_ms

    def _ended(self, at: int, ended: d.ContactEnded) -> None:
        life = self._life(ended.contact_id)
        if life is None:
            return
        self._observed.unreached(at, ended)
        if ended.state in (ContactState.DEFLECTED, ContactState.MERGED):
            self._lives.pop(ended.contact_id, None)  # nobody was to handle it
            return
        life.rest(at)
        life.waited_until = life.waited_until or at
        life.abandoned = ended.state is ContactState.ABANDONED

    def _handed_over(self, _at: int, handed: d.ContactHandedOver) -> None:
        self._lives.pop(handed.contact_id, None)  # nobody here was to handle it in the end

    def _presence(self, at: int, changed: d.PresenceChanged) -> None:
        """Missed offers set an agent not ready, but he was there: the simulation misses its own."""
        if changed.presence in (Presence.READY, Presence.ON_DEMAND):
            self._there.setdefault(changed.agent_id, at)
        elif changed.reason != "rona":
            since = self._there.pop(changed.agent_id, at)
            if since < at:
                self._shifts.append(Shift(changed.agent_id, since, at))
