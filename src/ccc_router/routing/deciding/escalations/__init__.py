"""What becomes of a case that is handed to a department: raised, worked on, sent back, overdue. Pure generators of decisions."""

from .acting import act_on_escalation
from .raising import raise_escalation
from .watching import delivery_reported, escalation_due

__all__ = ["act_on_escalation", "delivery_reported", "escalation_due", "raise_escalation"]
