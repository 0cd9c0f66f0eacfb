"""What mails under way take of our memory, by who brings them: let in by the size that MAIL said (RFC 1870), before any of it is read."""

from collections.abc import Hashable, Sequence

from ccc_router.kernel.admission import Gate


class Rooms:
    """One mail under way a connection."""

    def __init__(self, gate: Gate, most: int) -> None:
        """``gate`` counts bytes; ``most`` is the largest mail, and what one counts that says no size."""
        self._gate = gate
        self._most = most
        self._taken: dict[Hashable, tuple[str, int]] = {}

    def take(self, connection: Hashable, peer: str, options: Sequence[str]) -> None:
        """Let a mail in with the options of its MAIL. Raises TooMany and Unavailable when there is no room for it."""
        self.give(connection)
        room = peer, _said_size(options, self._most)
        self._gate.take(*room)
        self._taken[connection] = room

    def of(self, connection: Hashable) -> int:
        """The bytes that a connection's mail was let in with; 0 without one."""
        return self._taken[connection][1] if connection in self._taken else 0

    def give(self, connection: Hashable) -> None:
        """Its mail is over, if it had one."""
        if connection in self._taken:
            self._gate.give(*self._taken.pop(connection))


def _said_size(options: Sequence[str], most: int) -> int:
    said = next((one[5:] for one in options if one.startswith("SIZE=")), "")
    return min(int(said), most) if said.isdigit() and len(said) < 16 else most
