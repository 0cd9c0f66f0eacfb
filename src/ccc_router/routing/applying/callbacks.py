"""Callbacks and places change here."""

from ...events.envelope import Input
from ...events.vocabulary import Direction
from .. import decisions as d
from ..rows import Call
from ..state import State
from .ownership import answered


def callback_set(state: State, _: Input, made: d.CallbackSet) -> None:
    contact = state.contacts[made.contact_id]
    contact.callback, contact.direction = made.callback, Direction.OUTBOUND
    case = state.cases[contact.case_id]
    if contact.id not in case.contacts:  # his choice was heard of after he had left
        case.contacts = (*case.contacts, contact.id)
        state.touch_case(case)
    state.touch_contact(contact)


def callback_dialled(state: State, _: Input, dialled: d.CallbackDialled) -> None:
    contact = state.contacts[dialled.contact_id]
    contact.endpoint, contact.call = dialled.endpoint, Call(dialled.call_id, dialled.endpoint)
    state.touch_contact(contact)


def callback_reached(state: State, given: Input, reached: d.CallbackReached) -> None:
    contact = state.contacts[reached.contact_id]
    contact.callback = None
    answered(state, contact, given.at)
    state.touch_contact(contact)


def place_taken(state: State, _: Input, taken: d.PlaceTaken) -> None:
    contact = state.contacts[taken.contact_id]
    contact.rank, contact.place_from = taken.rank, taken.from_contact
    state.touch_contact(contact)
