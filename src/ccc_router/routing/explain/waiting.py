"""What a waiting contact needs now, and when it will need less."""

from typing import NamedTuple

from ..policy import Calendar, Queue
from ..rows import Contact
from ..standing.steps import step_due

Needs = dict[str, int]
"""Level by skill."""


class Relaxation(NamedTuple):
    """The step after the present one: its number, when it comes (ms; 0: the clock stands, the contact does not wait), what it needs."""

    step: int
    at: int
    needs: Needs


def needs_at(queue: Queue, language: str, step: int, skills: frozenset[str]) -> Needs:
    """What a contact of the queue and language needs once ``step`` steps are behind it; a language we name as a skill is needed at 1."""
    requirements = queue.requirements
    for index, one in enumerate(queue.steps):
        if index < step:
            requirements = one.requirements
    needs = {one.skill: one.level for one in requirements}
    return needs if language not in skills or language in needs else needs | {language: 1}


def next_relaxation(
    queue: Queue, contact: Contact, skills: frozenset[str], hours: Calendar | None = None
) -> Relaxation | None:
    """The next step of the contact's queue, whose opening hours for its channel are ``hours``; None when it has taken the last."""
    step = contact.step + 1
    if step > len(queue.steps):
        return None
    return Relaxation(step, step_due(queue, hours, contact, step), needs_at(queue, contact.language, step, skills))
