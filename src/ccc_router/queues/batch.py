"""What the engine writes, gathered input by input: a commit is one batch, or a few when many inputs wait."""

import msgspec

from ccc_router.events import journal
from ccc_router.events.codec import canonical, is_command
from ccc_router.events.commands import ActivateCatalogue
from ccc_router.events.envelope import Input
from ccc_router.events.journal import Head, Written
from ccc_router.queues.deliveries.owing import write_ended, write_owed
from ccc_router.queues.recording import Sealed, record
from ccc_router.queues.store import state_rows
from ccc_router.queues.store.columns import Writes
from ccc_router.queues.store.erasable import Erasable
from ccc_router.queues.store.handing_over import Handing
from ccc_router.queues.store.loading import PARKED
from ccc_router.queues.store.loads import Loads
from ccc_router.queues.store.outcomes import Outcome, outcome_of
from ccc_router.routing import CORE_VERSION, Rows, State, Step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Catalogue
from ccc_router.routing.rows import Case
from ccc_router.storage.database import Connection

_OUTCOMES = """
INSERT INTO outcome (pool, source, key, status, body)
SELECT $1, * FROM unnest($2::outcome_record[])
"""
_TRACES = """
INSERT INTO trace (pool, contact_id, position) SELECT $1, * FROM unnest($2::text[], $3::bigint[])
"""
_PARKED = """
INSERT INTO parked_input (pool, position, source, key, body, error, detail)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[])
"""
_CATALOGUES = """
INSERT INTO catalogue (pool, version, document, position, activated_by)
SELECT $1, * FROM unnest($2::int[], $3::jsonb[], $4::bigint[], $5::text[])
"""


class Waiting(msgspec.Struct, frozen=True):
    """A caller's outcome, to be told after the commit."""

    source: str
    key: str
    outcome: Outcome


class Parked(msgspec.Struct, frozen=True, tag_field="kind", tag=PARKED, omit_defaults=True):
    """The entry in the place of an input that could not be handled: where its bytes are is found by its position."""

    position: int
    at: int
    source: str
    key: str
    error: str


def row_of(given: Input, step: Step) -> Written:
    """An input and what followed from it, as the journal holds them."""
    return journal.row_of(given.position, given.at, [canonical(given), *map(canonical, step.decisions)])


