"""What a process lets in at once: by endpoint, by role and caller, by the bytes of bodies, and by streams (I14).

Every bound is of one process, because what it protects is that process: its memory and its event loop. What waits in the inbox, for all
processes, is bounded where it is written.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import msgspec
from prometheus_client import Counter, Gauge

from ..events.vocabulary import Role
from ..kernel.admission import Gate, Refusal
from .principal import LEADERS, Principal

REFUSED: Final = Counter(
    "ccc_admission_refused",
    "Requests refused before anything was taken, by gate and whose doing it was",
    ["gate", "cause"],
)
UNDER_WAY: Final = Gauge(
    "ccc_admission_under_way", "What is under way at a gate (requests, streams, or bytes)", ["gate"]
)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be under way at once. Why so much: docs/settings.md.

    ``endpoints``: requests of all channel endpoints. ``agents``, ``leaders``, ``departments``: requests of those roles. ``reports``:
    requests that look at many rows, at work or waiting for a connection. ``caller``: requests of one token's subject. ``streams``:
    server-sent events, of visitors and of staff. ``bodies``: bytes of bodies, of all.
    """

    endpoints: int = 2_000
    agents: int = 4_000
    leaders: int = 400
    departments: int = 400
    reports: int = 16
    caller: int = 32
    streams: int = 5_000
    bodies: int = 256 * 1024 * 1024


_BOUNDS: Final = Bounds()


class Gates:
    """The gates of a process."""

    def __init__(self, bounds: Bounds = _BOUNDS) -> None:
        self.endpoints = gate("endpoints", bounds.endpoints)
        self.bodies = gate("bodies", bounds.bodies)
        self.streams = gate("streams", bounds.streams)
        self.reports = gate("reports", bounds.reports)
        self._agents = gate("agents", bounds.agents, bounds.caller)
        self._leaders = gate("leaders", bounds.leaders, bounds.caller)
        self._departments = gate("departments", bounds.departments, bounds.caller)

    def caller(self, principal: Principal) -> AbstractContextManager[None]:
        """A request of a known caller, as long as it lasts. Raises TooMany (429) or Unavailable (503)."""
        if principal.role is Role.AGENT:
            chosen = self._agents
        elif principal.role in LEADERS:
            chosen = self._leaders
        else:
            chosen = self._departments
        return chosen.within(principal.source)


def gate(name: str, limit: int, each: int | None = None) -> Gate:
    """A gate that the metrics show."""
    made = Gate(limit, each=each, refused=_counting(name))
    UNDER_WAY.labels(name).set_function(lambda: made.under_way)
    return made


def _counting(name: str) -> Callable[[Refusal], None]:
    return lambda cause: REFUSED.labels(name, cause.value).inc()
