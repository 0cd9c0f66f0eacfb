"""Agents' days in the virtual world: they come, have their breaks, and go."""

from collections.abc import Callable
from typing import Protocol

from ...events.commands import SetPresence
from ...events.vocabulary import Presence, Role
from ...routing.step import Step
from ..workloads.workload import Shift, Window


class Living(Protocol):
    """The world they are in."""

    def later(self, at: int, act: Callable[[int, str], None], ref: str) -> None:
        """Somebody will do this then."""

    def give(self, at: int, body: SetPresence) -> Step:
        """One input to the core."""


class Days:
    """``present`` is what each last said of himself."""

    def __init__(self, world: Living, window: Window) -> None:
        """Nobody is there."""
        self.present: dict[str, Presence] = {}
        self._world = world
        self._window = window

    def plan(self, shift: Shift) -> None:
        """He comes, pauses and goes as his shift says."""
        start = self._window.from_ms
        self._world.later(max(start, shift.from_ms), self._come_in, shift.agent_id)
        for pause in shift.breaks:
            if pause.until_ms > start:
                self._world.later(max(start, pause.from_ms), self._pause, shift.agent_id)
                self._world.later(pause.until_ms, self._come_in, shift.agent_id)
        self._world.later(shift.until_ms, self._go_home, shift.agent_id)

    def _come_in(self, at: int, agent_id: str) -> None:
        self._say(at, agent_id, Presence.READY)

    def _pause(self, at: int, agent_id: str) -> None:
        self._say(at, agent_id, Presence.NOT_READY, "break")

    def _go_home(self, at: int, agent_id: str) -> None:
        self._say(at, agent_id, Presence.SIGNED_OUT)

    def come_back(self, at: int, agent_id: str) -> None:
        """Missed offers set him not ready: later he says that he is there, if his shift has him there."""
        self._world.later(at + self._window.back_after_ms, self._back, agent_id)

    def _back(self, at: int, agent_id: str) -> None:
        if self.present.get(agent_id) is Presence.READY:
            self._say(at, agent_id, Presence.READY)

    def _say(self, at: int, agent_id: str, presence: Presence, reason: str = "") -> None:
        self.present[agent_id] = presence
        self._world.give(
            at,
            SetPresence(
                actor=agent_id,
                actor_role=Role.AGENT,
                agent_id=agent_id,
                presence=presence,
                reason=reason,
                after_current=presence is Presence.SIGNED_OUT,
            ),
        )
