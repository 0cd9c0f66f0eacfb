"""The clock of the steps: how long a contact has waited in its queue, without the time before a closed door."""

from ...events.vocabulary import ContactState
from ..calendar import add_business_ms, business_ms_between, is_open, next_change
from ..policy import Calendar, Queue
from ..rows import Contact


def waited_ms(queue: Queue, hours: Calendar | None, contact: Contact, now: int) -> int:
    """How long a waiting contact has waited in its queue by ``now``, in what its steps are counted in (ms)."""
    return contact.waited + open_ms(queue, hours, contact, contact.state_since, now)


def open_ms(queue: Queue, hours: Calendar | None, contact: Contact, since: int, until: int) -> int:
    """How much of a time in the queue counts on the clock of its steps: all of it without steps or hours, else the open part."""
    if hours is None or not queue.steps:
        return until - since
    if queue.drains:
        return max(0, until - max(since, _served_from(hours, contact)))
    return business_ms_between(hours, since, until)


def step_due(queue: Queue, hours: Calendar | None, contact: Contact, step: int) -> int:
    """When step number ``step`` comes if nothing else happens (ms); 0 when the contact does not wait, or there is no such step."""
    if contact.state is not ContactState.QUEUED or not 1 <= step <= len(queue.steps):
        return 0
    left = max(0, 1000 * queue.steps[step - 1].after_s - contact.waited)
    if hours is None:
        return contact.state_since + left
    if queue.drains:
        return max(contact.state_since, _served_from(hours, contact)) + left
    return add_business_ms(hours, contact.state_since, left)


def _served_from(hours: Calendar, contact: Contact) -> int:
    """Since when a draining queue offers the contact: who came while it was open is served through every closing after that."""
    came = contact.arrived_at
    return came if is_open(hours, came) else next_change(hours, came)
