"""Look-ups of a batch before it is decided: whose handle is it, which case and contact do the refs mean?

One query a kind for the whole batch, inside its transaction; what earlier inputs of the batch made comes on top. The answer
goes into the input's entry, so that a replay looks nothing up.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeGuard

import msgspec

from ccc_router.events import commands as c
from ccc_router.events import facts as f
from ccc_router.events.envelope import AnyInput, CaseFound, Resolved
from ccc_router.events.facts import Handle, Private
from ccc_router.kernel.ids import derive
from ccc_router.queues.recording import channel_of, message_ref
from ccc_router.queues.store.erasable import Erasable, HandleKey
from ccc_router.routing import State
from ccc_router.storage.database import Connection

# Two questions in one round trip, as nearly every batch has both: whose handles, and what do the refs point to? LIMIT keeps the
# server from joining in any other way than key by key: a plan made while the table was small would read all of it later.
_KNOWN: Final = """
SELECT true, e.kind, e.value, e.channel, h.customer_id
FROM unnest($2::text[], $3::text[], $4::text[]) AS e (kind, value, channel),
     LATERAL (SELECT customer_id FROM handle WHERE pool = $1 AND kind = e.kind AND value = e.value AND channel = e.channel LIMIT 1) h
UNION ALL
SELECT false, ref, case_id, contact_id, '' FROM ref WHERE pool = $1 AND ref = ANY ($5::text[])
"""
_REFERENCES: Final = "SELECT reference, id FROM customer_case WHERE pool = $1 AND reference = ANY ($2::text[])"
_CONTACTS: Final = """
SELECT id, state, CASE WHEN state = 'handed_over' THEN row -> 'handed_over' ->> 'pool' ELSE '' END, case_id
FROM contact WHERE pool = $1 AND id = ANY ($2::text[])
"""
_CHANGED: Final = """
SELECT id, contact_id FROM message WHERE pool = $1 AND id = ANY ($2::text[])
UNION ALL SELECT message_id, contact_id FROM ref WHERE pool = $1 AND ref = ANY ($3::text[])
"""
_CASES: Final = "SELECT id, row::text FROM customer_case WHERE pool = $1 AND id = ANY ($2::text[])"
_PARTICIPANTS: Final = """
SELECT c.case_id, a.handle_kind, a.handle_value FROM contact c, LATERAL (
    SELECT handle_kind, handle_value FROM contact_address WHERE pool = c.pool AND contact_id = c.id LIMIT 1) a
