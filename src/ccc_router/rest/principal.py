"""Who calls. Made from a verified token by the web room, read by every REST room."""

from dataclasses import dataclass
from typing import Final

from ..events.vocabulary import Role

STAFF: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.ADMIN})
LEADERS: Final = frozenset({Role.SUPERVISOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    ``subject`` is the catalogue id of what ``role`` says: an agent's id, a department's id, a channel endpoint's id; for
    supervisors and administrators it is their name at the issuer.
    """

    subject: str
    role: Role

    @property
    def source(self) -> str:
        """Under which source this caller's commands stand in the inbox."""
        return f"{self.role}:{self.subject}"

    @property
    def leads(self) -> bool:
        """Supervisors and administrators see every contact and case."""
        return self.role in LEADERS
