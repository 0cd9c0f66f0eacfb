"""Which queues are closed, and who waits before their doors. The rows are stored; who waits where is derived from them."""

from ..policy import Queue
from ..rows import Contact, QueueState, Surge


class Doors:
    """Which queues are closed for which channels (``rows``, not derived), and who waits before a closed one.

    ``turned`` are the contacts that came to a closed queue since the input began, ``came`` those that came to any, oldest first.
    """

    __slots__ = ("_behind", "_where", "came", "rows", "turned")

    def __init__(self, rows: dict[str, QueueState] | None = None) -> None:
        """Nobody is held; ``rows`` are the queues that have one, by id."""
        self.rows: dict[str, QueueState] = {} if rows is None else rows
        self.turned: list[str] = []
        self.came: list[str] = []
        self._where: dict[str, str] = {}
        self._behind: dict[str, set[str]] = {}

    def row(self, queue: Queue) -> QueueState:
        """The queue's row, or the one it begins with: if it has hours, whether it is open is to be found out at once."""
        return self.rows.get(queue.id) or QueueState(queue.id, due_at=min(len(queue.hours), 1))

    def surge(self, queue: str) -> Surge | None:
        """What is done with newcomers there, if it is anything out of the ordinary."""
        row = self.rows.get(queue)
        return row.surge if row is not None else None

    def closed(self, queue: str, channel: str, arrived_at: int, *, drains: bool) -> bool:
        """Whether a contact of that arrival (ms) is not to be offered there now."""
        row = self.rows.get(queue)
        since = row.closed.get(channel) if row is not None else None
        return since is not None and not (drains and arrived_at < since)

    def holds(self, contact_id: str) -> bool:
        """Whether the contact waits for an opening."""
        return contact_id in self._where

    def held(self, queue: str) -> set[str]:
        """Who waits for this queue to open."""
        return self._behind.get(queue, set())

    def hold(self, contact: Contact) -> None:
        """Wait for the queue to open."""
        if self._where.get(contact.id) != contact.queue:
            self.let_go(contact.id)
            self._where[contact.id] = contact.queue
            self._behind.setdefault(contact.queue, set()).add(contact.id)
            self.turned.append(contact.id)

    def let_go(self, contact_id: str) -> None:
        """No longer wait for an opening."""
        queue = self._where.pop(contact_id, None)
        if queue is not None:
            self._behind[queue].discard(contact_id)