WHERE c.pool = $1 AND c.case_id = ANY ($2::text[])
"""
_NONE: Final = Resolved()
_OfCase = c.EditCase | c.CallCustomer | c.LinkContact | c.PromiseCallback


class Known(NamedTuple):
    """A contact that is no longer in memory; ``handed_to``: whose it is by now."""

    state: str = ""
    handed_to: str = ""
    case_id: str = ""


class Found(NamedTuple):
    """The answer for one input, and which of its handles nobody has."""

    resolved: Resolved
    free: frozenset[HandleKey] = frozenset()


_FOUND_NOTHING: Final = Found(_NONE)


def handle_keys(handle: Handle, channel: str) -> tuple[HandleKey, ...]:
    """Where a handle may be known: a proved one everywhere, then the same one as it was claimed on this channel.

    One customer on two channels is the same only by a verified handle, so a claimed one is never looked for elsewhere (R-25).
    """
    claimed = (handle.kind, handle.value, channel)
    return ((handle.kind, handle.value, ""), claimed) if handle.verified else (claimed,)


class Resolver:
    """The look-ups of one batch."""

    def __init__(self, pool: str, state: State, rows: Erasable) -> None:
        self._pool = pool
        self._state = state
        self._rows = rows
        self._handles: dict[HandleKey, str] = {}
        self._refs: dict[str, tuple[str, str]] = {}
        self._contacts: dict[str, Known] = {}
        self._changed: dict[str, str] = {}
        self._cases: dict[str, CaseFound] = {}
        self._participants: set[tuple[str, str, str]] = set()

    async def look_up(self, connection: Connection, bodies: Sequence[AnyInput]) -> None:
        """Ask the tables everything the batch may need. Raises what asyncpg raises."""
        privates = [(body, body.private) for body in bodies if body.private is not None]
        await self._look_up_known(connection, privates)
        await self._look_up_contacts(connection, bodies)
        await self._look_up_cases(connection, bodies)
        weak = {self._refs[ref][0] for _, private in privates for ref in private.weak_refs if ref in self._refs}
        if weak:
            found = await connection.fetch(_PARTICIPANTS, self._pool, sorted(weak))
            self._participants = {(row[0], row[1], row[2]) for row in found}

    async def _look_up_known(self, connection: Connection, privates: Sequence[tuple[AnyInput, Private]]) -> None:
        keys = {
            key
            for body, private in privates
            for handle in private.handles
            for key in handle_keys(_proved(body, handle), channel_of(body))
        }
        refs = await self._special_refs(connection, {ref for _, one in privates for ref in (*one.refs, *one.weak_refs)})
        if not keys and not refs:
            return
        kinds, values, channels = zip(*sorted(keys), strict=True) if keys else ((), (), ())
        for row in await connection.fetch(_KNOWN, self._pool, kinds, values, channels, sorted(refs)):
            if row[0]:
                self._handles[row[1], row[2], row[3]] = row[4]
            else:
                self._refs[row[1]] = (row[2], row[3])

    async def _special_refs(self, connection: Connection, wanted: set[str]) -> set[str]:
        """Refs that name a case by its id or by the reference people use; returns the others."""
        for ref in [ref for ref in wanted if ref.startswith("case:")]:
            self._refs[ref] = (ref.removeprefix("case:"), "")
        references = {ref.removeprefix("reference:"): ref for ref in wanted if ref.startswith("reference:")}
        if references:
            for row in await connection.fetch(_REFERENCES, self._pool, sorted(references)):
                self._refs[references[row[0]]] = (row[1], "")
        return {ref for ref in wanted if ref not in self._refs and not ref.startswith(("case:", "reference:"))}

    async def _look_up_contacts(self, connection: Connection, bodies: Iterable[AnyInput]) -> None:
        known = self._state.contacts
        changed = sorted({body.message_id for body in bodies if isinstance(body, f.MessageChanged)})
        if changed:
            refs = [message_ref(one) for one in changed]
            self._changed = {row[0]: row[1] for row in await connection.fetch(_CHANGED, self._pool, changed, refs)}
        wanted = {body.contact_id for body in bodies if _told_by_contact(body)} | set(self._changed.values())
        wanted = {one for one in wanted if one and one not in known}
        if wanted:
            for row in await connection.fetch(_CONTACTS, self._pool, sorted(wanted)):
                self._contacts[row[0]] = Known(*row[1:])

    async def _look_up_cases(self, connection: Connection, bodies: Iterable[AnyInput]) -> None:
        wanted = {case_id for case_id, _ in self._refs.values()}
        wanted |= {body.case_id for body in bodies if isinstance(body, _OfCase)}
        wanted = {case_id for case_id in wanted if case_id and case_id not in self._state.cases}
        if wanted:
            for row in await connection.fetch(_CASES, self._pool, sorted(wanted)):
                self._cases[row[0]] = CaseFound(json.loads(row[1]))

    def go_on(self, rows: Erasable) -> None:
        """The next batch of the same look-ups begins, with rows of its own; what the one before made stays known."""
        made = self._rows
        self._handles.update((key, row.customer_id) for key, row in made.handles.items())
        self._refs.update((ref, (row.case_id, row.contact_id)) for ref, row in made.refs.items())
        self._cases.update((case.id, CaseFound(msgspec.to_builtins(case))) for case in made.left.values())
        self._rows = rows

    def resolve(self, body: AnyInput, position: int) -> Found:
        """The answer for one input, with what the batch made so far. ``position`` is where its entry will stand."""
        private = body.private
        if isinstance(body, f.CallEvent | f.CallRecorded):
            return self._call(body, private, position)
        if isinstance(body, f.DeliveryReported | f.MessageChanged) and (handed := self._handed(self._contact_of(body))):
            return handed
        if private is None:
            if isinstance(body, _OfCase):
                return self._of_case(body.case_id)
            return _FOUND_NOTHING
        customer_id, new, free = self._customer(body, private, position)
        case_id, contact_id = self._thread(private, customer_id)
        if not case_id and isinstance(body, _OfCase):
            return self._of_case(body.case_id, Resolved(customer_id, new), free)
        if (pool := self._pool_of(case_id)) and not _begins(body):
            return Found(Resolved(case_id=case_id, contact_id=contact_id, handed_to=pool))
        state = self._contact_state(contact_id)
        return Found(Resolved(customer_id, new, case_id, contact_id, state, self._case(case_id)), free)

    def _call(self, fact: f.CallEvent | f.CallRecorded, private: Private | None, position: int) -> Found:
        """The events of a call name their contact; only the first one that says who calls needs a customer."""
        if handed := self._handed(fact.contact_id):
            return handed
        known = self._state.contacts.get(fact.contact_id)
        state = "" if known is not None else self._contact_state(fact.contact_id)
        contact_id = fact.contact_id if known is not None or state else ""
        if private is None or state or (known is not None and known.customer_id):
            return Found(Resolved(contact_id=contact_id, contact_state=state))
        customer_id, new, free = self._customer(fact, private, position)
        if known is not None:
            return Found(Resolved(customer_id, new, contact_id=contact_id), free)
        case_id, _ = self._thread(private, customer_id)
        return Found(Resolved(customer_id, new, case_id, case=self._case(case_id)), free)

    def _customer(self, body: AnyInput, private: Private, position: int) -> tuple[str, bool, frozenset[HandleKey]]:
        """Whose the first known handle is, a proved one before a claimed one; else a new customer."""
        channel = channel_of(body)
        handles = [_proved(body, handle) for handle in private.handles]
        keys = [handle_keys(handle, channel) for handle in handles]
        owners = {key: owner for tried in keys for key in tried if (owner := self._owner(key))}
        free = frozenset(tried[0] for tried in keys if tried[0] not in owners)
        for key in sorted(owners, key=lambda key: key[2] != ""):
            return owners[key], False, free
        if not handles:
            return "", False, free
        contact = self._state.contacts.get(body.contact_id) if isinstance(body, c.IdentifyCustomer) else None
        if contact is not None and contact.customer_id:  # an anonymous caller becomes somebody now
            return contact.customer_id, False, free
        return derive("cu", self._pool, position), True, free

    def _owner(self, key: HandleKey) -> str:
        row = self._rows.handles.get(key)
        return row.customer_id if row is not None else self._handles.get(key, "")

    def _thread(self, private: Private, customer_id: str) -> tuple[str, str]:
        """(case, contact) of the first ref that is known; a weak one only from somebody who takes part."""
        for ref in private.refs:
            case_id, contact_id = self._target(ref)
            if case_id:
                return case_id, contact_id
        for ref in private.weak_refs:
            case_id, contact_id = self._target(ref)
            if case_id and self._takes_part(case_id, private, customer_id):
                return case_id, contact_id
        return "", ""

    def _target(self, ref: str) -> tuple[str, str]:
        """What a ref means; a case that nobody knows is none."""
        made = self._rows.refs.get(ref)
        case_id, contact_id = (made.case_id, made.contact_id) if made is not None else self._refs.get(ref, ("", ""))
        known = case_id in self._state.cases or case_id in self._cases or self._state.just_left(case_id) is not None
        return (case_id, contact_id) if known else ("", "")

    def _takes_part(self, case_id: str, private: Private, customer_id: str) -> bool:
        case = self._state.cases.get(case_id)
        found = self._case(case_id)
        owner = case.customer_id if case is not None else found.row.get("customer_id") if found is not None else ""
        if customer_id and owner == customer_id:
            return True
        return any((case_id, handle.kind, handle.value) in self._participants for handle in private.handles)

    def _contact_state(self, contact_id: str) -> str:
        """The state of a contact that is known but no longer in memory."""
        if not contact_id or contact_id in self._state.contacts:
            return ""
        return self._contacts.get(contact_id, Known()).state

    def _contact_of(self, body: f.DeliveryReported | f.MessageChanged) -> str:
        if isinstance(body, f.MessageChanged):
            return self._changed.get(body.message_id, "")
        return body.contact_id if _told_by_contact(body) else ""

    def _handed(self, contact_id: str) -> Found | None:
        """That a contact is another pool's by now."""
        contact = self._state.contacts.get(contact_id)
        known = self._contacts.get(contact_id, Known())
        if contact is not None and contact.handed_over is not None:
            known = Known(contact.state, contact.handed_over.pool, contact.case_id)
        if not known.handed_to:
            return None
        return Found(
            Resolved(case_id=known.case_id, contact_id=contact_id, contact_state=known.state, handed_to=known.handed_to)
        )

    def _of_case(self, case_id: str, found: Resolved = _NONE, free: frozenset[HandleKey] = frozenset()) -> Found:
        """A command's case."""
        pool = self._pool_of(case_id)
        if pool:
            return Found(Resolved(case_id=case_id, handed_to=pool))
        return Found(msgspec.structs.replace(found, case=self._case(case_id)), free)

    def _pool_of(self, case_id: str) -> str:
        """Whose a case is that was handed over; "" for one of ours. Such a case is closed, so it is not in memory."""
        left = self._case(case_id)
        handed = left.row.get("handed_over") if left is not None else None
        return str(handed["pool"]) if isinstance(handed, dict) else ""

    def _case(self, case_id: str) -> CaseFound | None:
        """The row of a case that is known but no longer in memory, as an earlier input of the batch may have left it."""
        left = self._state.just_left(case_id)
        if left is not None:
            return CaseFound(msgspec.to_builtins(left))
        return None if case_id in self._state.cases else self._cases.get(case_id)


def _begins(body: AnyInput) -> bool:
    """Whether it makes a case of its own, or is the one with which a case comes to us."""
    return isinstance(body, f.ContactTaken) or (isinstance(body, f.MessageReceived) and body.fresh_case)


def _told_by_contact(body: AnyInput) -> TypeGuard[f.CallEvent | f.CallRecorded | f.DeliveryReported]:
    """Whether it names its contact and no case: a call, or what a channel (not a sender of ours) tells of an answer."""
    return isinstance(body, f.CallEvent | f.CallRecorded) or (
        isinstance(body, f.DeliveryReported) and body.attempt == 0
    )


def _proved(body: AnyInput, handle: Handle) -> Handle:
    """What an agent identifies a customer by is proved by that."""
    if isinstance(body, c.IdentifyCustomer) and not handle.verified:
        return Handle(handle.kind, handle.value, verified=True)
    return handle
