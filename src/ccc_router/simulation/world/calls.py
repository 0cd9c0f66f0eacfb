"""What the simulated switch tells of a call."""

from ...events.facts import CallEvent
from ...events.vocabulary import CallEventName, Channel, LegRole
from ...routing.rows import Contact
from .ends import own_end
from .stays import Visit


def leg_event(
    visit: Visit,
    event: CallEventName,
    at: int,
    offer_id: str = "",
    agent: str = "",
    *,
    call_id: str = "",
    cause: str = "",
) -> CallEvent:
    """An event of the customer's leg, or of the agent's if one is named, at ``at`` (ms); of the call the customer made, or of ``call_id``."""
    contact_id, arrival = visit.contact_id, visit.arrival
    return CallEvent(
        at=at,
        endpoint=own_end(Channel.PHONE),
        call_id=call_id or contact_id,
        leg_id=offer_id or "customer",
        contact_id=contact_id,
        case_id=f"cs{contact_id[2:]}",
        event=event,
        role=LegRole.AGENT if agent else LegRole.CUSTOMER,
        queue=arrival.queue,
        language=arrival.language,
        topic=arrival.topic,
        cause=cause,
        agent=agent,
        offer_id=offer_id,
        outbound=call_id not in ("", contact_id),
    )


def call_of(contact: Contact | None) -> str:
    """The call the contact has now: the customer's own, or the one by which he was called back; "" for none."""
    return contact.call.call_id if contact is not None and contact.call is not None else ""
