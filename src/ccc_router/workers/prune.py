"""Removes what nobody needs any more, a little at a time, so that no transaction is long and no lock is noticed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from prometheus_client import Counter

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify

_log = get_logger("workers.prune")

PRUNED: Final = Counter("ccc_pruned_rows", "Rows removed because their time was over", ["table"])
_ROWS: Final = 2_000
_INTERVAL_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows go: `statement` takes an age and a number of rows, and removes at most as many."""

    table: str
    age: timedelta
    statement: str


def _simple(table: str, column: str, age: timedelta, condition: str = "true") -> Rule:
    statement = f"""
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table} WHERE {column} < clock_timestamp() - $1::interval AND {condition} LIMIT $2))
    """  # noqa: S608 - names of ours
    return Rule(table, age, statement)


# A command's dedup key goes with its outcome: after a day the key may be used anew. A fact's key lives 40 days.
_OUTCOMES: Final = """
WITH old AS (SELECT pool, source, key FROM outcome WHERE at < clock_timestamp() - $1::interval LIMIT $2),
     keys AS (DELETE FROM seen s USING old WHERE (s.pool, s.source, s.key) = (old.pool, old.source, old.key))
DELETE FROM outcome o USING old WHERE (o.pool, o.source, o.key) = (old.pool, old.source, old.key)
"""

# With an upload that no message took goes its content, unless something else refers to it. Whoever keeps the same content again
# renews its time, and so do facts on their way: what is young stays.
_UPLOADS: Final = """
WITH old AS (SELECT pool, id, sha256 FROM upload WHERE at < clock_timestamp() - $1::interval LIMIT $2),
     rows AS (DELETE FROM upload u USING old WHERE (u.pool, u.id) = (old.pool, old.id)),
     unsent AS (SELECT DISTINCT sha256 FROM old
                WHERE NOT EXISTS (SELECT 1 FROM attachment a WHERE (a.pool, a.id) = (old.pool, old.id))),
     content AS (
        DELETE FROM blob b USING unsent WHERE b.sha256 = unsent.sha256 AND b.at < clock_timestamp() - $1::interval
          AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = b.sha256)
          AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.sha256 = b.sha256 AND (u.pool, u.id) NOT IN (SELECT pool, id FROM old)))
SELECT 1 FROM old
"""

RULES: Final = (
    _simple("seen", "at", timedelta(days=40)),
    Rule("outcome", timedelta(hours=24), _OUTCOMES),
    _simple("idempotency", "at", timedelta(hours=24)),
    _simple("raw_delivery", "received_at", timedelta(days=40)),
    _simple("delivery_attempt", "ended_at", timedelta(days=400)),
    _simple("portal_proof", "expires_at", timedelta()),
    _simple("portal_upload", "at", timedelta(hours=24), "message_id = ''"),
    Rule("upload", timedelta(days=7), _UPLOADS),
    _simple("draft", "to_timestamp(at / 1000)", timedelta(days=30)),
    _simple("fanpage_part", "at", timedelta(days=40)),
    _simple("expected_wait", "to_timestamp(at / 1000)", timedelta(days=8)),
    _simple("department_link", "expires_at", timedelta(days=90)),
)


class Pruning:
    """One pass over the rules; run its loop under the supervisor."""

    def __init__(
        self, database: Database, due: Callable[[], bool] = lambda: True, rules: tuple[Rule, ...] = RULES
    ) -> None:
        """``due``: whether it is this process that prunes; one of many is enough."""
        self._database = database
        self._due = due
        self._rules = rules
        self.loop = Loop("prune", self.run_once, _INTERVAL_S)

    async def run_once(self) -> bool:
        """Remove a little of everything, if it is due here. True if there is more."""
        if not self._due():
            return False
        more = False
        for rule in self._rules:
            try:
                removed = await self._prune(rule)
            except Exception as error:
                if classify(error) in {None, Failure.BUG}:
                    raise
                _log.warning("prune_delayed", table=rule.table, error=type(error).__name__)
                return False
            PRUNED.labels(rule.table).inc(removed)
            more = more or removed >= _ROWS
        return more

    async def _prune(self, rule: Rule) -> int:
        crashing.before(Site.PRUNE)
        status = await self._database.pool.execute(rule.statement, rule.age, _ROWS, timeout=10)
        crashing.after(Site.PRUNE)
        return int(status.split()[-1])