class Batch:
    """``rows`` also answers the look-ups of the batch's own later inputs. A batch without entries is never written."""

    def __init__(self, pool: str, state: State, head: Head) -> None:
        self.pool = pool
        self.state = state
        self.head = head
        self.rows = Erasable()
        self.handing = Handing()
        self.written: list[Written] = []
        self.answers: list[Waiting] = []
        self.owed: list[tuple[int, d.DeliveryOwed, str]] = []
        self.catalogues: list[tuple[int, str, int, str]] = []
        self.violated: list[tuple[int, d.InvariantViolated]] = []
        self._ended: list[d.DeliveryEnded] = []
        self._traces: dict[tuple[str, int], None] = {}
        self._offer_traces: list[tuple[str, int]] = []
        self._parked: list[tuple[int, str, str, bytes, str, str]] = []
        self._awoken: dict[str, Case] = {}
        self._writes = Writes()

    @property
    def next_position(self) -> int:
        """Where the next entry will stand."""
        return (self.written[-1].last if self.written else self.head.position) + 1

    def add(self, given: Input, key: str, sealed: Sealed | None, step: Step, case_id: str, span: str = "") -> None:
        """One input and what followed from it. ``key`` is the dedup key its caller waits under, ``span`` the traceparent of its deciding."""
        self.written.append(row_of(given, step))
        for number, decision in enumerate(step.decisions, given.position + 1):
            contact_id = self._contact_of(decision)
            if contact_id:
                self._traces[contact_id, given.position] = None
            if isinstance(decision, d.FactForwarded):
                self.handing.forward(decision, given, key, sealed.private if sealed is not None else None)
            self._note(decision, number, given.position, span)
        record(self.rows, self.pool, given, sealed, step, case_id, self.state)
        found = given.resolved.case
        if found is not None and (case := self.state.cases.get(str(found.row["id"]))) is not None:
            self._awoken[case.id] = case
        if isinstance(given.body, ActivateCatalogue) and step.refused is None:
            catalogue = self.state.book.catalogue
            by = f"{given.body.actor_role.value}:{given.body.actor}"
            self.catalogues.append((catalogue.version, canonical(catalogue).decode(), given.position, by))
        if is_command(given.body):
            self.answers.append(Waiting(given.source, key, outcome_of(step)))

    def park(
        self, position: int, at: int, source: str, key: str, body: bytes, error: BaseException, *, answered: bool
    ) -> None:
        """An input that cannot be handled: its bytes and the error are kept, the journal says so, its caller gets a 500."""
        name = type(error).__name__
        entry = Parked(position, at, source, "", name)
        self.written.append(journal.row_of(position, at, [canonical(entry)]))
        self._parked.append((position, source, key, body, name, str(error)[:2_000].replace("\0", "")))
        if answered:
            self.answers.append(Waiting(source, key, Outcome(500, "internal", "", {})))

    def seal(self, loads: Loads) -> Head:
        """Nothing more comes: take from the state what changed, as it is now. Returns the journal's new head."""
        writes = self._writes
        head, batches, rows = journal.append(self.head, self.written, CORE_VERSION)
        writes.add(journal.BATCHES, batches)
        writes.add(journal.ROWS, rows)
        changed = self.state.take_changed()
        for case_id in self._awoken.keys() - {case.id for case in changed.cases}:
            changed.cases.append(self._awoken[case_id])
        self.rows.left = {case.id: case for case in changed.cases if case.id not in self.state.cases}
        if self.catalogues:
            loads.allow(writes, self.state)
        state_rows.write(writes, self.state, changed, loads)
        self.rows.write(writes)
        self._trace_offers(changed)
        writes.add_rows(_TRACES, self._traces)
        writes.add_records(
            _OUTCOMES, ((one.source, one.key, one.outcome.status, one.outcome.document()) for one in self.answers)
        )
        writes.add_rows(_CATALOGUES, self.catalogues)
        writes.add_rows(_PARKED, self._parked)
        return head

    async def send(self, connection: Connection) -> None:
        """Write everything. Raises what asyncpg raises: then nothing may be committed."""
        await self._writes.send(connection, self.pool)
        await write_owed(connection, self.pool, self.owed, self.written[-1].at)
        await write_ended(connection, self.pool, self._ended)
        await self.rows.change(connection, self.pool)
        await self.handing.send(connection, self.pool)

    def _trace_offers(self, changed: Rows) -> None:
        contacts = {offer.id: offer.contact_id for offer in changed.offers}
        for offer_id, position in self._offer_traces:
            if offer_id in contacts:
                self._traces[contacts[offer_id], position] = None

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.next_position - 1 - self.head.position

    @property
    def inputs(self) -> int:
        """How many inputs were handled, parked ones not."""
        return len(self.written) - self.parked

    @property
    def parked(self) -> int:
        """How many inputs were put aside."""
        return len(self._parked)

    @property
    def activated(self) -> Catalogue | None:
        """The catalogue this batch put in force."""
        return self.state.book.catalogue if self.catalogues else None

    def _note(self, decision: d.Decision, position: int, cause: int, span: str) -> None:
        match decision:
            case d.OfferEnded() | d.OfferSeen():
                self._offer_traces.append((decision.offer_id, cause))
            case d.DeliveryOwed():
                self.owed.append((position, decision, span))
            case d.DeliveryEnded():
                self._ended.append(decision)
            case d.ContactHandedOver():
                self.handing.hand_over(decision)
            case d.InvariantViolated():
                self.violated.append((position, decision))
            case _:
                pass

    def _contact_of(self, decision: d.Decision) -> str:
        if isinstance(decision, d.EscalationSet):
            return decision.escalation.contact_id
        return getattr(decision, "contact_id", "")
