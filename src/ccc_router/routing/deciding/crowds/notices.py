"""What automatic answers tell beside, while a queue is in a surge or its contacts belong to an incident."""

from ...state import State
from .incidents import incident_of


def notice(state: State, queue: str, topic: str) -> dict[str, str]:
    """Which text an acknowledgement bears: the incident's, which is about this contact, before the surge's, which is about all."""
    incident, surge = incident_of(state, queue, topic), state.doors.surge(queue)
    found = (incident.notice_id if incident is not None else "") or (surge.notice_id if surge is not None else "")
    return {"notice": found} if found else {}
