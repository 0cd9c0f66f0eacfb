"""Which policy of `quality/` gives whom to whom."""

from collections.abc import Iterable, Sequence

from quality.play import Match, Policy, play
from quality.scenarios import Agent, Contact


class _Watched:
    """A policy whose matches are written down."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.seen = policy, list[tuple[int, int, int]]()
        self.abandoned, self.look_at = policy.abandoned, policy.look_at

    def _note(self, now_ms: int, matches: Iterable[Match]) -> Iterable[Match]:
        for contact, agent in matches:
            self.seen.append((now_ms, contact, agent))
            yield contact, agent

    def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
        return self._note(now_ms, self.policy.arrived(now_ms, contact, queue))

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        return self._note(now_ms, self.policy.freed(now_ms, agent))

    def look(self, now_ms: int) -> Iterable[Match]:
        return self._note(now_ms, self.policy.look(now_ms))


def matches_of(policy: Policy, contacts: Sequence[Contact], agents: Sequence[Agent]) -> list[tuple[int, int, int]]:
    """(when, contact, agent) in order of time. Raises AssertionError for a match that the world refuses."""
    watched = _Watched(policy)
    play(watched, contacts, agents, 0)
    return watched.seen
