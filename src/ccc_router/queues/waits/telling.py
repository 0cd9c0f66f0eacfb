"""What a customer is told of his wait: looked up at the moment of sending, from the row of his contact and what was foretold when he came.

So what he is told is what is looked back on later. It says nothing that names him.
"""

from typing import Final

import msgspec

from ccc_router.queues.deliveries.port import Delivery
from ccc_router.storage.database import Connection, Database

PATIENCE_MS: Final = 3_000
"""How long what is foretold is waited for; without it the place alone is told."""
SOON_MS: Final = 1_000
"""When to look again meanwhile."""

# The place counts as `Estimator.of` counts it: every line of the queue.
_READ: Final = """
SELECT c.state, c.row ->> 'language' AS language, coalesce(k.reference, '') AS reference, e.p20_ms, e.p80_ms,
       (SELECT count(*) FROM contact o
        WHERE o.pool = c.pool AND o.queue = c.queue AND o.live AND o.open AND o.state = 'queued' AND o.rank < c.rank) AS before,
       n.text AS notice, n.extra ->> 'en' AS notice_en
FROM contact c
LEFT JOIN expected_wait e ON e.pool = c.pool AND e.contact_id = c.id
LEFT JOIN customer_case k ON k.pool = c.pool AND k.id = c.case_id
LEFT JOIN message n ON n.pool = c.pool AND n.id = $3 AND n.form = 'notice' AND NOT n.erased
WHERE c.pool = $1 AND c.id = $2
"""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where he stands. ``position`` 1 is the next; he is answered between ``soon_ms`` and ``late_ms`` (the 20 and the 80 % time; 0: nobody
    can say). ``closed``: his queue is, and opens at ``opens_at`` (ms, 0: not known). ``callback``: he may choose to be called instead.
    ``notice`` is what everybody is told now, by language."""

    position: int = 1
    soon_ms: int = 0
    late_ms: int = 0
    closed: bool = False
    opens_at: int = 0
    callback: bool = False
    language: str = ""
    reference: str = ""
    notice: dict[str, str] = {}


async def standing_of(connection: "Database | Connection", delivery: Delivery) -> Standing | None:
    """Where the contact of a delivery stands now; None: it waits no longer."""
    source = connection.pool if isinstance(connection, Database) else connection
    told = delivery.data
    row = await source.fetchrow(_READ, delivery.pool, delivery.contact_id, told.get("notice", ""))
    if row is None or row["state"] != "queued":
        return None
    return Standing(
        position=row["before"] + 1,
        soon_ms=row["p20_ms"] or 0,
        late_ms=row["p80_ms"] or 0,
        closed=told.get("wait") == "closed",
        opens_at=int(told.get("opens_at", "0")),
        callback=told.get("callback") == "possible",
        language=row["language"] or "",
        reference=row["reference"],
        notice={"vi": row["notice"], "en": row["notice_en"] or row["notice"]} if row["notice"] else {},
    )


def is_early(standing: Standing, delivery: Delivery, now_ms: int) -> bool:
    """Whether his wait may still be foretold in a moment."""
    return not (standing.closed or standing.late_ms) and now_ms - delivery.created_at < PATIENCE_MS
