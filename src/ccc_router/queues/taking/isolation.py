"""Finding the input that spoils a batch: it is tried in parts until it stands alone, then it is put aside and the rest goes on.

An input is condemned when its own step raised, or when a batch of it alone was refused by a constraint or could not be turned into
rows. Connection errors condemn nobody, and neither do wrong statements: those are no input's fault.
"""

from collections.abc import Sequence
from typing import Final

from ccc_router.events.facts import TimerFired
from ccc_router.routing import State
from ccc_router.routing.standing.timers import Timer
from ccc_router.storage.failures import Failure, classify

_OF_AN_INPUT: Final = frozenset({Failure.CONSTRAINT, Failure.DATA, None})
"""None: not the database's error at all, so a fault in turning what was decided into rows."""


class StepFailed(Exception):  # never leaves the engine
    """The step of one input raised; its cause says what. ``culprit`` is the inbox id, or the timer."""

    def __init__(self, culprit: int | TimerFired) -> None:
        super().__init__(str(culprit))
        self.culprit = culprit


class Isolation:
    """What is left of a failed batch, in parts, and who is condemned."""

    def __init__(self) -> None:
        self._parts: list[list[int]] = []
        self._taken: list[int] = []
        self._timers: list[TimerFired] = []
        self._timer_alone = False
        self._condemned: dict[int | TimerFired, BaseException] = {}
        self._aside: dict[TimerFired, None] = {}

    @property
    def only(self) -> Sequence[int] | None:
        """The inputs the next turn may take; None: the oldest; empty: none, only a timer."""
        if self._parts:
            return self._parts[-1]
        return () if self._timer_alone else None

    def taken(self, ids: list[int]) -> None:
        """A turn begins with these inputs; which timers it fires is not known yet."""
        self._taken, self._timers = ids, []

    def timers_allowed(self, limit: int) -> int:
        """How many timers the turn may fire: none while parts of a batch are tried, then one at a time."""
        if self._parts:
            return 0
        return 1 if self._timer_alone else limit

    def tried(self, timer: TimerFired) -> None:
        """The turn fires this timer."""
        self._timers.append(timer)

    def condemned(self, culprit: int | TimerFired) -> BaseException | None:
        """Why this one is not tried again."""
        return self._condemned.get(culprit) if self._condemned else None

    def put_aside(self, state: State, timer: TimerFired) -> None:
        """A condemned timer no longer fires."""
        self._aside[timer] = None
        state.timers.set(_timer(timer), timer.ref, 0)

    def silence(self, state: State) -> None:
        """The same for a state that was loaded anew."""
        for timer in self._aside:
            if state.timers.due_of(_timer(timer), timer.ref) == timer.due:
                state.timers.set(_timer(timer), timer.ref, 0)

    def finished(self) -> bool:
        """The turn was committed (or there was nothing to do). True if it was one of the parts: there may be more to do."""
        apart = self.only is not None
        if self._parts:
            for one in self._parts.pop():
                self._condemned.pop(one, None)
        elif self._timer_alone and not self._timers:
            self._timer_alone = False
            self._condemned.clear()
        return apart

    def split(self, error: Exception) -> bool:
        """The turn failed: plan the next ones. False when the error is not an input's."""
        if isinstance(error, StepFailed):
            self._condemn(error.culprit, error.__cause__ or error)
            return True
        if classify(error) not in _OF_AN_INPUT:
            return False
        ids = self._taken
        if self._parts:
            self._parts.pop()
        if len(ids) > 1:
            half = len(ids) // 2
            self._parts += [ids[half:], ids[:half]]
            self._timer_alone = self._timer_alone or bool(self._timers)
        elif ids and not self._timers:
            if ids[0] in self._condemned:
                return False  # even putting it aside is refused: that is no input's fault
            self._condemned[ids[0]] = error
            self._parts.append(ids)
        elif ids:
            self._parts.append(ids)
            self._timer_alone = True
        elif self._timer_alone and len(self._timers) == 1:
            self._condemned[self._timers[0]] = error
        elif self._timers:
            self._timer_alone = True
        else:
            return False
        return True

    def _condemn(self, culprit: int | TimerFired, cause: BaseException) -> None:
        self._condemned[culprit] = cause
        if isinstance(culprit, TimerFired):
            return
        if self._parts:
            return  # the same part again, now without him
        self._parts.append(self._taken)
        self._timer_alone = self._timer_alone or bool(self._timers)


def _timer(fired: TimerFired) -> Timer:
    kinds: dict[str, Timer] = {name: name for name in ("contact", "offer", "agent", "case", "escalation", "queue")}
    return kinds[fired.timer]
