"""How many contacts of a queue and channel agents have at once, where the catalogue limits that. Derived from the rows, never stored."""

from collections.abc import Iterable

from ...events.vocabulary import ContactState
from ..policy import Queue
from ..rows import Contact

Key = tuple[str, str]
"""A queue and a channel."""

IN_HAND = frozenset(
    {
        ContactState.OFFERED,
        ContactState.CONNECTING,
        ContactState.ACTIVE,
        ContactState.HELD,
        ContactState.WRAP_UP,
    }
)
"""The states that count: from the offer, which only has to be accepted, to the end of wrap-up."""


class Limits:
    """``reached`` are the queues and channels of which nothing more may be offered now, ``opened`` those that came to have room since the
    input began, each as (queue, channel). Everything costs the same whatever waits."""

    __slots__ = ("_counts", "_most", "_where", "opened", "reached")

    def __init__(self, queues: Iterable[Queue]) -> None:
        """Nobody has anything yet; whatever is limited has room, and is looked at."""
        self._most: dict[Key, int] = {
            (queue.id, channel): most for queue in queues for channel, most in sorted(queue.max_active.items())
        }
        self._counts: dict[Key, int] = dict.fromkeys(self._most, 0)
        self._where: dict[str, Key] = {}
        self.reached: set[Key] = set()
        self.opened: list[Key] = list(self._most)

    def full(self, contact: Contact) -> bool:
        """Whether one more of this contact's queue and channel would be too many."""
        return bool(self.reached) and (contact.queue, contact.channel.value) in self.reached

    def exceeded(self, contact: Contact) -> bool:
        """Whether agents have more of its queue and channel than they may."""
        key = (contact.queue, contact.channel.value)
        return key in self._most and self._counts[key] > self._most[key]

    def note(self, contact: Contact) -> None:
        """Count the contact by the state it is in now."""
        if not self._most:
            return
        key = (contact.queue, contact.channel.value)
        now = key if contact.state in IN_HAND and key in self._most else None
        before = self._where.get(contact.id)
        if now == before:
            return
        if before is not None:
            del self._where[contact.id]
            self._count(before, -1)
        if now is not None:
            self._where[contact.id] = now
            self._count(now, 1)

    def _count(self, key: Key, by: int) -> None:
        self._counts[key] += by
        if self._counts[key] >= self._most[key]:
            self.reached.add(key)
        elif key in self.reached:
            self.reached.discard(key)
            self.opened.append(key)
