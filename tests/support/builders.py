"""A small catalogue for tests: two queues, four agents, one endpoint a channel, one department."""

from typing import Any

import msgspec

from ccc_router.queues.catalogue import as_document
from ccc_router.routing.policy import (
    Agent,
    Calendar,
    Capacity,
    Catalogue,
    Deadline,
    Department,
    Disposition,
    Endpoint,
    Interval,
    Queue,
    QueueProfile,
    Requirement,
    Skill,
    Text,
    Topic,
)

CHANNELS = ("phone", "email", "fanpage", "portal", "internal")


def text(words: str) -> Text:
    """The same in both languages."""
    return Text(vi=words, en=words)


def an_agent(agent_id: str, queues: tuple[str, ...] = ("general", "cards"), **changes: Any) -> Agent:
    """An agent who speaks Vietnamese and serves these queues."""
    made = Agent(
        id=agent_id,
        name=agent_id,
        skills={"vi": 5, "card": 3},
        profiles=tuple(QueueProfile(queue=queue, priority=number) for number, queue in enumerate(queues, 1)),
        capacity=Capacity(
            channels={"phone": 1, "email": 2, "fanpage": 3, "portal": 3, "internal": 2}, total_weight=130
        ),
        phone=str(1000 + sum(agent_id.encode())),
        phone_endpoint="hotline",
    )
    return msgspec.structs.replace(made, **changes)


def a_catalogue(version: int = 1, agents: tuple[str, ...] = ("an", "binh", "chi", "dung"), **changes: Any) -> Catalogue:
    """A catalogue without faults; fields can be replaced."""
    made = Catalogue(
        version=version,
        queues=(
            Queue(id="general", name=text("General"), requirements=(Requirement(skill="vi"),), channels=CHANNELS),
            Queue(
                id="cards",
                name=text("Cards"),
                requirements=(Requirement(skill="card", level=2),),
                channels=CHANNELS,
                overflow="general",
            ),
        ),
        skills=(
            Skill(id="vi", name=text("Vietnamese")),
            Skill(id="en", name=text("English")),
            Skill(id="card", name=text("Card")),
        ),
        agents=tuple(an_agent(agent) for agent in agents),
        endpoints=(
            Endpoint(
                id="hotline",
                channel="phone",
                name=text("Hotline"),
                queue="general",
                dialect="csta",
                control_url="http://127.0.0.1:9/control",
            ),
            Endpoint(id="mailbox", channel="email", name=text("Mailbox"), queue="general", address="care@ccc.example"),
            Endpoint(id="page", channel="fanpage", name=text("Page"), queue="general", options={"page_id": "1"}),
            Endpoint(id="portal", channel="portal", name=text("Portal"), queue="general"),
        ),
        departments=(
            Department(
                id="policy",
                name=text("Policy"),
                calendar="office-hours",
                url="https://policy.example/ccc",
                deadlines={"default": Deadline(acknowledge_min=480, answer_min=2400)},
            ),
        ),
        calendars=(
            Calendar(
                id="office-hours",
                intervals=tuple(Interval(weekday=day, opens=480, closes=1020) for day in range(5)),
            ),
        ),
        dispositions=(
            Disposition(id="answered", name=text("Answered")),
            Disposition(id="not_given", name=text("Not given")),
        ),
        topics=(Topic(id="cards", name=text("Cards"), queue="cards", department="policy", share_permille=500),),
    )
    return msgspec.structs.replace(made, **changes)


def a_document(**changes: object) -> dict[str, Any]:
    """The small catalogue as a document; top-level parts can be replaced."""
    return as_document(a_catalogue()) | changes
