"""What the journal tells of contacts beyond their first answer: cases that went to departments, callers who were called back.

What it cannot know is drawn, as `recorder` does it: how long a case that is still there will be there, and when somebody who was answered
would have chosen a callback, are longer than what was seen by exponential times of maximum likelihood.
"""

from collections.abc import Mapping
from random import Random

import msgspec

from ...events.vocabulary import Channel
from ...routing import decisions as d
from .workload import CallingBack, Escalating


class _Sent(msgspec.Struct):
    """A case that went to a department: when (ms), and when it was acknowledged and came back (0: not yet)."""

    department: str
    raised_at: int
    acknowledged_at: int = 0
    back_at: int = 0
    returned: bool = False
    handled_by: list[str] = []


class _Promise(msgspec.Struct):
    """A callback: when it was promised (ms) and by whom, the calls in vain, how long the first rang."""

    at: int
    by: str
    missed: int = 0
    dialled_at: int = 0
    ring_ms: int = 0
    reached: bool = False


class Observed:
    """Takes what entries tell, in order. ``busy`` is how long agents had what came back to a case, by contact (ms)."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._sent: dict[str, _Sent] = {}
        self._of_contact: dict[str, str] = {}
        self._promises: dict[str, _Promise] = {}

    # what entries tell

    def escalated(self, at: int, told: d.EscalationSet) -> None:
        """An escalation was raised, acknowledged, answered or returned; the first time of each counts."""
        row = told.escalation
        if told.what == "raised":
            self._sent[row.id] = _Sent(row.department, at)
            self._of_contact.setdefault(row.contact_id, row.id)
        sent = self._sent.get(row.id)
        if sent is None or sent.back_at:
            return
        if row.acknowledged_at:
            sent.acknowledged_at = sent.acknowledged_at or row.acknowledged_at
        if told.what in ("answered", "returned"):
            sent.back_at, sent.returned = at, told.what == "returned"

    def opened(self, _at: int, told: d.ContactOpened) -> None:
        """Something came back to a case: an agent has to look at it."""
        sent = self._sent.get(told.escalation_id)
        if sent is not None and told.channel is Channel.INTERNAL:
            sent.handled_by = [*sent.handled_by, told.contact_id]

    def callback_set(self, at: int, told: d.CallbackSet) -> None:
        """A callback was promised, or was in vain once more."""
        if told.what == "promised":
            self._promises.setdefault(told.contact_id, _Promise(at, told.callback.by))
        promise = self._promises.get(told.contact_id)
        if promise is not None and told.what == "unreached":
            self._rang(at, promise)
            promise.missed += 1

    def dialled(self, at: int, told: d.CallbackDialled) -> None:
        """The customer is being called."""
        promise = self._promises.get(told.contact_id)
        if promise is not None:
            promise.dialled_at = promise.dialled_at or at

    def reached(self, at: int, told: d.CallbackReached) -> None:
        """The customer took the call."""
        promise = self._promises.get(told.contact_id)
        if promise is not None:
            self._rang(at, promise)
            promise.reached = True

    def unreached(self, at: int, told: d.ContactEnded) -> None:
        """The last call was in vain as well, if it ended for that."""
        promise = self._promises.get(told.contact_id)
        if promise is not None and told.by.startswith("unreached"):
            self._rang(at, promise)
            promise.missed += 1

    @staticmethod
    def _rang(at: int, promise: _Promise) -> None:
        if promise.dialled_at and not promise.ring_ms:
            promise.ring_ms = max(1, at - promise.dialled_at)

    # what follows from it

    def being_called(self, contact_id: str) -> bool:
        """Whether a callback is promised and its customer not reached yet: no agent talks with him."""
        promise = self._promises.get(contact_id)
        return promise is not None and not promise.reached

    def left_line_at(self, contact_id: str) -> int:
        """When a caller gave up his line for a callback (ms); 0: he did not."""
        promise = self._promises.get(contact_id)
        return promise.at if promise is not None else 0

    def solving_ms(self, now: int) -> float:
        """The mean time until a department sends a case back; 0: none did."""
        over = sum(1 for one in self._sent.values() if one.back_at)
        spent = sum((one.back_at or now) - one.raised_at for one in self._sent.values())
        return spent / over if over else 0.0

    def escalation(self, contact_id: str, now: int, busy: Mapping[str, int], dice: Random) -> Escalating | None:
        """What became of the contact's case with a department; None: it went to none."""
        sent = self._sent.get(self._of_contact.get(contact_id, ""))
        if sent is None:
            return None
        mean = self.solving_ms(now)
        solved_ms = sent.back_at - sent.raised_at
        if not sent.back_at:
            solved_ms = now - sent.raised_at + int(dice.expovariate(1 / mean)) if mean else 0
        spent = [busy[one] for one in sent.handled_by if one in busy] or list(busy.values())
        made = Escalating(
            sent.department,
            acknowledged_ms=max(0, sent.acknowledged_at - sent.raised_at),
            solved_ms=max(solved_ms, 1) if sent.back_at or mean else 0,
            returned=sent.returned,
        )
        return msgspec.structs.replace(made, handling_ms=sum(spent) // len(spent)) if spent else made

    def callback(self, contact_id: str, waited_ms: int, mean_ms: float, dice: Random) -> CallingBack:
        """When a caller who waited ``waited_ms`` chose a callback or would have (``mean_ms``: see `wishing_ms`), and whether he is reached."""
        promise = self._promises.get(contact_id)
        others = list(self._promises.values())
        like = promise or (dice.choice(others) if others else None)
        wish_ms = max(1, waited_ms) if promise is not None and promise.by == "customer" else 0
        if not wish_ms and mean_ms:
            wish_ms = max(1, waited_ms + int(dice.expovariate(1 / mean_ms)))
        if like is None:
            return CallingBack(wish_ms)
        return CallingBack(wish_ms, like.missed, like.ring_ms or CallingBack().ring_ms)

    def wishing_ms(self, waited: Mapping[str, int]) -> float:
        """The mean time until a caller chooses a callback, from how long each was on the line (ms); 0: none did."""
        chose = sum(1 for one in waited if one in self._promises and self._promises[one].by == "customer")
        return sum(waited.values()) / chose if chose else 0.0
