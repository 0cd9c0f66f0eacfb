"""Parts of plain catalogues, from which benches, plays and soaks make their centres: a queue for each skill, and who serves it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ccc_router.routing.policy import (
    Agent,
    Capacity,
    Disposition,
    Queue,
    QueueProfile,
    Requirement,
    Skill,
    Text,
    Topic,
)

LANGUAGE: Final = "vi"
"""A skill that everybody has."""
CHANNELS: Final = ("phone", "email", "fanpage", "portal", "internal")


def text(name: str) -> Text:
    """The same in both languages."""
    return Text(vi=name, en=name)


DISPOSITIONS: Final = (Disposition(id="answered", name=text("answered")), Disposition(id="not_given", name=text("-")))


def a_queue(name: str, skills: Sequence[str], channels: tuple[str, ...] = CHANNELS, **more: Any) -> Queue:
    """A queue that asks for these skills."""
    needed = tuple(Requirement(skill=skill) for skill in skills)
    return Queue(id=name, name=text(name), requirements=needed, channels=channels, **more)


def skills(queues: Iterable[str]) -> tuple[Skill, ...]:
    """The language, and one for each queue."""
    return tuple(Skill(id=name, name=text(name)) for name in (LANGUAGE, *queues))


def topics(queues: Iterable[str]) -> tuple[Topic, ...]:
    """One for each queue, which leads to it."""
    return tuple(Topic(id=name, name=text(name), queue=name) for name in queues)


def an_agent(number: int, served: Sequence[str], capacity: Capacity, phone_endpoint: str = "") -> Agent:
    """Agent n, who prefers the queues in this order and has their skills."""
    return Agent(
        id=f"agent.{number}",
        name=f"Agent {number}",
        skills={LANGUAGE: 5} | dict.fromkeys(served, 3),
        profiles=tuple(QueueProfile(queue=queue, priority=place) for place, queue in enumerate(served, 1)),
        capacity=capacity,
        phone=f"PJSIP/{1000 + number}" if phone_endpoint else "",
        phone_endpoint=phone_endpoint,
    )
