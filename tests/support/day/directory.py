"""What the look-ups would have found: whose a handle is, what a ref points to, rows that left the memory."""

import msgspec

from ccc_router.events import commands as c
from ccc_router.events import facts as f
from ccc_router.events.envelope import AnyInput, CaseFound, Resolved
from ccc_router.kernel.ids import derive
from ccc_router.routing import Rows, State, Step
from ccc_router.routing import decisions as d

_OF_A_CASE = c.EditCase | c.CallCustomer | c.LinkContact | c.PromiseCallback


class Directory:
    """The part of ``queues.resolve`` that a replay depends on, in memory."""

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._customers: dict[str, str] = {}
        self._refs: dict[str, tuple[str, str]] = {}
        self._ended: dict[str, str] = {}
        self._closed: dict[str, CaseFound] = {}

    def resolve(self, state: State, body: AnyInput, position: int) -> Resolved:
        """The look-ups of one input."""
        if isinstance(body, f.CallEvent | f.CallRecorded):
            known = state.contacts.get(body.contact_id)
            ended = "" if known is not None else self._ended.get(body.contact_id, "")
            contact_id = body.contact_id if known is not None or ended else ""
            if body.private is None or ended or (known is not None and known.customer_id):
                return Resolved(contact_id=contact_id, contact_state=ended)
            customer_id, new = self._customer(body.private, position)
            return Resolved(customer_id, new, contact_id=contact_id)
        if isinstance(body, _OF_A_CASE):
            return Resolved(case=self._case(state, body.case_id))
        if body.private is None or not (body.private.handles or body.private.refs):
            return Resolved()
        customer_id, new = self._customer(body.private, position)
        refs = [self._refs[ref] for ref in body.private.refs if ref in self._refs]
        case_id, contact_id = refs[0] if refs else ("", "")
        ended = "" if contact_id in state.contacts else self._ended.get(contact_id, "")
        return Resolved(customer_id, new, case_id, contact_id, ended, self._case(state, case_id))

    def _customer(self, private: f.Private, position: int) -> tuple[str, bool]:
        for handle in private.handles:
            if handle.value in self._customers:
                return self._customers[handle.value], False
        return (derive("cu", self._pool, position), True) if private.handles else ("", False)

    def _case(self, state: State, case_id: str) -> CaseFound | None:
        left = state.just_left(case_id)
        if left is not None:
            return CaseFound(msgspec.to_builtins(left))
        return None if case_id in state.cases else self._closed.get(case_id)

    def note(self, body: AnyInput, resolved: Resolved, made: Step) -> None:
        """Remember what an input with ``private`` made known."""
        for one in made.decisions:
            if isinstance(one, d.ContactEnded):
                self._ended[one.contact_id] = one.state.value
        if body.private is None or made.refused is not None:
            return
        for handle in body.private.handles:
            self._customers.setdefault(handle.value, resolved.customer_id)
        opened = next((one for one in made.decisions if isinstance(one, d.ContactOpened)), None)
        if opened is not None:
            self._refs.update((ref, (opened.case_id, opened.contact_id)) for ref in body.private.own_refs)

    def keep(self, rows: Rows) -> None:
        """Rows that were written: closed cases can be found again."""
        self._closed.update(
            (row.id, CaseFound(msgspec.to_builtins(row))) for row in rows.cases if row.state == "closed"
        )
