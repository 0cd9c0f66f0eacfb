"""Why: what a decision passed over, and what stands between an agent and a contact, computed from the rows.

Nothing here uses the classes that decisions are made with (but for `overtaken`, which is part of a decision), so that a test can hold
one against the other.
"""

from .candidates import Candidates, Group, candidates, groups
from .overtaking import overtaken
from .reasons import AnyReason, lasts
from .stopping import Terms, stops
from .waiting import Relaxation, next_relaxation

__all__ = [
    "AnyReason",
    "Candidates",
    "Group",
    "Relaxation",
    "Terms",
    "candidates",
    "groups",
    "lasts",
    "next_relaxation",
    "overtaken",
    "stops",
]
