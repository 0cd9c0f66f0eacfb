"""What agents and departments wrote about an escalation, read from the erasable rows."""

from typing import Final

from ..queues.deliveries.port import Delivery
from ..storage.database import Database
from . import payload

_TEXTS: Final = "SELECT id, text FROM message WHERE pool = $1 AND id = ANY ($2::text[]) AND NOT erased"


class Texts:
    """Reads the texts that go with a delivery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, delivery: Delivery) -> payload.Texts:
        """The summary, the text of this notice and the note of who forwarded it; "" for what is not there."""
        summary_id, note_id = delivery.data.get("summary_id", ""), delivery.data.get("note_id", "")
        wanted = [one for one in (summary_id, delivery.message_id, note_id) if one]
        rows = await self._database.pool.fetch(_TEXTS, delivery.pool, wanted)
        found = {row["id"]: row["text"] for row in rows}
        own = found.get(delivery.message_id, "") if delivery.message_id != summary_id else ""
        return payload.Texts(found.get(summary_id, ""), own, found.get(note_id, ""))
