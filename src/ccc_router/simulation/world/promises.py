"""Callbacks in the virtual world: who chooses one leaves the line and waits on; who is called back takes the call, or does not."""

from ...events.vocabulary import CallEventName
from ...routing.rows import Contact
from .calls import leg_event
from .place import Place
from .stays import Visit


class Promises:
    """What callers and the switch do about callbacks."""

    def __init__(self, world: Place) -> None:
        """Nobody is promised anything."""
        self._world = world

    def ask(self, at: int, contact_id: str) -> None:
        """A caller who still waits chooses to be called back."""
        visit = self._world.visits.get(contact_id)
        if visit is not None and not (visit.stay.answered_at or visit.stay.ended_at or visit.promised):
            self._world.give(at, leg_event(visit, CallEventName.CALL_BACK, at))

    def promised(self, at: int, contact_id: str) -> None:
        """He was promised one, also without having asked (closed hours, a surge): the switch hangs him up."""
        visit = self._world.visits.get(contact_id)
        if visit is None:
            return
        visit.promised = True
        self._world.run.passed.promised += at >= self._world.run.measured_from_ms
        self._world.later(at, self._line_ends, contact_id)

    def _line_ends(self, at: int, contact_id: str) -> None:
        visit = self._world.visits.get(contact_id)
        if visit is not None:
            self._world.give(at, leg_event(visit, CallEventName.CONNECTION_CLEARED, at))

    def dialled(self, at: int, visit: Visit, offer_id: str, phone: str) -> None:
        """The agent who took it picks up; the customer's phone rings."""
        call_id = self._call(visit.contact_id, offer_id)
        if not call_id:
            return
        self._world.give(at, leg_event(visit, CallEventName.ESTABLISHED, at, offer_id, phone, call_id=call_id))
        brought = visit.arrival.callback
        act = self._picks_up if visit.dials >= brought.missed else self._rings_out
        visit.dials += 1
        self._world.later(at + brought.ring_ms, act, f"{visit.contact_id} {offer_id}")

    def _picks_up(self, at: int, ref: str) -> None:
        self._tells(at, ref, CallEventName.ESTABLISHED)

    def _rings_out(self, at: int, ref: str) -> None:
        self._tells(at, ref, CallEventName.FAILED, "no_answer")

    def _tells(self, at: int, ref: str, event: CallEventName, cause: str = "") -> None:
        """What became of the customer's leg, if that call is still being made."""
        contact_id, offer_id = ref.split()
        visit, call_id = self._world.visits.get(contact_id), self._call(contact_id, offer_id)
        if visit is not None and call_id:
            self._world.give(at, leg_event(visit, event, at, call_id=call_id, cause=cause))

    def _call(self, contact_id: str, offer_id: str) -> str:
        contact: Contact | None = self._world.state.contacts.get(contact_id)
        if contact is None or contact.callback is None or contact.call is None or contact.offer_id != offer_id:
            return ""
        return contact.call.call_id
