"""What the tables would hold: the rows a step says it changed, as they were then. They must be those in memory after every step (I13)."""

from typing import Any

import msgspec

from ccc_router.routing import State
from ccc_router.routing.rows import Rows, queue_due

_KINDS: tuple[str, ...] = ("contact", "offer", "agent", "case", "escalation", "queue", "incident")
_MOST = 25


class Tables:
    """Rows by kind and id, and which of them are part of the state."""

    def __init__(self, state: State) -> None:
        """As they are for a state that was just loaded."""
        self.watching = True
        self._rows = {(kind, one): _written(row) for kind, rows in _groups(state.dump()) for one, row in rows.items()}

    def keep(self, state: State) -> None:
        """Take what changed, and see that nothing else did: neither a row nor a timer. Raises AssertionError.

        From `_MOST` rows on it looks no more.
        """
        memory = {(kind, row_id): row for kind, rows in _groups(state.dump()) for row_id, row in rows.items()}
        self.watching = self.watching and len(memory) < _MOST
        if not self.watching:
            return
        for kind, rows in _groups(state.take_changed()):
            for row_id, row in rows.items():
                self._rows[kind, row_id] = _written(row)
                if (kind, row_id) not in memory:
                    del self._rows[kind, row_id]  # written one last time, not part of the state any more
        gone, new = self._rows.keys() - memory.keys(), memory.keys() - self._rows.keys()
        assert not gone, f"I13: gone without a word: {sorted(gone)}"
        assert not new, f"I13: there and not written: {sorted(new)}"
        changed = [key for key, row in memory.items() if self._rows[key] != _written(row)]
        assert not changed, f"I13: changed and not written: {changed}"
        for key in memory:
            if key[0] == "incident":  # it waits for people
                continue
            due = _due(state, *key)
            assert state.timers.due_of(*key) == due, f"I12: {key} is due at {due}"  # type: ignore[arg-type]


def _groups(rows: Rows) -> list[tuple[str, dict[str, msgspec.Struct]]]:
    groups: list[Any] = [
        rows.contacts,
        rows.offers,
        rows.agents,
        rows.cases,
        rows.escalations,
        rows.queues,
        rows.incidents,
    ]
    return [(kind, {row.id: row for row in group}) for kind, group in zip(_KINDS, groups, strict=True)]


def _written(row: msgspec.Struct) -> bytes:
    return msgspec.json.encode(row, order="deterministic")


def _due(state: State, kind: str, row_id: str) -> int:
    """When the row must be looked at, by what it says."""
    match kind:
        case "contact":
            return state.contact_due(state.contacts[row_id])
        case "offer":
            return state.offers[row_id].expires_at
        case "agent":
            return state.agent_due(state.agents[row_id])
        case "case":
            return state.cases[row_id].due_at
        case "escalation":
            return state.escalations[row_id].due_at
        case _:
            return queue_due(state.doors.rows[row_id])
