"""Whose callbacks are still owed. Derived from the rows, never stored."""

from ..rows import Contact


class Promised:
    """The contacts with a promise to call back that is still to be kept, by customer."""

    __slots__ = ("_of", "_whose")

    def __init__(self) -> None:
        """Nobody waits for a call."""
        self._of: dict[str, set[str]] = {}
        self._whose: dict[str, str] = {}

    def of(self, customer_id: str) -> list[str]:
        """The customer's, by id."""
        return sorted(self._of.get(customer_id, ()))

    def keep(self, contact: Contact) -> None:
        """The contact changed: it is promised to its customer, or no longer, or to somebody else."""
        whose = contact.customer_id if contact.callback is not None else ""
        before = self._whose.get(contact.id, "")
        if whose == before:
            return
        if before:
            self._of[before].discard(contact.id)
            if not self._of[before]:
                del self._of[before]
            del self._whose[contact.id]
        if whose:
            self._of.setdefault(whose, set()).add(contact.id)
            self._whose[contact.id] = whose
